"""What people ask the dictionary store for; in the product this is `pushing` and `deciding`."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

from leads.sync import editing
from leads.sync.adopting import overlay
from leads.sync.delivering.ports import (
    CREATE,
    DISCARDED,
    NEEDS_ATTENTION,
    OPEN,
    SENDING,
    UNCLEAR,
    UPDATE,
    VALUATION,
    WAITING,
)
from leads.sync.merging import META, QUESTIONNAIRE, meta_of_mine, missing_pairs, same
from tests.simulation.rows import Mirrored, Open, Row, Rows


class Asks(Rows):
    """Creates, edits, decisions and second tries."""

    def request_create(self, values: dict[str, Any], token: str, now: datetime, kind: str = CREATE) -> Row:
        assert kind in (CREATE, VALUATION)
        self.numbers += 1
        self.leads[self.numbers] = Mirrored(self.numbers, copy.deepcopy(values))
        payload = {**values, "meta": {**values.get("meta", {}), "leadmirror": token}}
        return self._add(Row(self.numbers * 100, self.numbers, kind, token, now, now, payload=payload))

    def _add(self, row: Row) -> Row:
        self.pushes[row.push_id] = row
        return row

    def request_update(self, lead_id: int, changes: dict[str, Any], now: datetime) -> Row | None:
        lead = self.leads[lead_id]
        left = {
            name: value
            for name, value in changes.items()
            if name == QUESTIONNAIRE or not same(name, value, lead.columns.get(name))
        }
        for name, conflict in self.open_conflicts(lead_id).items():
            if name in left:
                self._set_mine(conflict, self.pushes[conflict.push_id], left[name], now.timestamp())
                lead.columns[name] = left.pop(name)
        updates = [
            r for r in self.pushes.values() if r.lead_id == lead_id and r.kind == UPDATE and r.state in OPEN
        ]
        conflicts = self.open_conflicts(lead_id).keys()
        row = next((r for r in updates if r.state == WAITING), None) or next(
            (
                r
                for r in updates
                if r.state == NEEDS_ATTENTION and not r.plan and not conflicts & r.edits.keys()
            ),
            None,
        )
        flying = {name: edit for r in updates if r is not row for name, edit in r.edits.items()}
        edits = editing.fold(row.edits if row else {}, left, lead.columns.get, flying, now.timestamp())
        for name, value in left.items():
            known = lead.columns.get(name) or []
            lead.columns[name] = [*known, *missing_pairs(value, known)] if name == QUESTIONNAIRE else value
        if row is None:
            if not edits:
                return None
            self.numbers += 1
            row = self._add(Row(self.numbers * 100 + 1, lead_id, UPDATE, f"update-{self.numbers}", now, now))
        row.edits = edits
        if not edits:
            row.state = DISCARDED
        elif row.state == NEEDS_ATTENTION:
            row.state, row.due_at, row.attempts, row.bugs = WAITING, now, 0, 0
        self._keep_constraints(row)
        return row

    def resolve(self, conflict: Open, choice: str, now: datetime) -> bool:
        row, lead = self.pushes[conflict.push_id], self.leads[conflict.lead_id]
        if row.state == SENDING or (row.lease_until and row.lease_until > now):
            return False
        theirs = lead.theirs.get(conflict.field, conflict.theirs)
        conflict.is_open, conflict.decision, conflict.theirs = False, choice, theirs
        if choice == "theirs":
            row.edits = editing.drop(row.edits, [conflict.field], [])
            lead.columns[conflict.field] = theirs
        else:
            mine = conflict.mine
            if conflict.field == META:
                mine = meta_of_mine({"base": conflict.base, "mine": mine}, theirs)
            row.edits = {**row.edits, conflict.field: {"base": theirs, "mine": mine, "at": now.timestamp()}}
            lead.columns[conflict.field] = mine
        if row.state == NEEDS_ATTENTION:
            state = editing.state_left(row.edits, self.open_conflicts(row.lead_id))
            if state == WAITING:
                return self.retry(row, now)
            row.state = state
            row.remote_id = lead.remote_id
        return True

    def retry(self, row: Row, now: datetime) -> bool:
        unsure = bool(row.plan) if row.kind == UPDATE else row.was_unclear
        others = [o for o in self.pushes.values() if o.lead_id == row.lead_id and o is not row]
        if unsure and any(o.state in (SENDING, UNCLEAR) for o in others):
            return False
        if (
            row.kind == UPDATE
            and row.edits
            and all(name in self.open_conflicts(row.lead_id) for name in row.edits)
        ):
            return False
        if unsure:
            row.state, row.claimed_at = UNCLEAR, now
        else:
            row.state = WAITING
            self._absorb(row)
        return self._go_on(row, now)

    def _go_on(self, row: Row, now: datetime) -> bool:
        row.attempts = row.bugs = row.deaths = row.rounds = 0
        row.due_at, row.problem = now, ("", "", "")
        self._keep_constraints(row)
        return True

    def discard(self, row: Row, now: datetime) -> bool:
        """Take an update back: what the remote shows stands again. What was sent may arrive all the same."""
        assert row.kind == UPDATE
        if row.state not in OPEN or row.state == SENDING or (row.lease_until and row.lease_until > now):
            return False
        row.state, row.lease_until = DISCARDED, None
        row.fence += 1
        for conflict in self.conflicts:
            if conflict.push_id == row.push_id and conflict.is_open:
                conflict.is_open, conflict.decision = False, "theirs"
        lead = self.leads[row.lead_id]
        kept = self.protected(row.lead_id)
        for name, edit in row.edits.items():
            shown = lead.theirs.get(name) if lead.remote_id else edit.get("base")
            lead.columns[name] = overlay(name, shown, kept[name]) if name in kept else shown
        return True

    def found(self, row: Row, remote_id: int, now: datetime) -> bool:
        if row.state not in (UNCLEAR, NEEDS_ATTENTION) or (row.lease_until and row.lease_until > now):
            return False
        row.plan, row.state, row.was_unclear, row.claimed_at = {"found": remote_id}, UNCLEAR, True, now
        return self._go_on(row, now)

    def send_again(self, row: Row, now: datetime) -> bool:
        if row.state != NEEDS_ATTENTION or not row.was_unclear or (row.safe_at and now < row.safe_at):
            return False
        row.state = WAITING
        return self._go_on(row, now)
