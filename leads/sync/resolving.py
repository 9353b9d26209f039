"""What a person decides about a field that both sides changed: mine, theirs, or another value. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from integrations.leadpro.fields import FIELDS, Call
from integrations.leadpro.payloads import parse_lead
from leads.models import Cause, Conflict, Copy, Push
from leads.models.state import refresh_states
from leads.models.values import json_value
from leads.sync import editing, missing
from leads.sync.deciding import as_column, locked, refuse_settled, refuse_while_worked_on, set_going
from leads.sync.editing import CannotPush
from leads.sync.merging import META, meta_of_mine, same
from leads.sync.saving import open_conflicts
from leads.sync.writing import write_columns_of

MOVED = "Lead.pro shows another {field} by now. Nothing was decided: look at both values and choose again."
UNCHANGEABLE = "Lead.pro takes no change of {field} from here. Change it there, then take theirs."


def resolve(
    push: Push,
    choices: Mapping[str, Any],
    actor: str,
    now: datetime,
    cause: Cause = Cause.USER,
    seen: Mapping[str, Any] | None = None,
) -> None:
    """Decide conflicts: field to ``"mine"``, ``"theirs"`` or ``{"value": another}`` (checked and cleaned).

    ``seen``: field to Lead.pro's value that the person had before them. Raises CannotPush, and decides nothing, where
    one of them has moved since: nobody overwrites what they were not shown.
    """
    with transaction.atomic():
        lead, row = locked(push)
        refuse_settled(row)
        refuse_while_worked_on(row, now)
        conflicts = open_conflicts(lead.pk)
        for field in choices:
            if field not in conflicts or conflicts[field].push_id != row.pk:
                raise CannotPush(f"{field} does not wait for a decision in this push.")
        shown = _shown(row)
        _refuse_moved(conflicts, shown, seen or {})
        taken = [
            f
            for f, choice in choices.items()
            if _decide(row, conflicts[f], choice, shown, actor, now) is None
        ]
        _go_on(row, now)
        refresh_states([lead.pk], now)
        missing.show_remote(lead, taken, cause, actor, now)
        lead.refresh_from_db()
        columns = {f: as_column(f, row.edits[f]["mine"]) for f in choices if f in row.edits}
        write_columns_of(lead, columns, cause=cause, actor=actor, now=now, connection_id=row.connection_id)
    push.refresh_from_db()


def theirs_of(conflict: Conflict) -> Any:
    """What Lead.pro is known to show of this field now: what a decision counts on, and people are shown."""
    return _shown(conflict.push).get(conflict.field, conflict.theirs)


def _shown(push: Push) -> dict[str, Any]:
    copy = Copy.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id).first()
    if copy is None:
        return {}
    return {name: json_value(value) for name, value in parse_lead(copy.raw).values.items()}


def _refuse_moved(
    conflicts: Mapping[str, Conflict], shown: Mapping[str, Any], seen: Mapping[str, Any]
) -> None:
    for field, value in seen.items():
        theirs = shown.get(field, conflicts[field].theirs)
        if value != theirs and not (type(value) is type(theirs) and same(field, value, theirs)):
            raise CannotPush(MOVED.format(field=field))


def _decide(
    push: Push, conflict: Conflict, choice: Any, shown: Mapping[str, Any], actor: str, now: datetime
) -> dict[str, Any] | None:
    """Close one conflict; the edit that is to be sent now, or None where Lead.pro's value stands."""
    field = conflict.field
    theirs = shown.get(field, conflict.theirs)
    edit: dict[str, Any] | None = None
    if choice == "theirs":
        conflict.decision, conflict.chosen = "theirs", theirs
        push.edits = editing.drop(push.edits, [field], [])
    else:
        if Call.UPDATE not in FIELDS[field].writes:
            raise CannotPush(UNCHANGEABLE.format(field=field))
        mine = conflict.mine if choice == "mine" else choice["value"]
        if field == META and choice == "mine":
            mine = meta_of_mine({"base": conflict.base, "mine": mine}, theirs)
        conflict.decision, conflict.chosen = ("mine" if choice == "mine" else "another"), json_value(mine)
        at = editing.typed_at(now.timestamp(), push.edits.get(field))
        edit = {"base": theirs, "mine": json_value(mine), "at": at}
        push.edits = {**push.edits, field: edit}
    conflict.theirs, conflict.decided_at, conflict.decided_by = theirs, now, actor
    conflict.save()
    return edit


def _go_on(push: Push, now: datetime) -> None:
    """What the push does after a decision."""
    if push.state == Push.NEEDS_ATTENTION:
        state = editing.state_left(push.edits, open_conflicts(push.lead_id))
        if state == Push.WAITING:
            set_going(push, now)
        elif state == Push.DONE:
            copy = Copy.objects.get(lead_id=push.lead_id, connection_id=push.connection_id)
            push.state, push.settled_at, push.remote_id = Push.DONE, now, copy.remote_id
            push.problem = push.problem_code = push.problem_field = ""
    push.due_at = now
    push.save()
