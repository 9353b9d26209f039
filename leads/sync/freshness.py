"""When to look again: what a read now would be worth, and how long until it is worth its price. Pure.

The rule is the delay index: a lead of worth w that is expected to have changed x times since the last look, and now
changes at rate l, is worth ``w x² / 2l``. It is read when that reaches the price, the same for every lead of a
connection (Olston & Pandey, WWW 2008; as an index under a budget: Azar et al., PNAS 2018; Busa-Fekete et al., WWW
2025). Nothing is starved, as under the penalty of Kolobov et al., NeurIPS 2019; an index of mere freshness would drop
what changes too fast (Cho & Garcia-Molina, TODS 2003). Nothing here reads a clock or a database. docs/freshness.md has
the rule in words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest
from math import frexp, sqrt
from typing import TypeVar

from leads.sync.businessclock import BusinessClock
from leads.sync.rates import A0, Belief, Delta, Rates
from leads.sync.worth import DAY, PERSON, Traits, band, boosts

__all__ = [
    "A0", "AUDIT_SHARE", "CLASSES", "SWEEP_SHARE", "Belief", "BusinessClock", "Model", "Observation", "Plan", "Rates",
    "Traits", "backoff", "backoff_interval", "band", "interval_class", "is_dormant", "lateness", "price", "rank_heads",
]  # fmt: skip

#: Shares of the reads that go to the oldest look, and to a lead drawn uniformly at random.
SWEEP_SHARE, AUDIT_SHARE = 0.02, 0.01
CLASSES = 20
MINUTE = 60.0
LONGEST_BACKOFF = 7 * DAY
#: A settled lead that changes after this age has come back to life: it counts as new again. Old leads that are not
#: settled change now and then without more to follow; to take each for new would cost half of what new ones get.
DORMANT = DAY
#: The price before anything is known: a lead of some days is looked at about daily.
FIRST_PRICE = 5e5
#: The limit on the coldest look counts as demand up to so many times what the look is worth: a budget that
#: cannot pay for the limit would otherwise drive the price without end.
MOST_FOR_COLDEST = 4.0

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Plan:
    """When to look again. ``interval`` is business seconds; ``demand`` is the row's part in the connection's."""

    interval: float
    interval_class: int
    next_refresh_at: datetime
    demand: float


@dataclass(frozen=True, slots=True)
class Observation:
    """What one read taught: of the copy, of its cells (``Rates.add``) and of hours (``BusinessClock.add``)."""

    belief: Belief
    delta: Delta
    hours: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Model:
    """What a worker holds to decide for one connection. ``floor`` and ``coldest`` are seconds.

    Moments are aware datetimes; ``learn`` and ``interval`` are the same decisions in business seconds, for those who
    make millions of them.
    """

    rates: Rates
    clock: BusinessClock
    price: float = FIRST_PRICE
    floor: float = MINUTE
    coldest: float = 180 * DAY

    def observe(
        self, belief: Belief, traits: Traits, since: datetime, now: datetime, changed: bool
    ) -> Observation:
        """Learn from a successful read of a copy last seen at ``since``. ``traits`` are those of before the read.

        A read that failed, or found the lead gone, is no observation.
        """
        return self._observe(belief, traits.kind, traits.awake_since, since, now, changed)

    def plan(self, belief: Belief, traits: Traits, now: datetime) -> Plan:
        """When to look again at a copy that has just been seen."""
        age, multiplier, kind = self._age(traits.awake_since, now), belief.mean, traits.kind
        interval = self.interval(kind, age, multiplier)
        for start, end, factor in boosts(traits, now):
            if end > now:
                opens, closes = max(0.0, self.clock.elapsed(now, start)), self.clock.elapsed(now, end)
                boosted = max(opens, self.interval(kind, age, multiplier, factor))
                interval = min(interval, boosted) if boosted < closes else interval
        return self._plan(interval, now)

    def believed_unchanged(self, belief: Belief, traits: Traits, seen_at: datetime, now: datetime) -> float:
        """Probability, in [0, 1], that a copy seen then shows what the remote has now."""
        curve, since = self.rates.curve(traits.kind), self._age(traits.awake_since, seen_at)
        exposure = curve.total(self._age(traits.awake_since, now)) - curve.total(since)
        return belief.unchanged_after(exposure)

    def wakes(self, traits: Traits, now: datetime) -> bool:
        """Whether a change that was found now means that the lead woke: its ``awake_since`` becomes now.

        ``traits`` are those of before the change.
        """
        return is_dormant(traits.kind, self._age(traits.awake_since, now))

    def contact_observe(
        self, belief: Belief, awake_since: datetime, since: datetime, now: datetime, discovered: bool
    ) -> Observation:
        """Learn from a look-up of a person: did it show a lead that we did not know?"""
        return self._observe(belief, PERSON, awake_since, since, now, discovered)

    def contact_plan(self, belief: Belief, awake_since: datetime, now: datetime) -> Plan:
        """When to look a person up again whose newest known lead was made at ``awake_since``."""
        return self._plan(self.interval(PERSON, self._age(awake_since, now), belief.mean), now)

    def learn(
        self, belief: Belief, kind: str, start: float, end: float, changed: bool
    ) -> tuple[Belief, Delta]:
        """The belief after a read at age ``end`` of a lead seen at age ``start``, and what cells learn (EM)."""
        steps = list(self.rates.curve(kind).walk(start, end))
        exposure = sum(expected for _, _, expected in steps)
        belief = belief.faded(end - start)
        multiplier = belief.mean
        share = belief.changes(exposure) / exposure if changed and exposure else 0.0
        delta = {cell: (expected * share, multiplier * seconds) for cell, seconds, expected in steps}
        return belief.after(exposure, changed=changed), delta

    def learn_hours(
        self, belief: Belief, kind: str, age: float, since: float, until: float, delta: Delta
    ) -> dict[str, tuple[float, float]]:
        """What the same read teaches of the hours of the week. ``since`` and ``until`` are seconds since 1970.

        ``belief`` is that of before the read, ``age`` that of the look before, ``delta`` what ``learn`` gave.
        """
        passed = self.clock.business(until) - self.clock.business(since)
        if passed <= 0:
            return {}
        curve = self.rates.curve(kind)
        rate = belief.mean * (curve.total(age + passed) - curve.total(age)) / passed
        return self.clock.exposure(since, until, rate, sum(changes for changes, _ in delta.values()))

    def interval(self, kind: str, age: float, multiplier: float, factor: float = 1.0) -> float:
        """Business seconds from a look at ``age`` until the next is worth the price; no limits applied.

        With a constant rate ``sqrt(2 price / (worth rate))``. Forward form: what has accumulated since the look
        against the rate of the moment, bucket by bucket, because a cooling lead's next interval does not resemble its
        last, as the integral of Olston & Pandey (2008, appendix A) takes for granted.
        """
        curve = self.rates.curve(kind)
        starts, rates, worths = curve.starts, curve.rates, curve.worths
        step, last = max(0, bisect_right(starts, age) - 1), len(starts) - 1
        due, found, needed = age, 0.0, 2 * self.price / (factor * multiplier)
        while True:
            rate = rates[step]
            wait = sqrt(needed * rate / worths[step]) - found
            if wait <= 0:
                return due - age
            wait /= rate
            if step == last or due + wait <= starts[step + 1]:
                return due + wait - age
            found += rate * (starts[step + 1] - due)
            step += 1
            due = starts[step]

    def demand(self, interval: float) -> float:
        """A row's part in the demand, of its interval without limits.

        A row at the limit for the coldest counts as often as it is read, up to MOST_FOR_COLDEST times its due.
        """
        return sqrt(self.price) * MINUTE / max(min(interval, self.coldest), interval / MOST_FOR_COLDEST, 1e-3)

    def _age(self, awake_since: datetime, now: datetime) -> float:
        return max(0.0, self.clock.elapsed(awake_since, now))

    def _observe(
        self, belief: Belief, kind: str, awake_since: datetime, since: datetime, now: datetime, changed: bool
    ) -> Observation:
        start, end = self._age(awake_since, since), self._age(awake_since, now)
        after, delta = self.learn(belief, kind, start, end, changed)
        return Observation(
            after, delta, self.learn_hours(belief, kind, start, since.timestamp(), now.timestamp(), delta)
        )

    def _plan(self, interval: float, now: datetime) -> Plan:
        limited = min(max(interval, self.floor), self.coldest)
        earliest, latest = now + timedelta(seconds=self.floor), now + timedelta(seconds=self.coldest)
        at = min(max(self.clock.after(now, limited), earliest), latest)
        return Plan(limited, interval_class(limited), at, self.demand(interval))


def is_dormant(kind: str, age: float) -> bool:
    """Whether a lead of this age (business seconds) sleeps, so that a change makes it new again."""
    return kind == "settled" and age >= DORMANT


def interval_class(interval: float) -> int:
    """floor(log2(minutes)), from 0 to CLASSES - 1: within a class, intervals differ by less than a factor of two."""
    return min(max(frexp(interval / MINUTE)[1] - 1, 0), CLASSES - 1)


def price(demand: float, reads_per_minute: float) -> float:
    """The price at which all rows together ask for the reads there are, less the sweep and the audit.

    ``demand`` is the sum of the rows' demands. Feed-forward: a budget that changes is felt at once.
    """
    if demand <= 0 or reads_per_minute <= 0:
        return FIRST_PRICE
    return float((demand / (reads_per_minute * (1 - SWEEP_SHARE - AUDIT_SHARE))) ** 2)


def backoff_interval(failures: int) -> float:
    """Seconds to wait after so many failed reads in a row: 2, 4, 8 … minutes, at most a week."""
    return min(MINUTE * 2.0 ** min(max(failures, 0), 30), LONGEST_BACKOFF)


def backoff(failures: int, now: datetime, price: float = 0.0) -> Plan:
    """The plan after so many failed reads in a row. Its demand, at this price, replaces the row's.

    A failure is not "unchanged": the belief and "seen at" stay as they were.
    """
    interval = backoff_interval(failures)
    at = now + timedelta(seconds=interval)
    return Plan(interval, interval_class(interval), at, sqrt(price) * MINUTE / interval)


def lateness(clock: BusinessClock, interval: float, last_attempt_at: datetime, now: datetime) -> float:
    """Business time since the last attempt, by the interval. Its square is what a read is worth, in prices."""
    return clock.elapsed(last_attempt_at, now) / interval


def rank_heads(heads: Iterable[tuple[float, float, Item]], now: float, k: int) -> list[Item]:
    """The ``k`` latest of (last attempt, interval, item), latest first: whoever is furthest past its interval.

    The discrete greedy choice of Busa-Fekete et al. (WWW 2025), and an index policy in the sense of Avrachenkov &
    Borkar (2018): no plan is solved for, so nothing has to be solved again.

    ``heads`` are the k oldest attempts of each class; times are business seconds. Right at once after an outage, a
    budget step or a bad price: only ratios of intervals matter here.
    """
    late = (((now - tried) / interval, number, item) for number, (tried, interval, item) in enumerate(heads))
    return [item for _, _, item in nlargest(k, late, key=lambda one: one[0])]
