"""What happens when a remote says "no such lead", and when an edit is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from integrations.leadpro.payloads import parse_lead
from leads.models import Cause, Change, Copy, Lead, Remote, tallying
from leads.models.keys import email_key, phone_key
from leads.models.state import edits_by_lead, refresh_states
from leads.models.values import json_value
from leads.sync import pricing
from leads.sync.adopting import overlay
from leads.sync.locking import lock, lock_lead
from leads.sync.observing import plan_columns, plan_in

#: A lead is gone after two answers "no such lead" at least this far apart.
GONE_AFTER = timedelta(days=1)


def mark_missing(copy: Copy, started_at: datetime, now: datetime) -> bool:
    """Remember a 404. True when the lead counts as gone now: two of them a day apart, with good answers between.

    Nothing is deleted: the lead stays readable. Older news than the last answer applied is ignored. Repeatable.
    """
    with transaction.atomic():
        lock_lead(copy.lead_id)
        row = lock(Copy.objects.select_related("connection")).get(pk=copy.pk)
        if row.knows_newer(started_at, now):
            return row.gone_at is not None
        if row.missing_since is None:
            row.missing_since = now
        elif row.gone_at is None and now - row.missing_since >= GONE_AFTER and _others_were_answered(row):
            row.gone_at = now
        row.last_attempt_at, row.failures = now, 0
        planned = _plan(row, now) if row.refresh_class is not None else ()
        row.save(update_fields=["missing_since", "gone_at", "last_attempt_at", "failures", *planned])
        tallying.count(row.connection_id, "read:missing")
        if row.gone_at == now:
            refresh_states([row.lead_id], now)
        return row.gone_at is not None


def _plan(row: Copy, now: datetime) -> tuple[str, ...]:
    """Again in about a day, to be sure; what is gone is looked at as seldom as anything. The columns that were set."""
    model = pricing.load_model(row.connection, now)
    wait = timedelta(seconds=model.coldest) if row.gone_at else GONE_AFTER
    plan = plan_in(model, wait, now)
    pricing.note_demand(row.connection_id, plan.demand - row.demand)
    columns = plan_columns(plan)
    for name, value in columns.items():
        setattr(row, name, value)
    return tuple(columns)


def _others_were_answered(copy: Copy) -> bool:
    """A wrong address answers 404 to everything; then no lead is gone."""
    return (
        Copy.objects.filter(connection=copy.connection, seen_at__gt=copy.missing_since)
        .exclude(pk=copy.pk)
        .exists()
    )


def show_remote(lead: Lead, fields: Iterable[str], cause: Cause, actor: str, now: datetime) -> None:
    """Put what Lead.pro shows back into these columns, as a change. For edits that are not to be sent.

    Where another edit of the field is still on its way, that one is shown. To be called inside the transaction that
    discards them; nothing happens where no copy exists.
    """
    copy = Copy.objects.filter(lead=lead, connection__remote=Remote.LEADPRO).order_by("id").first()
    if copy is None:
        return
    theirs = parse_lead(copy.raw).values
    edits = edits_by_lead([lead.pk]).get(lead.pk, {})
    lead.refresh_from_db()
    before, row = lead.office_id, {}
    for name in fields:
        value = overlay(name, theirs.get(name), edits[name]) if name in edits else theirs.get(name)
        if value != getattr(lead, name):
            row[name] = [json_value(getattr(lead, name)), json_value(value)]
            setattr(lead, name, value)
    if not row:
        return
    lead.email_key, lead.phone_key = email_key(lead.email), phone_key(lead.phone)
    lead.changed_at = now
    lead.save(update_fields=[*row, "email_key", "phone_key", "changed_at"])
    Lead.objects.filter(pk=lead.pk).update(version=F("version") + 1)
    change = Change(
        at=now,
        lead=lead,
        connection_id=copy.connection_id,
        cause=cause,
        actor=actor,
        fields=row,
        office_before=before,
        office_after=lead.office_id,
    )
    Change.objects.append([change])
