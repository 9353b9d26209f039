"""What was typed here while nobody knew whether Lead.pro has the lead stays when the lead turns up there after all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integrations.leadpro.fields import FIELDS, Call
from integrations.leadpro.payloads import ParsedLead, parse_lead
from leads.models import Cause, Change, Conflict, Lead, Push
from leads.models.state import edits_by_lead
from leads.models.values import json_value
from leads.sync import adopting, editing
from leads.sync.locking import lock
from leads.sync.merging import META, QUESTIONNAIRE, same
from leads.sync.saving import open_conflicts

#: Who types. What a portal shows is not sent on once Lead.pro has the lead.
TYPED = (Cause.USER, Cause.API)
UNCHANGEABLE = (
    "Changed here after it was sent: {fields}. Lead.pro takes no change of that from here: change it there,"
    " then take theirs."
)


def keep_typed(lead: Lead, push: Push, now: datetime) -> None:
    """A create that was discarded comes to life again: what was typed since it was asked for becomes an update.

    Only what somebody typed: a hand-over may have sent other values than the lead's own on purpose. The lead is locked.
    """
    if adopting.guests(push.connection, [lead.pk]):
        return
    sent = {name: json_value(value) for name, value in parse_lead({**push.payload, "id": 1}).values.items()}
    before, actor = _typed_since(lead, push)
    wanted = {name: json_value(getattr(lead, name)) for name in before}
    if wanted.get(QUESTIONNAIRE, ()) is None:
        del wanted[QUESTIONNAIRE]
    if sent.get(META):
        # A key that the person never saw is not one they took away.
        seen = (before.get(META) or {}).keys() | (wanted.get(META) or {}).keys()
        sent[META] = {key: value for key, value in sent[META].items() if key in seen}
    edits = editing.fold({}, wanted, sent.get, {}, now.timestamp())
    if edits:
        more: dict[str, Any] = {"actor": actor, "created_at": now, "due_at": now}
        Push.objects.create(lead=lead, connection=push.connection, kind=Push.UPDATE, edits=edits, **more)


def _typed_since(lead: Lead, push: Push) -> tuple[dict[str, Any], str]:
    """Field to what stood there before somebody typed, for what can be sent at all; and who typed last."""
    before: dict[str, Any] = {}
    actor = ""
    changes = Change.objects.filter(lead=lead, cause__in=TYPED, at__gt=push.created_at)
    for change in changes.order_by("id"):
        for name, pair in change.fields.items():
            if name in FIELDS and FIELDS[name].writes:
                before.setdefault(name, pair[0])
                actor = change.actor
    return before, actor


def edits_at_arrival(lead: Lead, push: Push, parsed: ParsedLead, now: datetime) -> dict[str, dict[str, Any]]:
    """The edits that shield a lead's columns at the moment its create is seen at Lead.pro. The lead is locked."""
    row = lock(Push.objects.filter(pk=push.pk)).get()
    if row.state == Push.DISCARDED and row.kind in Push.CREATES:
        keep_typed(lead, row, now)
    updates = Push.objects.filter(lead=lead, connection_id=row.connection_id, kind=Push.UPDATE)
    for update in lock(updates.filter(state=Push.WAITING)):
        _ask_where_unchangeable(update, parsed, now)
    return edits_by_lead([lead.pk]).get(lead.pk, {})


def _ask_where_unchangeable(update: Push, parsed: ParsedLead, now: datetime) -> None:
    """What a create takes and an update does not can only be changed there: both values are kept, a person is told."""
    fixed = [name for name in update.edits if Call.UPDATE not in FIELDS[name].writes]
    if not fixed:
        return
    theirs = {name: json_value(parsed.values.get(name)) for name in fixed}
    agreed = [name for name in fixed if same(name, update.edits[name]["mine"], theirs[name])]
    for name in set(fixed) - set(agreed):
        edit = update.edits[name]
        values = {"base": edit["base"], "mine": edit["mine"], "theirs": theirs[name]}
        Conflict.objects.create(lead_id=update.lead_id, push=update, field=name, opened_at=now, **values)
    update.edits = editing.drop(update.edits, agreed, [])
    update.state = editing.state_left(update.edits, open_conflicts(update.lead_id))
    if update.state == Push.NEEDS_ATTENTION:
        update.problem_code, update.problem = (
            "conflict",
            UNCHANGEABLE.format(fields=", ".join(sorted(update.edits))),
        )
    elif update.state == Push.DONE:
        update.settled_at, update.remote_id = now, str(parsed.leadpro_id)
    update.save()
