"""Two years of invented leads at once: old ones decided, new ones in work, today's unread."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from integrations.sandbox.clock import render_instant

from .enquiries import Enquirer
from .shape import Lead
from .statuses import suits

if TYPE_CHECKING:
    from .remote import LeadPro

DAY = 86_400.0
SPAN_DAYS = 730
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 11, 10, 10, 10, 10, 11, 12, 13, 13, 11, 7, 3)
WEEKDAY_WEIGHTS = (1.15, 1.05, 1.0, 1.0, 0.95, 0.85, 0.9)
#: Up to so many days old, a lead's status is drawn from these weights.
AGES: tuple[tuple[float, dict[str, int]], ...] = (
    (0.5, {"New": 80, "Contacted": 12, "Attempted contact": 8}),
    (
        3,
        {
            "New": 22,
            "Call back later": 8,
            "Contacted": 30,
            "Attempted contact": 22,
            "Viewing booked": 10,
            "Lost": 8,
        },
    ),
    (
        30,
        {
            "New": 4,
            "Contacted": 20,
            "Attempted contact": 14,
            "Qualified": 14,
            "Viewing booked": 14,
            "Lost": 20,
        }
        | {"Valuation booked": 8, "Waiting for documents": 4, "Offer made": 4},
    ),
    (
        10_000,
        {
            "New": 1,
            "Contacted": 9,
            "Qualified": 6,
            "Lost": 56,
            "Instructed": 8,
            "Sale agreed": 8,
            "Let agreed": 8,
        }
        | {"Offer made": 2, "Passed to mortgage adviser": 2},
    ),
)


def seed_leads(remote: LeadPro, count: int, seed: int) -> None:
    """Fill an empty remote with ``count`` leads of the last two years. No webhook tells of them."""
    chance = random.Random(seed)
    now = remote.clock.now()
    instants = sorted(_draw_instant(now, chance) for _ in range(count))
    remote.store.insert_all(_draw_leads(remote, instants, now, chance), origin="seed", stored_at=0.0)
    remote.store.set_fact("people", str(count))


def _draw_leads(remote: LeadPro, instants: list[float], now: float, chance: random.Random) -> Iterator[Lead]:
    enquirer = Enquirer(chance)
    parent: int | None = None
    for instant in instants:
        fields = enquirer.invent(same_person=parent is not None)
        fields |= {"created_at": render_instant(instant), "parent_id": parent}
        fields["status"] = draw_status(now - instant, fields["type"], chance)
        lead = remote.compose(fields, instant)
        parent = lead["id"] if lead["is_parent"] and chance.random() < 0.03 else None
        yield lead


def draw_status(age: float, kind: str, chance: random.Random) -> str:
    """A status that fits a lead of that type, so many seconds old."""
    weights = next(weights for days, weights in AGES if age <= days * DAY)
    weights = {status: weight for status, weight in weights.items() if suits(status, kind)}
    return chance.choices(list(weights), list(weights.values()))[0]


def _draw_instant(now: float, chance: random.Random) -> float:
    """An instant of the last two years when people enquire; business has grown."""
    while True:
        days_ago = SPAN_DAYS * (1 - chance.random() ** 0.8)
        day = datetime.fromtimestamp(now - days_ago * DAY, UTC).replace(minute=0, second=0, microsecond=0)
        hour = chance.choices(range(24), HOUR_WEIGHTS)[0]
        instant = day.replace(hour=hour).timestamp() + chance.random() * 3600
        if instant < now and chance.random() < WEEKDAY_WEIGHTS[day.weekday()] / 1.15:
            return instant
