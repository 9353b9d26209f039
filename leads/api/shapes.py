"""Rows as the JSON that callers see. Leads are read as plain values: no model instances, no query per row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from integrations.leadpro.fields import MIRRORED, TOKEN_KEY, Kind
from leads.models import Change, Connection, Copy, Lead, Office, Push, Remote, Scope, Status, SyncState
from leads.models.encryption import UnreadableSecret
from leads.models.values import json_value

MIRRORED_NAMES = tuple(field.name for field in MIRRORED)
#: Every key of a lead, in the order in which it is shown.
LEAD_KEYS = (
    "id",
    "leadpro_id",
    "origin",
    *MIRRORED_NAMES,
    "next_action_date",
    "person_id",
    "warnings",
    "sync",
)
SYNC_KEYS = ("state", "seen_at", "changed_at", "next_refresh_at", "pending", "problem")
_SYNC_COLUMNS = ("sync_state", "changed_at", "pending", "problem")
_INSTANTS = frozenset({f.name for f in MIRRORED if f.kind is Kind.INSTANT} | {"next_action_date"})
_NOT_COLUMNS = frozenset({"person_id", "sync"})

Shape = dict[str, Any]


def render_leads(ids: Sequence[int], keys: Collection[str] | None = None) -> list[Shape]:
    """The leads with these ids, in this order; three queries. ``keys``: only these, in the order of the full shape."""
    shown = [key for key in LEAD_KEYS if keys is None or key in keys]
    rows = _read_rows(Lead.objects.filter(pk__in=ids), shown)
    looks = _read_looks(ids) if "sync" in shown else {}
    if "sync" in shown:
        _tell_what_holds_up(rows)
    return [_render_lead(rows[pk], shown, looks.get(pk)) for pk in ids if pk in rows]


def render_lead(lead_id: int, scope: Scope) -> tuple[Shape, int] | None:
    """One lead and its version, read together; None where it does not exist or may not be seen."""
    rows = _read_rows(Lead.objects.visible_to(scope).filter(pk=lead_id), LEAD_KEYS, "version")
    row = rows.get(lead_id)
    if row is None:
        return None
    _tell_what_holds_up(rows)
    return _render_lead(row, LEAD_KEYS, _read_looks([lead_id]).get(lead_id)), row["version"]


def _read_rows(leads: QuerySet[Lead], shown: Collection[str], *more: str) -> dict[int, Shape]:
    columns = {"pk", *more, *(key for key in shown if key not in _NOT_COLUMNS)}
    if "sync" in shown:
        columns.update(_SYNC_COLUMNS)
    return {row["pk"]: row for row in leads.values(*columns)}


def _read_looks(ids: Sequence[int]) -> dict[int, tuple[datetime, datetime | None]]:
    """When each lead was last seen at its remote, and when it is looked at again. Lead.pro's copy counts first.

    Where nothing is read just now, or nothing is read one by one, nobody knows when: None.
    """
    rows = Copy.objects.filter(lead_id__in=ids).values_list(
        "lead_id", "connection_id", "seen_at", "next_refresh_at", "refresh_class"
    )
    connections = Connection.objects.in_bulk({row[1] for row in rows})
    open_ids = {pk for pk, row in connections.items() if connection_state(row)[0] == Connection.OK}
    looks: dict[int, tuple[datetime, datetime | None]] = {}
    for lead_id, pk, seen_at, next_refresh_at, refresh_class in rows:
        if lead_id not in looks or connections[pk].remote == Remote.LEADPRO:
            is_planned = pk in open_ids and refresh_class is not None
            looks[lead_id] = (seen_at, next_refresh_at if is_planned else None)
    return looks


def _tell_what_holds_up(rows: dict[int, Shape]) -> None:
    """Leads on their way without a word of their own say so where their connection is shut."""
    quiet = [pk for pk, row in rows.items() if row["sync_state"] == SyncState.PENDING and not row["problem"]]
    if not quiet:
        return
    for push in Push.objects.on_their_way().filter(lead_id__in=quiet).select_related("connection"):
        state, reason = connection_state(push.connection)
        if state != Connection.OK:
            rows[push.lead_id]["problem"] = f"Saved here, and it will go on by itself. {reason or ''}".strip()


def _render_lead(row: Shape, shown: Iterable[str], look: tuple[datetime, datetime | None] | None) -> Shape:
    shape = {key: row.get(key) for key in shown}
    for key in _INSTANTS & shape.keys():
        shape[key] = json_value(shape[key])
    if shape.get("meta"):
        shape["meta"] = _without_token(shape["meta"])
    if "sync" in shape:
        shape["sync"] = _render_sync(row, look)
    return shape


def _render_sync(row: Shape, look: tuple[datetime, datetime | None] | None) -> Shape:
    seen_at, next_refresh_at = look or (None, None)
    pending = row["pending"]
    if "meta" in pending:
        pending = {**pending, "meta": _without_token(pending["meta"])}
    return {
        "state": row["sync_state"],
        "seen_at": json_value(seen_at),
        "changed_at": json_value(row["changed_at"]),
        "next_refresh_at": json_value(next_refresh_at),
        "pending": pending,
        "problem": row["problem"] or None,
    }


def _without_token(meta: Any) -> Any:
    """``meta`` without our own key, should it ever stand there."""
    if not isinstance(meta, dict) or TOKEN_KEY not in meta:
        return meta
    return {key: value for key, value in meta.items() if key != TOKEN_KEY} or None


def render_changes(ids: Sequence[int], scope: Scope) -> list[Shape]:
    """Rows of the feed in this order, as this scope may see them."""
    rows = Change.objects.in_bulk(list(ids))
    return [_render_change(rows[pk], scope) for pk in ids if pk in rows]


def _render_change(row: Change, scope: Scope) -> Shape:
    """A row in which the lead left the scope's offices says just that: where it went is not theirs to know."""
    has_left = not scope.everything and not scope.allows_office(row.office_after)
    return {
        "id": row.pk,
        "at": json_value(row.at),
        "lead": row.lead_id,
        "cause": "left" if has_left else row.cause,
        "actor": None if has_left else row.actor or None,
        "fields": {} if has_left else row.fields,
    }


def render_pushes(ids: Sequence[int]) -> list[Shape]:
    """What is on its way, in this order."""
    rows = Push.objects.defer("payload", "edits", "plan").in_bulk(list(ids))
    return [render_push(rows[pk]) for pk in ids if pk in rows]


def render_push(push: Push) -> Shape:
    """One intent and what became of it. ``due_at`` is null where nothing more will happen by itself."""
    return {
        "id": push.pk,
        "lead": push.lead_id,
        "connection": push.connection_id,
        "kind": push.kind,
        "state": push.state,
        "attempts": push.attempts,
        "due_at": json_value(push.due_at) if push.state in Push.MOVING else None,
        "problem": push.problem or None,
        "remote_id": push.remote_id or None,
        "remote_reference": push.remote_reference or None,
        "created_at": json_value(push.created_at),
    }


def render_offices(ids: Sequence[int]) -> list[Shape]:
    """Lead.pro's offices under Lead.pro's ids."""
    rows = Office.objects.in_bulk(list(ids))
    return [
        {"id": row.office_id, "name": row.name, "connection": row.connection_id}
        for row in (rows[pk] for pk in ids if pk in rows)
    ]


def render_statuses(ids: Sequence[int]) -> list[Shape]:
    """Lead.pro's statuses under Lead.pro's ids; a stage has a name once a lead has shown it."""
    rows = Status.objects.select_related("stage").in_bulk(list(ids))
    return [_render_status(rows[pk]) for pk in ids if pk in rows]


def _render_status(row: Status) -> Shape:
    return {
        "id": row.status_id,
        "name": row.name,
        "stage_id": row.stage.stage_id if row.stage else None,
        "stage": row.stage.name if row.stage else None,
        "is_predefined": row.is_predefined,
        "connection": row.connection_id,
    }


def render_connections(ids: Sequence[int]) -> list[Shape]:
    """What we are connected to, and whether it works. Never a secret."""
    rows = Connection.objects.in_bulk(list(ids))
    return [_render_connection(rows[pk]) for pk in ids if pk in rows]


def _render_connection(row: Connection) -> Shape:
    state, reason = connection_state(row)
    return {"id": row.pk, "remote": row.remote, "name": row.name, "state": state, "reason": reason}


def connection_state(row: Connection) -> tuple[str, str | None]:
    """ok, paused or not_connected, and why."""
    try:
        if not row.is_connected:
            return "not_connected", f"{row.name} is not connected: no key is set."
    except UnreadableSecret as error:
        return "not_connected", str(error)
    return row.state, row.reason or None
