"""The engine's store in dictionaries: what the outbox does in SQL, for the simulation and the store contract."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from integrations.leadpro.payloads import parse_lead
from leads.sync import editing
from leads.sync.delivering import words
from leads.sync.delivering.ports import (
    DISCARDED,
    DONE,
    NEEDS_ATTENTION,
    OPEN,
    SENDING,
    UNCLEAR,
    UPDATE,
    WAITING,
    After,
    Claimed,
    Reply,
    Sent,
)
from leads.sync.merging import Clash, missing_pairs
from tests.simulation.asks import Asks
from tests.simulation.rows import Open, Row
from tests.simulation.submits import Submits

DEATHS = 5


class DictStore(Asks, Submits):
    """One connection's outbox and mirror."""

    checks_fence = True
    waits_for_late = True

    def expire(self, now: datetime) -> int:
        dead = [
            r
            for r in self.pushes.values()
            if r.state in (SENDING, UNCLEAR) and r.lease_until and r.lease_until < now
        ]
        for row in dead:
            self.bury(row, now)
        return len(dead)

    def bury(self, row: Row, now: datetime) -> None:
        row.fence += 1
        row.deaths += 1
        row.lease_until, row.due_at = None, now
        if row.kind != UPDATE or row.state == UNCLEAR or row.plan:
            row.state, row.was_unclear, row.problem = UNCLEAR, True, ("unclear", "", words.UNCLEAR)
        else:
            row.state = WAITING
            self._absorb(row)
        self._keep_constraints(row)
        if row.deaths >= DEATHS:
            row.state, row.problem = NEEDS_ATTENTION, ("bug", "", words.BUG.format(push_id=row.push_id))

    def claim(
        self,
        now: datetime,
        *,
        lease: timedelta,
        safe_after: timedelta,
        creates: bool,
        push_id: int | None = None,
    ) -> Claimed | None:
        rows = [r for r in self.pushes.values() if self._is_free(r, now, creates, push_id)]
        if not rows:
            return None
        row = min(rows, key=lambda r: (r.state != UNCLEAR, r.due_at, r.push_id))
        row.fence += 1
        row.lease_until = now + lease
        if row.state == WAITING:
            row.state, row.claimed_at, row.safe_at = SENDING, now, now + safe_after
            row.attempts += 1
        return self.claimed(row)

    def _is_free(self, row: Row, now: datetime, creates: bool, push_id: int | None) -> bool:
        if row.state not in (WAITING, UNCLEAR) or (row.lease_until and row.lease_until >= now):
            return False
        if (row.due_at > now) if push_id is None else (row.push_id != push_id):
            return False
        others = [o for o in self.pushes.values() if o.lead_id == row.lead_id and o is not row]
        if any(o.state in (SENDING, UNCLEAR) or (o.lease_until and o.lease_until > now) for o in others):
            return False
        if row.kind == UPDATE:
            unmade = any(o.kind != UPDATE and o.state in OPEN for o in others)
            return not unmade and (not self.waits_for_late or self.held_until(row) <= max(now, row.due_at))
        return creates or row.state != WAITING

    def claimed(self, row: Row) -> Claimed:
        is_update = row.kind == UPDATE
        lead = self.leads[row.lead_id]
        return Claimed(
            push_id=row.push_id,
            lead_id=row.lead_id,
            kind=row.kind,
            state=row.state,
            token=row.token,
            fence=row.fence,
            payload=row.payload,
            edits=copy.deepcopy(row.edits),
            plan=copy.deepcopy(row.plan),
            remote_id=lead.remote_id if is_update else None,
            attempts=row.attempts,
            rounds=row.rounds,
            bugs=row.bugs,
            was_unclear=row.was_unclear,
            created_at=row.created_at,
            claimed_at=row.claimed_at,
            safe_at=row.safe_at,
            in_conflict=frozenset(self.open_conflicts(row.lead_id)) if is_update else frozenset(),
        )

    def _mine(self, claim: Claimed) -> Row | None:
        row = self.pushes[claim.push_id]
        if row.state not in (SENDING, UNCLEAR) or (self.checks_fence and row.fence != claim.fence):
            return None
        return row

    def renew(self, claim: Claimed, until: datetime) -> bool:
        row = self._mine(claim)
        if row is not None:
            row.lease_until = until
        return row is not None

    def record(self, claim: Claimed, sent: Sent) -> None:
        self.attempts.append((claim.push_id, sent))

    def learnt_id(self, claim: Claimed) -> int | None:
        known = (s.remote_id for number, s in self.attempts if number == claim.push_id)
        return next((remote_id for remote_id in known if isinstance(remote_id, int)), None)

    def save(self, claim: Claimed, after: After, now: datetime) -> Claimed | None:
        row = self._mine(claim)
        if row is None:
            if self.pushes[claim.push_id].fence == claim.fence:
                self.pushes[claim.push_id].lease_until = None
            return None
        self._apply(row, after, now)
        return self.claimed(row)

    def _apply(self, row: Row, after: After, now: datetime) -> None:
        row.edits = editing.drop(row.edits, after.over, after.over_pairs)
        for clash in after.clashes:
            self._clash(row, clash)
        if after.counted is not None:
            row.attempts = max(0, row.attempts + (1 if after.counted else -1))
        for name in ("was_unclear", "rounds", "bugs", "safe_at"):
            if (value := getattr(after, name)) is not None:
                setattr(row, name, value)
        if after.plan is not None:
            row.plan = dict(after.plan)
        state = after.state or (
            editing.state_left(row.edits, self.open_conflicts(row.lead_id)) if after.release else row.state
        )
        if after.release:
            row.lease_until, row.deaths = None, 0
        self._set_state(row, state, after, now)
        for other in self.pushes.values():
            if (
                other.lead_id == row.lead_id
                and other is not row
                and other.kind == UPDATE
                and other.state == WAITING
            ):
                other.edits = editing.rebase(other.edits, after.rebase)
        self._show(row, after)

    def _set_state(self, row: Row, state: str, after: After, now: datetime) -> None:
        row.state, row.due_at = state, after.due_at or now
        if after.problem is not None:
            row.problem = after.problem
        elif state in (DONE, WAITING):
            row.problem = ("", "", "")
        elif state == NEEDS_ATTENTION and after.state is None:
            row.problem = ("conflict", "", words.CONFLICT.format(fields=", ".join(sorted(row.edits))))
        if state == WAITING:
            self._absorb(row)
        if state == DONE:
            row.remote_id = self.leads[row.lead_id].remote_id
        self._keep_constraints(row)

    def _clash(self, row: Row, clash: Clash) -> None:
        if clash.field not in row.edits:
            return
        self._draw_in_newest(row, clash.field)
        mine = row.edits[clash.field]["mine"]
        known = self.open_conflicts(row.lead_id).get(clash.field)
        if known is None:
            self.conflicts.append(Open(row.lead_id, row.push_id, clash.field, clash.base, mine, clash.theirs))
            return
        known.theirs = clash.theirs
        if known.push_id == row.push_id:
            known.mine = mine
            return
        edit, owner = row.edits.pop(clash.field), self.pushes[known.push_id]
        if editing.is_later(edit, owner.edits.get(clash.field)):
            self._set_mine(known, owner, mine, edit["at"])

    def _draw_in_newest(self, row: Row, field: str) -> None:
        for other in self.pushes.values():
            if other.lead_id != row.lead_id or other is row or other.kind != UPDATE or other.state != WAITING:
                continue
            later = other.edits.get(field)
            if later is None or not editing.is_later(later, row.edits[field]):
                continue
            other.edits = editing.drop(other.edits, [field], [])
            if not other.edits:
                other.state = DISCARDED
            row.edits[field] = {**row.edits[field], "mine": later["mine"], "at": later["at"]}

    def _show(self, row: Row, after: After) -> None:
        lead = self.leads[row.lead_id]
        lead.warnings += after.warnings
        kept = self.protected(row.lead_id)
        for name in after.show:
            if name not in kept:
                lead.columns[name] = lead.theirs.get(name)

    def adopt(
        self, claim: Claimed, reply: Reply, now: datetime, *, is_own_answer: bool, warnings: list[str]
    ) -> str:
        row, lead = self.pushes[claim.push_id], self.leads[claim.lead_id]
        remote_id = int(reply.data["id"])
        if lead.remote_id is None and not any(one.remote_id == remote_id for one in self.leads.values()):
            lead.remote_id = remote_id
        self.mirror(reply.data, reply.started_at, now)
        lead.warnings += warnings
        if row.state == DONE and row.remote_id != remote_id:
            lead.warnings.append(words.twice(sorted({row.remote_id or 0, remote_id})))
            row.lease_until = None
            return DONE
        if row.state in OPEN:
            row.state, row.problem = DONE, ("", "", "")
        row.remote_id, row.lease_until, row.deaths = remote_id, None, 0
        if is_own_answer:
            shown = parse_lead(reply.data).values
            for other in self.pushes.values():
                if other.lead_id == row.lead_id and other.kind == UPDATE and other.state == WAITING:
                    other.edits = editing.rebase(other.edits, shown)
        return DONE

    def take_in(self, claim: Claimed, reply: Reply, now: datetime) -> None:
        self.mirror(reply.data, reply.started_at, now)

    def count_unclear(self, now: datetime) -> int:
        last = self.last_write_at
        return sum(
            1
            for r in self.pushes.values()
            if r.kind != UPDATE
            and (r.state in (SENDING, UNCLEAR) or self._in_doubt(r, now))
            and (last is None or (r.claimed_at is not None and r.claimed_at > last))
        )

    def note_written(self, now: datetime) -> None:
        self.last_write_at = now

    def change_breaker(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        self.breaker = change(copy.deepcopy(self.breaker))
        return self.breaker

    def count_calls(self, since: datetime) -> int:
        return sum(1 for at in self.calls if at >= since)

    def mirror(self, payload: dict[str, Any], started_at: datetime, now: datetime) -> None:
        """What any read shows, from whatever cause; our token attaches it to our lead."""
        parsed = parse_lead(payload)
        lead = next((one for one in self.leads.values() if one.remote_id == parsed.leadpro_id), None)
        if lead is None:
            row = next(
                (r for r in self.pushes.values() if r.token == parsed.token and r.kind != UPDATE), None
            )
            if row is None or self.leads[row.lead_id].remote_id is not None:
                return
            lead = self.leads[row.lead_id]
            lead.remote_id = parsed.leadpro_id
            if row.state in OPEN:
                row.state, row.problem = DONE, ("", "", "")
            row.remote_id = row.remote_id or parsed.leadpro_id
        if lead.as_of is not None and started_at < lead.as_of:
            return
        lead.as_of, lead.theirs = started_at, parsed.values
        edits = self.protected(lead.lead_id)
        for name, value in parsed.values.items():
            edit = edits.get(name)
            if edit is None:
                lead.columns[name] = value
            elif "pairs" in edit:
                lead.columns[name] = [*(value or []), *missing_pairs(edit["pairs"], value)]
            else:
                lead.columns[name] = edit["mine"]
