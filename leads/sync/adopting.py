"""Recognises our own pushes in what a remote shows, and keeps edits that are on their way on top of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.errors import UnexpectedPayload
from integrations.leadpro.fields import FIELDS, TOKEN_KEY, Call, Kind
from integrations.leadpro.payloads import ParsedLead, parse_lead
from integrations.leadpro.shapes import parse_id
from leads.models import Connection, Copy, Push, Remote


def remote_id_of(payload: dict[str, Any]) -> int:
    """The id as an integer, whether it came as a number or as text; raises UnexpectedPayload."""
    remote_id = parse_id(payload.get("id"))
    if remote_id is None:
        raise UnexpectedPayload("Lead.pro showed a lead without a usable id. Nothing was changed here.")
    return remote_id


def overlay(name: str, theirs: Any, edit: dict[str, Any]) -> Any:
    """What the column shows while this edit is on its way: the edit, or their answers and ours."""
    if "pairs" in edit:
        known = list(theirs) if isinstance(theirs, list) else []
        return [*known, *(pair for pair in edit["pairs"] if pair not in known)]
    mine = edit.get("mine")
    if FIELDS[name].kind is Kind.INSTANT and isinstance(mine, str):
        return datetime.fromisoformat(mine)
    return mine


@dataclass(slots=True)
class Owners:
    """Our pushes by token, and the leads among theirs that have a copy at this connection already."""

    pushes: dict[str, Push]
    taken: dict[int, int]

    def claim(self, parsed: ParsedLead) -> Push | None:
        """The push that this lead answers, once."""
        push = self._push_of(parsed)
        if push is None or push.lead_id in self.taken:
            return None
        self.taken[push.lead_id] = parsed.leadpro_id
        return push

    def _push_of(self, parsed: ParsedLead) -> Push | None:
        token = parsed.token or ""
        return self.pushes.get(token) or self.pushes.get(token.lower())

    def twin(self, parsed: ParsedLead) -> tuple[Push, str] | None:
        """Where a second remote lead bears a token of ours: the push, and what to tell about both."""
        push = self._push_of(parsed)
        if push is None or self.taken.get(push.lead_id) in {None, parsed.leadpro_id}:
            return None
        ids = sorted((self.taken[push.lead_id], parsed.leadpro_id))
        return push, f"Twice in Lead.pro: #{ids[0]}, #{ids[1]}. Merge them there."


def find_owners(connection: Connection, parsed: Iterable[ParsedLead]) -> Owners:
    """Who made these leads, as far as it was us."""
    tokens = {token for one in parsed if one.token for token in (one.token, one.token.lower())}
    if not tokens:
        return Owners({}, {})
    pushes = Push.objects.filter(token__in=tokens, connection=connection).select_related("lead")
    copies = Copy.objects.filter(connection=connection, lead__pushes__token__in=tokens)
    return Owners({p.token: p for p in pushes}, {c.lead_id: int(c.remote_id) for c in copies})


def guests(connection: Connection, lead_ids: Iterable[int]) -> set[int]:
    """Of these leads, those that another Lead.pro connection had first: its copy owns the columns."""
    copies = Copy.objects.filter(lead_id__in=lead_ids, connection__remote=Remote.LEADPRO)
    first = dict(copies.order_by("-pk").values_list("lead_id", "connection_id"))
    return {lead_id for lead_id, owner in first.items() if owner != connection.pk}


def settle(push: Push, leadpro_id: int, now: datetime) -> None:
    """The push is answered, whoever saw the answer first. Repeatable; a discarded push learns its id only.

    A lease stays: whoever is still sending learns from its own answer what edits made since are based on.
    """
    done = {"state": Push.DONE, "settled_at": now, "problem": "", "problem_code": "", "problem_field": ""}
    Push.objects.filter(pk=push.pk, state__in=Push.OPEN).update(**done, remote_id=str(leadpro_id))
    Push.objects.filter(pk=push.pk, remote_id="").update(remote_id=str(leadpro_id))


def compare_with_sent(push: Push, parsed: ParsedLead) -> list[str]:
    """A sentence for each value that came back other than it was sent."""
    if push.kind not in (Push.CREATE, Push.VALUATION) or not push.payload:
        return []
    sent = parse_lead({**push.payload, "id": parsed.leadpro_id}).values
    notes = []
    for name, field in FIELDS.items():
        if name not in push.payload or Call(push.kind) not in field.writes or name == TOKEN_KEY:
            continue
        if sent.get(name) != parsed.values.get(name):
            notes.append(
                f"Lead.pro changed {name} from {_quote(sent.get(name))} to {_quote(parsed.values.get(name))}."
            )
    if "office_id" not in push.payload and parsed.values["office_name"]:
        notes.append(f"Lead.pro chose the office {parsed.values['office_name']}.")
    return notes


def _quote(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return f"“{text[:80]}…”" if len(text) > 80 else f"“{text}”"
