"""Puts what a person typed into a lead's columns, with its history. What Lead.pro shows is written by `storing`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F

from leads.models import Cause, Change, Lead
from leads.models.keys import email_key, phone_key
from leads.models.state import refresh_states
from leads.models.values import json_value


def write_columns_of(
    lead: Lead,
    values: Mapping[str, Any],
    *,
    cause: Cause,
    actor: str,
    now: datetime,
    connection_id: int | None,
) -> None:
    """Set these columns of a locked lead, derive its state again, and append the change. Last in a transaction."""
    before = lead.office_id
    diff = {
        name: [json_value(getattr(lead, name)), json_value(value)]
        for name, value in values.items()
        if getattr(lead, name) != value
    }
    if diff:
        for name in diff:
            setattr(lead, name, values[name])
        lead.email_key, lead.phone_key = email_key(lead.email), phone_key(lead.phone)
        lead.changed_at = now
        lead.save(update_fields=[*diff, "email_key", "phone_key", "changed_at"])
        Lead.objects.filter(pk=lead.pk).update(version=F("version") + 1)
    refresh_states([lead.pk], now)
    if not diff:
        return
    change = Change(
        at=now,
        lead=lead,
        connection_id=connection_id,
        cause=cause,
        actor=actor,
        fields=diff,
        office_before=before,
        office_after=lead.office_id,
    )
    Change.objects.append([change])


def warn(lead_id: int, note: str) -> None:
    """Add a sentence to the lead's warnings, once. To be called inside a transaction."""
    lead = Lead.objects.get(pk=lead_id)
    if note not in lead.warnings:
        Lead.objects.filter(pk=lead_id).update(warnings=[*lead.warnings, note], version=F("version") + 1)
