"""The dictionary store's rows, and what the database would refuse about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leads.sync import editing
from leads.sync.delivering.ports import (
    DISCARDED,
    NEEDS_ATTENTION,
    OPEN,
    SENDING,
    UNCLEAR,
    UPDATE,
    WAITING,
    Sent,
)
from leads.sync.merging import missing_pairs


@dataclass
class Row:
    """A push."""

    push_id: int
    lead_id: int
    kind: str
    token: str
    created_at: datetime
    due_at: datetime
    state: str = WAITING
    payload: dict[str, Any] = field(default_factory=dict)
    edits: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    fence: int = 0
    attempts: int = 0
    rounds: int = 0
    bugs: int = 0
    deaths: int = 0
    was_unclear: bool = False
    claimed_at: datetime | None = None
    safe_at: datetime | None = None
    lease_until: datetime | None = None
    remote_id: int | None = None
    reference: str = ""
    problem: tuple[str, str, str] = ("", "", "")


@dataclass
class Mirrored:
    """A lead of the mirror."""

    lead_id: int
    columns: dict[str, Any]
    theirs: dict[str, Any] = field(default_factory=dict)
    remote_id: int | None = None
    as_of: datetime | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass
class Open:
    """A conflict."""

    lead_id: int
    push_id: int
    field: str
    base: Any
    mine: Any
    theirs: Any
    is_open: bool = True
    decision: str = ""


class Rows:
    """Leads, pushes, conflicts and attempts by number."""

    def __init__(self) -> None:
        self.leads: dict[int, Mirrored] = {}
        self.pushes: dict[int, Row] = {}
        self.conflicts: list[Open] = []
        self.attempts: list[tuple[int, Sent]] = []
        self.breaker: dict[str, Any] = {}
        self.last_write_at: datetime | None = None
        self.calls: list[datetime] = []
        self.numbers = 0

    def open_conflicts(self, lead_id: int) -> dict[str, Open]:
        return {c.field: c for c in self.conflicts if c.is_open and c.lead_id == lead_id}

    def protected(self, lead_id: int) -> dict[str, Any]:
        edits: dict[str, Any] = {}
        for row in self.pushes.values():
            if row.lead_id == lead_id and row.kind == UPDATE and row.state in OPEN:
                for name, edit in row.edits.items():
                    if "pairs" in edit:
                        known = edits.get(name, {}).get("pairs", [])
                        edits[name] = {"pairs": [*known, *missing_pairs(edit["pairs"], known)]}
                    elif edit.get("at", 0.0) >= edits.get(name, {}).get("at", 0.0):
                        edits[name] = {**edits.get(name, {}), **edit}
        return edits

    def _set_mine(self, conflict: Open, owner: Row, mine: Any, at: float) -> None:
        conflict.mine = mine
        owner.edits = {
            **owner.edits,
            conflict.field: {**owner.edits.get(conflict.field, {}), "mine": mine, "at": at},
        }

    def _keep_constraints(self, row: Row) -> None:
        """What the database refuses."""
        others = [o for o in self.pushes.values() if o.lead_id == row.lead_id and o is not row]
        flying = (SENDING, UNCLEAR)
        assert row.state not in flying or not any(o.state in flying for o in others), (
            "one push in flight per lead"
        )
        if row.kind == UPDATE and row.state == WAITING:
            assert not any(o.kind == UPDATE and o.state == WAITING for o in others), (
                "one waiting update per lead"
            )

    def _absorb(self, row: Row) -> None:
        if row.kind != UPDATE:
            return
        for other in self.pushes.values():
            if (
                other.lead_id == row.lead_id
                and other is not row
                and other.kind == UPDATE
                and other.state == WAITING
            ):
                row.edits = editing.absorb(row.edits, other.edits)
                other.state = DISCARDED
        for conflict in self.open_conflicts(row.lead_id).values():
            if conflict.push_id == row.push_id and conflict.field in row.edits:
                conflict.mine = row.edits[conflict.field]["mine"]

    def held_until(self, row: Row) -> datetime:
        """When an update may go that waits for an earlier one, given up, to arrive or to be too late for that."""
        late = [
            o.safe_at
            for o in self.pushes.values()
            if o.lead_id == row.lead_id
            and o is not row
            and o.kind == UPDATE
            and o.state in (NEEDS_ATTENTION, DISCARDED)
            if o.plan and "clear" not in o.plan and o.safe_at
        ]
        return max([row.due_at, *late]) if row.kind == UPDATE else row.due_at

    def next_due(self) -> datetime | None:
        unmade = {r.lead_id for r in self.pushes.values() if r.kind != UPDATE and r.state in OPEN}
        dues = [
            self.held_until(r)
            for r in self.pushes.values()
            if r.state in (WAITING, UNCLEAR) and (r.kind != UPDATE or r.lead_id not in unmade)
        ]
        dues += [r.due_at for r in self.pushes.values() if r.state in (WAITING, UNCLEAR) and r.kind != UPDATE]
        dues += [
            r.lease_until for r in self.pushes.values() if r.state in (SENDING, UNCLEAR) and r.lease_until
        ]
        return min(dues, default=None)
