"""What a read of a lead is worth, in one table, and which kinds of leads there are. Pure.

Worth is a weight per unit of time during which the mirror shows something old: a lead of worth 60 that is stale for a
minute costs as much as one of worth 1 that is stale for an hour. docs/freshness.md shows this table to people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

HOUR, DAY = 3600.0, 86400.0

#: Up to which age (seconds since it was made or woke), what it is worth.
AGES = ((DAY, 200.0), (7 * DAY, 60.0), (30 * DAY, 15.0), (90 * DAY, 4.0), (inf, 1.0))
#: Kind of lead, times so much. A stage that this table does not name counts as OTHER.
STAGES = {"unread": 1.5, "in progress": 1.0, "": 1.0, "settled": 0.3}
OTHER = 0.5
#: Somebody has its page open, an app asks for it, or a push has just landed.
WANTED = 50.0
#: The next action is less than NEAR away, before or after.
NEXT_ACTION, NEAR = 4.0, timedelta(days=1)
#: A person who may have left another enquiry, which the mirror would not know at all.
PERSON, PERSON_WORTH = "@person", 8.0
#: Stages and statuses, in lower case, after which little happens.
SETTLED = frozenset(
    {"business", "won", "lost", "closed", "completed", "archived", "rejected", "cancelled", "not interested"}
)
LONGEST_KIND = 40


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a copy when its next look is decided. Text is the remote's own and may be anything."""

    awake_since: datetime
    stage: str = ""
    status: str = ""
    next_action_at: datetime | None = None
    wanted_until: datetime | None = None

    @property
    def kind(self) -> str:
        """The lead's kind, by which change rates are pooled: settled, or its stage in lower case."""
        stage = self.stage.strip().casefold()[:LONGEST_KIND]
        if stage in SETTLED or (self.status and self.status.strip().casefold() in SETTLED):
            return "settled"
        return stage.lstrip("@")


def stage_worth(kind: str) -> float:
    """What the worth of its age is multiplied by, for a kind as ``Traits.kind`` gives it."""
    return PERSON_WORTH if kind == PERSON else STAGES.get(kind, OTHER)


def ladder(kind: str) -> tuple[tuple[float, float], ...]:
    """(up to which age in seconds, worth) of a kind, youngest first. A person's worth does not fall with age."""
    factor = stage_worth(kind)
    return ((inf, factor),) if kind == PERSON else tuple((age, worth * factor) for age, worth in AGES)


def boosts(traits: Traits, now: datetime) -> Iterator[tuple[datetime, datetime, float]]:
    """(from, until, factor): the times at which the lead is worth more than its age and stage say. May be over."""
    if traits.wanted_until is not None:
        yield now, traits.wanted_until, WANTED
    if traits.next_action_at is not None:
        yield traits.next_action_at - NEAR, traits.next_action_at + NEAR, NEXT_ACTION


def band(traits: Traits, now: datetime) -> str:
    """Hot, warm or cold: how audits and the dashboard tell leads apart. A boosted lead is hot."""
    if any(start <= now < end for start, end, _ in boosts(traits, now)):
        return "hot"
    age, kind = (now - traits.awake_since).total_seconds(), traits.kind
    if age < 7 * DAY:
        return "hot"
    return "warm" if age < 30 * DAY or (age < 90 * DAY and kind != "settled") else "cold"
