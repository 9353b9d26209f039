"""The account's statuses: those that every account has, and the ones an agency adds for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STAGES = {50: "Unread", 100: "In progress", 150: "Business"}


@dataclass(frozen=True, slots=True)
class Status:
    """One row of Get Statuses."""

    id: int
    name: str
    stage_id: int
    is_predefined: bool = True

    @property
    def stage(self) -> str:
        """The stage's name, as leads show it."""
        return STAGES.get(self.stage_id, f"Stage {self.stage_id}")

    def as_row(self) -> dict[str, Any]:
        """As Get Statuses prints it."""
        return {
            "id": self.id,
            "name": self.name,
            "stageId": self.stage_id,
            "isPredefined": self.is_predefined,
        }


STATUSES: tuple[Status, ...] = (
    Status(20, "New", 50),
    Status(44, "Call back later", 50, False),
    Status(21, "Contacted", 100),
    Status(22, "Attempted contact", 100),
    Status(23, "Qualified", 100),
    Status(24, "Viewing booked", 100),
    Status(25, "Valuation booked", 100),
    Status(45, "Waiting for documents", 100, False),
    Status(26, "Offer made", 150),
    Status(27, "Instructed", 150),
    Status(28, "Sale agreed", 150),
    Status(29, "Let agreed", 150),
    Status(46, "Passed to mortgage adviser", 150, False),
    Status(30, "Lost", 150),
)


#: The types a status makes sense for, where not for all; Lead.pro itself does not mind.
SUITS = {
    "Viewing booked": ("sale", "let"),
    "Valuation booked": ("vendor", "landlord"),
    "Instructed": ("vendor", "landlord"),
    "Offer made": ("sale", "let"),
    "Sale agreed": ("sale", "vendor"),
    "Let agreed": ("let", "landlord"),
    "Passed to mortgage adviser": ("sale", "mortgage_request"),
    "Waiting for documents": ("let", "mortgage_request"),
}


def suits(status: str, kind: object) -> bool:
    """Whether agents would give this status to a lead of this type."""
    return status not in SUITS or kind in SUITS[status]


class StatusList:
    """The statuses in force, which an account may add to."""

    def __init__(self) -> None:
        self.rows: tuple[Status, ...] = STATUSES

    def reset(self) -> None:
        """The statuses of the start."""
        self.rows = STATUSES

    def add(self, name: str, stage_id: int) -> Status:
        """A status of the account's own; a name may exist twice."""
        status = Status(max(row.id for row in self.rows) + 1, name, stage_id, False)
        self.rows = (*self.rows, status)
        return status

    def find_by_name(self, name: object) -> Status | None:
        """The first of that name."""
        return next((row for row in self.rows if row.name == name), None)

    def find_by_id(self, status_id: object) -> Status | None:
        """By id, as a number or as its digits."""
        return next((row for row in self.rows if str(row.id) == str(status_id)), None)

    def find(self, value: object, by: str) -> Status | None:
        """What a PATCH means by ``value`` where statuses are set by ``name``, ``id`` or ``both``."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        named = self.find_by_name(value) if by != "id" else None
        return named or (self.find_by_id(value) if by != "name" else None)
