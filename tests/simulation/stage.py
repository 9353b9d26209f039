"""What all parts of the simulated world share: its clock, its chances, its faults, and who acts in it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.simulation.remote import Remote
from tests.simulation.store import DictStore

EPOCH = datetime(2026, 3, 1, 9, tzinfo=UTC)
WINDOW, SETTLE, LEASE = 20.0, 600.0, 90.0
CHAOS = 3600.0


class Crash(BaseException):
    """A worker dies; nothing of it is cleaned up."""


@dataclass
class Settings:
    """What a campaign changes about the world: a rule that is not in the code, or an assumption broken."""

    latest_apply: float = SETTLE * 0.98
    keeps_deadline: bool = True
    gap: float = 5.0


@dataclass
class Worker:
    """One process: the delivery it is in, and when its last read started."""

    steps: Generator[Any, Any, Any] | None = None
    read_at: float = 0.0
    #: Woken by a doorbell: gone after this one delivery.
    once: bool = False


@dataclass
class Wish:
    """What a person typed, to be found again at the end."""

    lead_id: int
    name: str
    value: Any


class Stage:
    """Time, chance and state. Both clocks of the engine are this one."""

    def __init__(self, seed: int, settings: Settings | None = None) -> None:
        self.chance = random.Random(seed)
        self.settings = settings or Settings()
        self.time = 0.0
        self.store = DictStore()
        pick = self.chance.random
        self.remote = Remote(
            replaces_meta=pick() < 0.5,
            says_404=pick() < 0.5,
            hides_lookup=pick() < 0.05,
            lists_meta=pick() < 0.8,
            hides_children=pick() < 0.2,
        )
        self.was_probed = pick() < 0.7
        self.calm = self.chance.choice([0.3, 0.5, 0.7, 0.85, 0.95])
        self.crash_rate = self.chance.choice([0.0, 0.01, 0.03])
        self.stall_rate = self.chance.choice([0.0, 0.01, 0.04])
        self.chaos = True
        self.lookup_found = False
        self.poison: set[str] = set()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.names = itertools.count(1)
        self.wishes: list[Wish] = []
        #: The person who enquired last: some enquire twice.
        self.someone = 0
        #: What people here saw of a field, by lead and field.
        self.seen: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self.faults: Counter[str] = Counter()
        self.broken: list[str] = []
        self.posts: Counter[str] = Counter()
        self.writes = 0
        self.workers: list[Worker] = []

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time

    def made(self) -> int:
        """Leads at the remote."""
        return len(self.remote.leads)

    def at(self, delay: float, do: Callable[[], None]) -> None:
        heapq.heappush(self.events, (self.time + max(0.0, delay), next(self.order), do))

    def may_crash(self, rate: float) -> None:
        if self.chaos and rate and self.chance.random() < rate:
            self.faults["crash"] += 1
            raise Crash


class Unstable:
    """The store, with a process that may die just before or just after any of its transactions."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stage.store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._stage.may_crash(self._stage.crash_rate / 4)
            result = method(*args, **kwargs)
            self._stage.may_crash(self._stage.crash_rate / 4)
            return result

        return call
