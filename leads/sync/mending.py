"""Changes of a lead that is only here: no Lead.pro has it or is about to, so there is nobody to tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from leads.models import Cause, Copy, Lead, Push, Remote
from leads.models.values import json_value
from leads.sync.editing import CannotPush
from leads.sync.locking import lock_lead
from leads.sync.merging import QUESTIONNAIRE, missing_pairs, same
from leads.sync.writing import write_columns_of

NAMES = ("first_name", "last_name")


def is_only_here(lead: Lead) -> bool:
    """Whether Lead.pro neither has this lead nor is about to get it. What a rule has parked is not about to."""
    if Copy.objects.filter(lead=lead, connection__remote=Remote.LEADPRO).exists():
        return False
    creates = Push.objects.open().filter(lead=lead, kind__in=Push.CREATES)
    return not creates.exclude(Push.PARKED).exists()


def change_here(
    lead: Lead, changes: Mapping[str, Any], *, actor: str = "", cause: Cause = Cause.USER, now: datetime
) -> bool:
    """Change these columns, with history; whether anything differed. ``changes`` are checked and cleaned.

    A read of a portal leaves them alone from now on, and rules look at the lead again. Raises CannotPush where Lead.pro
    got the lead meanwhile. Repeatable.
    """
    with transaction.atomic():
        row = lock_lead(lead.pk)
        if not is_only_here(row):
            raise CannotPush("Lead.pro has got this lead meanwhile. Nothing was saved: save it again.")
        columns = {name: None if value == "" else value for name, value in changes.items()}
        columns = columns_of(row, find_differing(row, columns))
        if not columns:
            return False
        if row.full_name and columns.keys() & set(NAMES):
            names = (columns.get(name, getattr(row, name)) for name in NAMES)
            columns["full_name"] = " ".join(filter(None, names)) or None
        write_columns_of(row, columns, cause=cause, actor=actor, now=now, connection_id=None)
    lead.refresh_from_db()
    return True


def find_differing(lead: Lead, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the changes would alter on the lead as it is shown; of the questionnaire, the pairs to add."""
    differing = {}
    for name, value in changes.items():
        if name == QUESTIONNAIRE:
            if pairs := missing_pairs(value or [], lead.questionnaire):
                differing[name] = pairs
        elif not same(name, json_value(value), json_value(getattr(lead, name))):
            differing[name] = value
    return differing


def columns_of(lead: Lead, differing: Mapping[str, Any]) -> dict[str, Any]:
    """The lead's columns after these changes."""
    columns = dict(differing)
    if QUESTIONNAIRE in columns:
        columns[QUESTIONNAIRE] = [*(lead.questionnaire or []), *columns[QUESTIONNAIRE]]
    return columns
