"""How many copies are believed to show still what the remote has, by importance: exact, or of a uniform sample."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet

from leads.models import Connection, Copy
from leads.sync.covering import scheduled
from leads.sync.freshness import Belief, Model, Traits, band
from leads.sync.measuring import mean_of_sample

#: Up to so many copies every one is looked at; beyond, a uniform sample of this size.
SAMPLE = 5_000
DRAW, MOST_DRAWS = 2_000, 50
ALL = "all"
COLUMNS = (
    "pk",
    "gamma_shape",
    "gamma_rate",
    "seen_at",
    "awake_since",
    "wanted_until",
    "lead__listed_at",
    "lead__stage",
    "lead__status",
    "lead__next_action_date",
)

Row = dict[str, Any]


def expect_freshness(
    connection: Connection,
    model: Model,
    copies: int,
    now: datetime,
    chance: random.Random,
    sample: int = SAMPLE,
) -> dict[str, dict[str, Any]]:
    """Band to the share of its copies believed unchanged since they were seen, with the sample's 95 % interval."""
    rows = scheduled(connection)
    is_whole = copies <= sample
    chosen = rows.values(*COLUMNS).iterator() if is_whole else _draw(rows, sample, chance)
    beliefs: dict[str, list[float]] = defaultdict(list)
    for name, probability in _believe(chosen, model, now):
        beliefs[name].append(probability)
        beliefs[ALL].append(probability)
    return {name: _sum_up(values, is_whole) for name, values in beliefs.items()}


def _sum_up(values: list[float], is_whole: bool) -> dict[str, Any]:
    share, low, high = mean_of_sample(values, is_whole=is_whole)
    return {"share": share, "low": low, "high": high, "looked": len(values), "is_whole": is_whole}


def _believe(rows: Iterable[Row], model: Model, now: datetime) -> Iterator[tuple[str, float]]:
    for row in rows:
        traits = Traits(
            awake_since=row["awake_since"] or row["lead__listed_at"],
            stage=row["lead__stage"] or "",
            status=row["lead__status"] or "",
            next_action_at=row["lead__next_action_date"],
            wanted_until=row["wanted_until"],
        )
        belief = Belief(row["gamma_shape"], row["gamma_rate"])
        yield band(traits, now), model.believed_unchanged(belief, traits, row["seen_at"], now)


def _draw(rows: QuerySet[Copy], size: int, chance: random.Random) -> list[Row]:
    """Copies of which each was as likely as any other: random ids between the ends, kept where one is there."""
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    found: dict[int, Row] = {}
    for _ in range(MOST_DRAWS):
        ids = {chance.randint(ends["first"], ends["last"]) for _ in range(DRAW)}
        found |= {row["pk"]: row for row in rows.filter(pk__in=ids - found.keys()).values(*COLUMNS)}
        if len(found) >= size:
            break
    return list(found.values())
