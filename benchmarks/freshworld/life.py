"""What truly happens to the leads: births, changes, ends and second lives, from a seed. Nothing here is fitted.

Times are seconds from a Monday's midnight, UTC. The pace of the week is written down here a second time; the mirror
has to learn it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import exp
from random import Random

HOUR, DAY, WEEK, YEAR = 3600.0, 86400.0, 604800.0, 365 * 86400.0
LIVE, SETTLED = "in progress", "settled"
#: (changes expected, over about so many seconds), and how many a year for ever after.
BURSTS, TAIL = ((3.0, 3 * HOUR), (3.0, 14 * DAY)), 1.1
SIGMA, ENDS, WAKES, DORMANT = 1.0, 0.1, 0.055, 90 * DAY
#: What counts, by age since birth or second life: up to which age, how much. Less where settled.
WEIGHTS, SETTLED_WEIGHT = ((DAY, 200.0), (7 * DAY, 60.0), (30 * DAY, 15.0), (90 * DAY, 4.0)), 0.3
_WEEKDAY = (
    [0.05] * 6 + [0.2, 0.5, 1.5] + [3.0] * 3 + [2.0, 2.5] + [3.0] * 3 + [2.0, 1.0] + [0.6] * 3 + [0.2, 0.1]
)
_WEEKEND = [0.05] * 8 + [0.6] * 12 + [0.3] * 2 + [0.05] * 2
PACE = [168 * pace / sum(5 * _WEEKDAY + 2 * _WEEKEND) for pace in 5 * _WEEKDAY + 2 * _WEEKEND]
_SUMS = [sum(PACE[:hour]) * HOUR for hour in range(169)]


@dataclass(frozen=True, slots=True)
class Event:
    """One change: when, whether the lead is settled from then on, and when its present life began."""

    at: float
    is_settled: bool
    awake_since: float


@dataclass(slots=True)
class Lead:
    """Born at ``awake``; ``multiplier`` times the common rate."""

    born: float
    multiplier: float
    events: list[Event]


def to_business(seconds: float) -> float:
    weeks, rest = divmod(seconds, WEEK)
    hour = int(rest // HOUR)
    return weeks * WEEK + _SUMS[hour] + (rest - hour * HOUR) * PACE[hour]


def to_wall(business: float) -> float:
    weeks, rest = divmod(business, WEEK)
    hour = min(bisect_right(_SUMS, rest), 168) - 1
    return weeks * WEEK + hour * HOUR + (rest - _SUMS[hour]) / PACE[hour]


def true_rate(kind: str, age: float) -> float:
    """Changes a business second of a lead of multiplier 1."""
    wakes = WAKES / YEAR if kind == SETTLED or age >= DORMANT else 0.0
    if kind == SETTLED:
        return wakes
    return wakes + TAIL / YEAR + sum(n / length * exp(-age / length) for n, length in BURSTS)


def make_world(leads: int, days: float, seed: int) -> list[Lead]:
    """So many leads, evenly born over so many days, in order of birth."""
    dice, end = Random(seed), days * DAY
    evenly = (dice.random() * end for _ in range(leads))
    # Half of them come when offices are open, half at any time.
    births = sorted(to_wall(birth) if dice.random() < 0.5 else birth for birth in evenly)
    return [_live(birth, end, dice) for birth in births]


def _live(born: float, end: float, dice: Random) -> Lead:
    multiplier = exp(dice.gauss(-SIGMA * SIGMA / 2, SIGMA))
    events: list[Event] = []
    began: float | None = born
    while began is not None:
        began = _one_life(events, began, end, multiplier, dice)
    return Lead(born, multiplier, events)


def _one_life(events: list[Event], began: float, end: float, multiplier: float, dice: Random) -> float | None:
    """Add the changes of one life; when the next begins, if one does before the end."""
    start, limit = to_business(began), to_business(end)
    ages = _ages(multiplier, limit - start, dice)
    settled_at = next((age for age in ages[1:] if dice.random() < ENDS), None)
    dormant_from = DORMANT if settled_at is None else min(DORMANT, settled_at)
    woken_at = dormant_from + dice.expovariate(WAKES / YEAR)
    last = woken_at if settled_at is None else min(woken_at, settled_at)
    events += [Event(to_wall(start + age), age == settled_at, began) for age in ages if age <= last]
    if start + woken_at >= limit:
        return None
    again = to_wall(start + woken_at)
    events.append(Event(again, False, again))
    return again


def _ages(multiplier: float, longest: float, dice: Random) -> list[float]:
    ages = []
    for changes, length in BURSTS:
        ages += [dice.expovariate(1 / length) for _ in range(_poisson(changes * multiplier, dice))]
    age = dice.expovariate(multiplier * TAIL / YEAR)
    while age < longest:
        ages.append(age)
        age += dice.expovariate(multiplier * TAIL / YEAR)
    return sorted(age for age in ages if age < longest)


def _poisson(mean: float, dice: Random) -> int:
    count, left = 0, dice.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + dice.expovariate(1.0)
    return count


def weight_between(lead: Lead, start: float, end: float, after: int = -1) -> float:
    """What a lead counts, summed over a time. ``after``: the number of the last event before ``start``, if known."""
    if after < 0:
        after = bisect_right([event.at for event in lead.events], start) - 1
    total, since = 0.0, max(start, lead.born)
    while since < end:
        event = lead.events[after] if after >= 0 else None
        until = min(end, lead.events[after + 1].at) if after + 1 < len(lead.events) else end
        awake, factor = (
            (event.awake_since, SETTLED_WEIGHT if event.is_settled else 1.0) if event else (lead.born, 1.0)
        )
        if until > since:
            total += factor * (_summed(until - awake) - _summed(since - awake))
        since, after = max(since, until), after + 1
    return total


def _summed(age: float) -> float:
    total, since = 0.0, 0.0
    for limit, weight in WEIGHTS:
        if age <= limit:
            return total + (age - since) * weight
        total, since = total + (limit - since) * weight, limit
    return total + age - since
