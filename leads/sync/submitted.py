"""Leads that we submitted and that come back through a pull: with no id given, they are known by what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from integrations.aviv.payloads import ParsedAviv
from leads.models import Connection, Copy, Push
from leads.models.keys import email_key
from leads.models.state import refresh_states

#: The kind of a push that is answered with a request id only.
SUBMIT = Push.SUBMIT


def find_owners(connection: Connection, parsed: Sequence[ParsedAviv]) -> dict[str, Push]:
    """Remote id to the push that made it: same address, name, classified and message, each push once."""
    if not Push.objects.filter(connection=connection, kind=SUBMIT).exists():
        return {}
    there = Copy.objects.filter(lead=OuterRef("lead"), connection=connection)
    waiting = Push.objects.filter(~Exists(there), connection=connection, kind=SUBMIT).exclude(payload={})
    by_content: dict[tuple[str, ...], list[Push]] = {}
    for push in (
        waiting.exclude(state__in=(Push.WAITING, Push.DISCARDED)).select_related("lead").order_by("id")
    ):
        by_content.setdefault(_content_of(push.payload), []).append(push)
    owners = {}
    for one in parsed if by_content else ():
        if pushes := by_content.get(_content(one)):
            owners[one.lead_id] = pushes.pop(0)
    return owners


def settle(push: Push, remote_id: str, now: datetime) -> None:
    """The push has arrived, whatever was known of it before. Repeatable. To be called inside a transaction."""
    done = {"state": Push.DONE, "settled_at": now, "problem": "", "problem_code": "", "problem_field": ""}
    Push.objects.filter(pk=push.pk, state__in=Push.OPEN).update(**done, remote_id=remote_id)
    Push.objects.filter(pk=push.pk).update(remote_id=remote_id)
    refresh_states([push.lead_id], now)


def _content_of(payload: dict[str, Any]) -> tuple[str, ...]:
    texts = (payload.get(name) for name in ("lastName", "classifiedId", "message"))
    return (email_key(payload.get("email")), *(_plain(text) for text in texts))


def _content(one: ParsedAviv) -> tuple[str, ...]:
    texts = (one.values.get("last_name"), one.classified_id, one.values.get("message"))
    return (email_key(one.values.get("email")), *(_plain(text) for text in texts))


def _plain(text: Any) -> str:
    """Without case and with single spaces: all that a portal may change about a text."""
    return " ".join(str(text or "").casefold().split())
