"""What a fresh read changes about a lead that is known here. Pure: nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrations.leadpro.fields import MIRRORED
from integrations.leadpro.payloads import ParsedLead, parse_lead
from leads.models import Lead, Origin
from leads.models.values import json_value
from leads.sync.adopting import overlay
from leads.sync.merging import QUESTIONNAIRE

COLUMNS = tuple(field.name for field in MIRRORED)
KNOWN = frozenset((*COLUMNS, "id"))


def compare(
    lead: Lead,
    parsed: ParsedLead,
    edits: dict[str, dict[str, Any]],
    old_raw: dict[str, Any],
    raw: dict[str, Any],
    notes: Sequence[str] = (),
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The columns to write, and field to [old, new] for the history.

    ``edits`` are local changes on their way: their columns stay, and what the remote shows goes to ``pending``.
    ``notes`` are sentences to add to the warnings; sentences about values that are no longer shown go.
    """
    row: dict[str, Any] = {}
    diff: dict[str, list[Any]] = {}
    pending = dict(lead.pending)
    others = _filled_by_others(lead, old_raw)
    for name in COLUMNS:
        theirs = parsed.values[name]
        if theirs is None and name in others and name not in edits:
            continue
        if name == QUESTIONNAIRE and not theirs and not old_raw.get(name) and name not in edits:
            # Lead.pro may take answers and never show any: those that were typed here are not taken away by that.
            continue
        if name in edits:
            pending[name] = json_value(theirs)
            theirs = overlay(name, theirs, edits[name])
        mine = getattr(lead, name)
        if theirs != mine:
            row[name] = theirs
            diff[name] = [json_value(mine), json_value(theirs)]
    diff |= _unknown_keys(old_raw, raw)
    beside = {
        "pending": pending,
        "warnings": _warnings(lead, old_raw, parsed, notes),
        "leadpro_id": parsed.leadpro_id,
    }
    row |= {name: value for name, value in beside.items() if value != getattr(lead, name)}
    return row, diff


def _filled_by_others(lead: Lead, old_raw: dict[str, Any]) -> frozenset[str]:
    """Columns of a portal's lead that Lead.pro has never shown anything in: its nothing is no news about them."""
    if lead.origin != Origin.AVIV:
        return frozenset()
    shown = parse_lead(old_raw).values if old_raw else {}
    return frozenset(n for n in COLUMNS if getattr(lead, n) is not None and shown.get(n) is None)


def _unknown_keys(old_raw: dict[str, Any], raw: dict[str, Any]) -> dict[str, list[Any]]:
    if not old_raw:
        return {}
    names = (old_raw.keys() | raw.keys()) - KNOWN
    return {n: [old_raw.get(n), raw.get(n)] for n in sorted(names) if old_raw.get(n) != raw.get(n)}


def _warnings(lead: Lead, old_raw: dict[str, Any], parsed: ParsedLead, notes: Sequence[str]) -> list[str]:
    outdated = set(parse_lead(old_raw).warnings) if lead.warnings and old_raw else set()
    kept = [text for text in lead.warnings if text not in outdated]
    return list(dict.fromkeys([*kept, *parsed.warnings, *notes]))
