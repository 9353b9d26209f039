"""A mirror of the invented world: one budget, one policy, and what came of it.

The mirror sees what a real one would: one bit per read, changed or not, and the kind of lead. Times as in ``life``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.freshworld.life import DAY, HOUR, LIVE, SETTLED, Lead, weight_between

Budget = Callable[[float], float]


class Policy(Protocol):
    """Which leads to read next. Leads are numbers."""

    def add(self, lead: int, now: float, kind: str) -> None: ...
    def choose(self, k: int, now: float) -> list[int]: ...
    def saw(self, lead: int, now: float, changed: bool, kind: str) -> None: ...
    def failed(self, lead: int, now: float) -> None: ...
    def tick(self, now: float, per_minute: float) -> None: ...


@dataclass(slots=True)
class Run:
    """A run, when weights are summed (``measured``), and when the changes were made whose delays count."""

    world: Sequence[Lead]
    budget: Budget
    start: float
    end: float
    measured: tuple[float, float]
    changed: tuple[float, float] = (0.0, 0.0)
    down: tuple[float, float] = (0.0, 0.0)
    broken: frozenset[int] = frozenset()


@dataclass(slots=True)
class Result:
    """``stale`` and ``weight`` are sums of weight over time; delays are hours: of all changes, of leads made less than
    seven days before, and of leads in a second life.
    """

    stale: float = 0.0
    weight: float = 0.0
    reads: int = 0
    slots: int = 0
    found: int = 0
    delays: list[float] = field(default_factory=list)
    hot_delays: list[float] = field(default_factory=list)
    woken_delays: list[float] = field(default_factory=list)
    worst_age: float = 0.0

    @property
    def staleness(self) -> float:
        return self.stale / self.weight


class Mirror:
    """Everything that one run keeps per lead: how many of its events were seen, and when it was last looked at."""

    def __init__(self, run: Run, policy: Policy) -> None:
        self.run, self.policy, self.result = run, policy, Result()
        self.seen = [-1] * len(run.world)
        self.looked = [0.0] * len(run.world)
        self.known = 0

    def go(self) -> Result:
        now, saved = self.run.start, 0.0
        while now < self.run.end:
            self._add_born(now)
            per_minute = self.run.budget(now)
            step = 60.0 * max(1, round(1 / per_minute))
            saved += per_minute * step / 60
            self.policy.tick(now, per_minute)
            is_down = self.run.down[0] <= now < self.run.down[1]
            slots, saved = int(saved + 1e-9), saved - int(saved + 1e-9)
            if not is_down:
                self._read(self.policy.choose(slots, now), now, slots)
            now += step
        self._close()
        return self.result

    def _add_born(self, now: float) -> None:
        world = self.run.world
        while self.known < len(world) and world[self.known].born <= now:
            lead = world[self.known]
            number = bisect_right([event.at for event in lead.events], now) - 1
            self.seen[self.known], self.looked[self.known] = number, now
            kind = SETTLED if number >= 0 and lead.events[number].is_settled else LIVE
            self.policy.add(self.known, now, kind)
            self.known += 1

    def _read(self, chosen: list[int], now: float, slots: int) -> None:
        counts = self.run.measured[0] <= now < self.run.measured[1]
        if counts:
            self.result.slots += slots
            self.result.reads += len(chosen)
        for number in chosen:
            if number in self.run.broken:
                self.policy.failed(number, now)
                continue
            lead, seen = self.run.world[number], self.seen[number]
            events = lead.events
            changed = seen + 1 < len(events) and events[seen + 1].at <= now
            if changed:
                seen = self._catch_up(number, now)
                self.result.found += counts
            self.looked[number] = now
            kind = SETTLED if seen >= 0 and events[seen].is_settled else LIVE
            self.policy.saw(number, now, changed, kind)

    def _catch_up(self, number: int, now: float) -> int:
        """Account for the time this lead was stale; the number of its last event so far."""
        lead, first = self.run.world[number], self.seen[number] + 1
        start, end = max(lead.events[first].at, self.run.measured[0]), min(now, self.run.measured[1])
        if start < end and number not in self.run.broken:
            self.result.stale += weight_between(lead, start, end)
        seen = first
        while seen < len(lead.events) and lead.events[seen].at <= now:
            event = lead.events[seen]
            if self.run.changed[0] <= event.at < self.run.changed[1] and number not in self.run.broken:
                delay = (now - event.at) / HOUR
                self.result.delays.append(delay)
                if event.at - lead.born < 7 * DAY:
                    self.result.hot_delays.append(delay)
                elif event.awake_since > lead.born:
                    self.result.woken_delays.append(delay)
            seen += 1
        self.seen[number] = seen - 1
        return seen - 1

    def _close(self) -> None:
        """What is stale at the end counts until the end; the weight of all that was known."""
        start, end = self.run.measured
        for number in range(self.known):
            lead, seen = self.run.world[number], self.seen[number]
            if number in self.run.broken:
                continue
            self.result.weight += weight_between(lead, start, end)
            if seen + 1 < len(lead.events) and lead.events[seen + 1].at <= self.run.end:
                self._catch_up(number, self.run.end)
            self.result.worst_age = max(self.result.worst_age, (self.run.end - self.looked[number]) / DAY)
