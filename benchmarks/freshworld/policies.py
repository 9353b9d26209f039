"""Who is read next: the project's own schedule, the same with true rates known, oldest first, and an age table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC
from heapq import heappop, heappush
from itertools import islice
from random import Random

from benchmarks.freshworld.life import DAY, HOUR, PACE, SETTLED, Lead, true_rate
from leads.sync.businessclock import BusinessClock
from leads.sync.freshness import (
    AUDIT_SHARE,
    CLASSES,
    SWEEP_SHARE,
    Model,
    backoff_interval,
    interval_class,
    is_dormant,
    price,
    rank_heads,
)
from leads.sync.rates import BUCKETS, Belief, Curve, Rates

#: The invented time begins on a Monday, 4 January 2016.
EPOCH = 1451865600.0
LEARN_RATES, LEARN_HOURS, HOURS_OF = HOUR, 7 * DAY, 10


class TrueRates(Rates):
    """The law itself, in steps much finer than the mirror's buckets."""

    def _grid(self) -> list[float]:
        fine = [60.0 * 1.25**step for step in range(70)]
        return sorted({*BUCKETS, *(age for age in fine if age < 3 * 365 * DAY)})

    def curve(self, kind: str) -> Curve:
        if kind not in self._curves:
            starts = self._grid()
            ends = [*starts[1:], starts[-1] * 2]
            means = [
                sum(true_rate(kind, a + (b - a) * (n + 0.5) / 20) for n in range(20)) / 20
                for a, b in zip(starts, ends, strict=True)
            ]
            self._curves[kind] = Curve(kind, starts, means)
        return self._curves[kind]


class ClassHeads:
    """The project's schedule: its Model decides, its ranking chooses. With ``truth`` it has nothing to learn."""

    def __init__(
        self, world: list[Lead], seed: int, *, truth: bool = False, rates: Rates | None = None
    ) -> None:
        clock = BusinessClock(UTC, PACE if truth else None)
        self.model = Model(TrueRates() if truth else rates or Rates(), clock)
        self.world, self.truth, self.dice = world, truth, Random(seed)
        size = len(world)
        self.beliefs = [Belief()] * size
        self.kinds = [""] * size
        self.awake, self.seen, self.tried = [0.0] * size, [0.0] * size, [0.0] * size
        self.awake_b, self.seen_b, self.tried_b = [0.0] * size, [0.0] * size, [0.0] * size
        self.intervals, self.demands = [1.0] * size, [0.0] * size
        self.places, self.failures = [0] * size, {}
        self.classes: list[deque[tuple[int, int]]] = [deque() for _ in range(CLASSES)]
        self.delta: dict[str, tuple[float, float]] = {}
        self.hours: dict[str, tuple[float, float]] = {}
        self.demand, self.count, self.now_b = 0.0, 0, 0.0
        self.learnt_at, self.wound_at = 0.0, 0.0

    def tick(self, now: float, per_minute: float) -> None:
        """Prices move every minute, pooled rates every hour, the clock every week."""
        if now - self.learnt_at >= LEARN_RATES and not self.truth:
            self.model.rates.add(self.delta)
            self.delta, self.learnt_at = {}, now
        if now - self.wound_at >= LEARN_HOURS and not self.truth:
            self.model.clock.add(self.hours)
            self.hours, self.wound_at = {}, now
            self._rewind()
        self.now_b = self.model.clock.business(EPOCH + now)
        self.model.price = price(self.demand, per_minute)

    def _rewind(self) -> None:
        business = self.model.clock.business
        for lead in range(self.count):
            self.awake_b[lead] = business(EPOCH + self.awake[lead])
            self.seen_b[lead] = business(EPOCH + self.seen[lead])
            self.tried_b[lead] = business(EPOCH + self.tried[lead])

    def add(self, lead: int, now: float, kind: str) -> None:
        born = self.world[lead].born
        self.kinds[lead], self.awake[lead], self.seen[lead] = kind, born, now
        self.awake_b[lead] = self.model.clock.business(EPOCH + born)
        self.count = max(self.count, lead + 1)
        self.now_b = self.seen_b[lead] = self.model.clock.business(EPOCH + now)
        self._plan(lead, now)

    def saw(self, lead: int, now: float, changed: bool, kind: str) -> None:
        before, since_b = self.kinds[lead], self.seen_b[lead]
        age = since_b - self.awake_b[lead]
        end = self.now_b - self.awake_b[lead]
        if not self.truth:
            self._learn(lead, before, age, end, now, changed)
        if changed and is_dormant(before, end):
            self.awake[lead], self.awake_b[lead] = now, self.now_b
        self.kinds[lead], self.seen[lead], self.seen_b[lead] = kind, now, self.now_b
        self.failures.pop(lead, None)
        self._plan(lead, now)

    def _learn(self, lead: int, kind: str, age: float, end: float, now: float, changed: bool) -> None:
        belief, since = self.beliefs[lead], self.seen[lead]
        self.beliefs[lead], delta = self.model.learn(belief, kind, age, end, changed)
        _add(self.delta, delta)
        if now - since < DAY and self.dice.random() * HOURS_OF < 1:
            _add(self.hours, self.model.learn_hours(belief, kind, age, EPOCH + since, EPOCH + now, delta))

    def _multiplier(self, lead: int) -> float:
        if not self.truth:
            return self.beliefs[lead].mean
        return 1.0 if self.kinds[lead] == SETTLED else self.world[lead].multiplier

    def _plan(self, lead: int, now: float) -> None:
        model = self.model
        wanted = model.interval(self.kinds[lead], self.now_b - self.awake_b[lead], self._multiplier(lead))
        self._enter(lead, now, min(max(wanted, model.floor), model.coldest), model.demand(wanted))

    def _enter(self, lead: int, now: float, interval: float, demand: float) -> None:
        self.demand += demand - self.demands[lead]
        self.demands[lead], self.intervals[lead] = demand, interval
        self.tried[lead], self.tried_b[lead] = now, self.now_b
        self.places[lead] += 1
        self.classes[interval_class(interval)].append((lead, self.places[lead]))

    def failed(self, lead: int, now: float) -> None:
        self.failures[lead] = self.failures.get(lead, 0) + 1
        interval = backoff_interval(self.failures[lead])
        self._enter(lead, now, interval, self.model.demand(interval))

    def choose(self, k: int, now: float) -> list[int]:
        heads = [(self.tried_b[lead], self.intervals[lead], lead) for lead in self._heads(k, now)]
        ranked = iter(rank_heads(heads, self.now_b, k + 1))
        chosen: dict[int, None] = {}
        for _ in range(min(k, len(heads))):
            lot, lead = self.dice.random(), None
            if lot < AUDIT_SHARE:
                lead = self.dice.randrange(self.count)
                lead = lead if self.tried[lead] <= now - self.model.floor else None
            elif lot < AUDIT_SHARE + SWEEP_SHARE:
                lead = min(heads)[2]
            while lead is None or lead in chosen:
                lead = next(ranked, None)
                if lead is None:
                    return list(chosen)
            chosen[lead] = None
        return list(chosen)

    def _heads(self, k: int, now: float) -> Iterator[int]:
        """The k oldest attempts of each class that the floor allows; entries that moved on are dropped here."""
        places, tried, latest = self.places, self.tried, now - self.model.floor
        for row in self.classes:
            while row and places[row[0][0]] != row[0][1]:
                row.popleft()
            yield from islice((n for n, place in row if places[n] == place and tried[n] <= latest), k)


def _add(total: dict[str, tuple[float, float]], more: dict[str, tuple[float, float]]) -> None:
    for key, (changes, exposure) in more.items():
        was = total.get(key, (0.0, 0.0))
        total[key] = (was[0] + changes, was[1] + exposure)


class OldestFirst:
    """Round and round."""

    def __init__(self) -> None:
        self.row: deque[tuple[float, int]] = deque()

    def tick(self, now: float, per_minute: float) -> None: ...

    def add(self, lead: int, now: float, kind: str) -> None:
        self.row.append((now, lead))

    def choose(self, k: int, now: float) -> list[int]:
        chosen = []
        while len(chosen) < k and self.row and self.row[0][0] <= now - 60:
            chosen.append(self.row.popleft()[1])
        return chosen

    def saw(self, lead: int, now: float, changed: bool, kind: str) -> None:
        self.row.append((now, lead))

    def failed(self, lead: int, now: float) -> None:
        self.row.append((now, lead))


class AgeTable:
    """What a careful person would write: an interval by age, due rows by due time, spare reads to the oldest."""

    TABLE = ((DAY, 0.5 * HOUR), (7 * DAY, 2 * HOUR), (30 * DAY, 12 * HOUR), (90 * DAY, 3 * DAY))
    OLDER = 14 * DAY

    def __init__(self, world: list[Lead], scale: float) -> None:
        self.world, self.scale = world, scale
        self.awake = [lead.born for lead in world]
        self.kinds = [""] * len(world)
        self.tried = [-1.0] * len(world)
        self.due: list[tuple[float, float, int]] = []
        self.row: deque[tuple[float, int]] = deque()

    def tick(self, now: float, per_minute: float) -> None: ...

    def add(self, lead: int, now: float, kind: str) -> None:
        self.saw(lead, now, False, kind)

    def saw(self, lead: int, now: float, changed: bool, kind: str) -> None:
        if changed and self.kinds[lead] == SETTLED:
            self.awake[lead] = now
        age, self.kinds[lead] = now - self.awake[lead], kind or self.kinds[lead]
        interval = next((wait for limit, wait in self.TABLE if age < limit), self.OLDER)
        self.tried[lead] = now
        heappush(self.due, (now + max(60.0, interval * self.scale), now, lead))
        self.row.append((now, lead))

    def failed(self, lead: int, now: float) -> None:
        self.saw(lead, now, False, "")

    def choose(self, k: int, now: float) -> list[int]:
        chosen: list[int] = []
        while len(chosen) < k and self.due and self.due[0][0] <= now:
            _, since, lead = heappop(self.due)
            if self.tried[lead] == since:
                self._take(lead, chosen)
        while len(chosen) < k and self.row and self.row[0][0] <= now - 60:
            since, lead = self.row.popleft()
            if self.tried[lead] == since:
                self._take(lead, chosen)
        return chosen

    def _take(self, lead: int, chosen: list[int]) -> None:
        self.tried[lead] = -1.0
        chosen.append(lead)
