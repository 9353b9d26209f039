"""What the views that write have in common: which connection, which offices, waiting, and the answer with the lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.response import Response

from integrations.leadpro.fields import FIELDS
from leads.api.base import ApiView
from leads.api.headers import render_tag
from leads.api.problems import Problem, invalid, not_found
from leads.api.shapes import LEAD_KEYS, connection_state, render_lead
from leads.api.waiting import place, wait_for
from leads.models import Connection, Copy, Lead, Push, Remote, Scope
from leads.models.access import EVERYTHING

#: Keys of the lead's shape that are the mirror's own: never taken from a caller.
OURS = frozenset(LEAD_KEYS) - FIELDS.keys()
WRITABLE_NAMES = frozenset(FIELDS) | OURS


def find_lead(lead_id: int, scope: Scope) -> Lead:
    """The lead, or a 404 where it does not exist or may not be seen."""
    lead = Lead.objects.visible_to(scope).filter(pk=lead_id).first()
    if lead is None:
        raise not_found()
    return lead


def pick_connection(chosen: Any) -> Connection:
    """The Lead.pro connection that a caller named, or the default one."""
    if chosen is None:
        default = Connection.objects.default()
        if default is None:
            raise Problem(
                503, "not_connected", "No Lead.pro connection is set up here yet. Nothing was saved."
            )
        return default
    is_id = isinstance(chosen, int) and not isinstance(chosen, bool)
    row = Connection.objects.leadpro().filter(pk=chosen).first() if is_id else None
    if row is None:
        raise invalid([("connection", "unknown_choice", "There is no Lead.pro connection with this id.")])
    return row


def connection_of(lead: Lead) -> Connection:
    """Where this lead is at Lead.pro, or is on its way to."""
    copy = (
        Copy.objects.filter(lead=lead, connection__remote=Remote.LEADPRO).select_related("connection").first()
    )
    if copy is not None:
        return copy.connection
    creates = Push.objects.open().filter(lead=lead, kind__in=Push.CREATES)
    push = creates.select_related("connection").first()
    return push.connection if push is not None else pick_connection(None)


def refuse_own_keys(body: Mapping[str, Any]) -> None:
    """Raises a 400 for keys that the mirror sets itself."""
    errors = [(name, "read_only", f"{name} is set here, not by callers.") for name in body if name in OURS]
    if errors:
        raise invalid(errors, code="read_only")


def refuse_foreign_office(office: Any, scope: Scope) -> None:
    """Raises a 403 where a limited key would put a lead into an office that is not its own."""
    if isinstance(office, str) and office.strip().isascii() and office.strip().isdigit():
        office = int(office)
    if isinstance(office, int) and not scope.allows_office(office):
        sentence = "This key is limited to other offices. Nothing was saved."
        raise invalid([("office_id", "not_allowed", sentence)], status=403, code="office_not_allowed")


def wait_for_push(push: Push, seconds: float) -> tuple[str, bool]:
    """(state of the push, whether it was waited for). Returns early once nothing more will happen by itself."""

    def look() -> str | None:
        state = Push.objects.filter(pk=push.pk).values_list("state", flat=True).first()
        return None if state in Push.MOVING else state or Push.DISCARDED

    if seconds <= 0 or connection_state(push.connection)[0] != Connection.OK:
        return push.state, False
    with place() as is_free:
        if not is_free:
            return push.state, False
        return wait_for(look, seconds) or push.state, True


def is_delivered(state: str) -> bool:
    """Whether the remote has it."""
    return state in {Push.DONE, Push.DUPLICATE}


def answer_lead(
    lead_id: int, status: int, scope: Scope = EVERYTHING, headers: Mapping[str, str] | None = None
) -> Response:
    """The lead as it stands, with its tag; a 404 where it may not be seen."""
    found = render_lead(lead_id, scope)
    if found is None:
        raise not_found()
    shape, version = found
    return Response(shape, status=status, headers={"ETag": render_tag(version), **(headers or {})})


def applied(seconds: float | None, was_waited: bool) -> dict[str, str]:
    """``Preference-Applied``, where the caller asked for a wait and got it."""
    return {"Preference-Applied": f"wait={seconds:g}"} if seconds is not None and was_waited else {}


def prefer(view: ApiView) -> str:
    """The Prefer header of the request."""
    return str(view.request.META.get("HTTP_PREFER", ""))
