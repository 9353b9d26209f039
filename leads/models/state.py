"""What a lead's badge says, derived from its pushes, conflicts and copies, and kept on the row to filter by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F

from leads.models.conflict import Conflict
from leads.models.connection import Remote
from leads.models.copy import Copy
from leads.models.lead import Lead, SyncState
from leads.models.push import Push
from leads.models.values import json_value

UNCLEAR_WORDS = "Sent, no answer yet. We are checking whether it arrived. Do not enter it again."
GONE_WORDS = "Lead.pro no longer has this lead. What was known of it is kept here."


def protected_fields(pushes: Iterable[Push]) -> dict[str, dict[str, Any]]:
    """Field to edit, of the open updates among these pushes; where two hold one field, the later edit counts, and all
    answers do.
    """
    edits: dict[str, dict[str, Any]] = {}
    for push in sorted(pushes, key=lambda p: p.pk):
        if push.kind == Push.UPDATE and push.state in Push.OPEN:
            for name, edit in push.edits.items():
                if "pairs" in edit:
                    known = edits.get(name, {}).get("pairs", [])
                    edits[name] = {"pairs": [*known, *(pair for pair in edit["pairs"] if pair not in known)]}
                elif edit.get("at", 0.0) >= edits.get(name, {}).get("at", 0.0):
                    edits[name] = {**edits.get(name, {}), **edit}
    return edits


def edits_by_lead(lead_ids: Iterable[int]) -> dict[int, dict[str, dict[str, Any]]]:
    """Lead to `protected_fields`, for those of these leads that have any."""
    pushes: dict[int, list[Push]] = defaultdict(list)
    for push in Push.objects.filter(lead_id__in=list(lead_ids), kind=Push.UPDATE, state__in=Push.OPEN):
        pushes[push.lead_id].append(push)
    return {lead_id: protected_fields(rows) for lead_id, rows in pushes.items()}


def refresh_states(lead_ids: Iterable[int], now: datetime) -> None:
    """Derive state, problem and pending of these leads again; raise the version where one of them moved.

    To be called inside the transaction that changed pushes, conflicts or copies. Repeatable.
    """
    ids = sorted(set(lead_ids))
    pushes: dict[int, list[Push]] = defaultdict(list)
    for push in (
        Push.objects.filter(lead_id__in=ids, state__in=Push.OPEN).select_related("connection").order_by("id")
    ):
        pushes[push.lead_id].append(push)
    conflicts: dict[int, list[Conflict]] = defaultdict(list)
    for conflict in Conflict.objects.filter(lead_id__in=ids, decided_at__isnull=True):
        conflicts[conflict.lead_id].append(conflict)
    copies: dict[int, list[datetime | None]] = defaultdict(list)
    for lead_id, gone_at in Copy.objects.filter(
        lead_id__in=ids, connection__remote=Remote.LEADPRO
    ).values_list("lead_id", "gone_at"):
        copies[lead_id].append(gone_at)
    for lead in Lead.objects.filter(pk__in=ids):
        _bring_up_to_date(lead, conflicts[lead.pk])
        _refresh(lead, pushes[lead.pk], [c.field for c in conflicts[lead.pk]], copies[lead.pk])


def _bring_up_to_date(lead: Lead, conflicts: list[Conflict]) -> None:
    """An open conflict shows what Lead.pro shows now, not what it showed when the conflict was found."""
    for conflict in conflicts:
        theirs = lead.pending.get(conflict.field, conflict.theirs)
        if theirs != conflict.theirs:
            conflict.theirs = theirs
            conflict.save(update_fields=["theirs"])


def _refresh(lead: Lead, pushes: list[Push], conflicts: list[str], copies: list[datetime | None]) -> None:
    state = _state(pushes, conflicts, copies)
    problem = _problem(state, pushes, conflicts)
    pending = _pending(lead, protected_fields(pushes))
    if (state, problem, pending) == (lead.sync_state, lead.problem, lead.pending):
        return
    Lead.objects.filter(pk=lead.pk).update(
        sync_state=state, problem=problem, pending=pending, version=F("version") + 1
    )


def _state(pushes: list[Push], conflicts: list[str], copies: list[datetime | None]) -> SyncState:
    if conflicts or any(p.state == Push.NEEDS_ATTENTION for p in pushes):
        return SyncState.NEEDS_ATTENTION
    if pushes:
        return SyncState.PENDING
    if not copies:
        return SyncState.LOCAL
    return SyncState.GONE if all(copies) else SyncState.IN_SYNC


def _problem(state: SyncState, pushes: list[Push], conflicts: list[str]) -> str:
    for push in pushes:
        if push.state == Push.NEEDS_ATTENTION and push.problem:
            return push.problem
    if conflicts:
        return f"Changed here and in Lead.pro: {', '.join(sorted(conflicts))}. Both values are kept; please choose."
    for push in pushes:
        if push.state == Push.UNCLEAR:
            return push.problem or UNCLEAR_WORDS
        if push.connection.is_paused:
            return f"Saved here. {push.connection.reason}"
        if push.problem:
            return push.problem
    return GONE_WORDS if state == SyncState.GONE else ""


def _pending(lead: Lead, edits: dict[str, dict[str, Any]]) -> dict[str, Any]:
    pending = {}
    for name, edit in edits.items():
        if name in lead.pending:
            theirs = lead.pending[name]
        elif "pairs" in edit:
            theirs = [pair for pair in getattr(lead, name) or [] if pair not in edit["pairs"]] or None
        else:
            theirs = edit.get("base")
        if theirs != json_value(getattr(lead, name)):
            pending[name] = theirs
    return pending
