"""One seeded world: the product's engine in several workers that crash and stall, a remote that misbehaves, people on
both sides. Time is a number; nothing here sleeps, and a seed always tells the same story."""

from __future__ import annotations

import copy
import heapq
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from leads.sync.delivering import engine
from leads.sync.delivering.ports import NEEDS_ATTENTION, SENDING, UNCLEAR, UPDATE, Desk, Get, Patch, Rules
from tests.simulation.invariants import check
from tests.simulation.misbehaving import MOST_WRITES
from tests.simulation.people import People
from tests.simulation.stage import CHAOS, LEASE, SETTLE, WINDOW, Crash, Settings, Unstable, Worker

__all__ = ["SETTLE", "Settings", "World"]


class World(People):
    """See the module. ``run()`` returns the violations, in words."""

    def run(self) -> list[str]:
        self.workers = [Worker() for _ in range(self.chance.choice([1, 2, 3]))]
        for worker in self.workers:
            self.at(self.chance.uniform(0, 15), partial(self.sweep, worker))
        self.plan_people()
        self._run_until(CHAOS)
        self.chaos = False
        self._heal()
        return self.broken + self.violations()

    def violations(self) -> list[str]:
        """What does not hold in the end."""
        return check(self)

    def _run_until(self, end: float) -> None:
        while self.events and self.events[0][0] <= end and self.writes < MOST_WRITES:
            self.time, _, do = heapq.heappop(self.events)
            do()
        self.time = max(self.time, end)

    def _heal(self) -> None:
        """No more faults. People decide what waits for them, again and again, until nothing is left to decide."""
        for _ in range(8):
            self._run_until_quiet()
            if not self._decide_everything():
                break
        self._run_until_quiet()

    def _run_until_quiet(self) -> None:
        end = self.time + 86400
        while self.time < end and self.writes < MOST_WRITES:
            due = self.store.next_due()
            if due is None and all(w.steps is None for w in self.workers):
                return
            self._run_until(self.time + 60)
        self.broken.append("I9: the queue does not become empty")

    def _decide_everything(self) -> bool:
        acted = False
        for conflict in [c for c in self.store.conflicts if c.is_open]:
            acted |= self.choose(conflict)
        for row in self.parked():
            acted |= row.state == NEEDS_ATTENTION and self.take_up(row)
        return acted

    def desk(self) -> Desk:
        rules = Rules(
            send_window=timedelta(seconds=WINDOW),
            settle=timedelta(seconds=SETTLE),
            lease=timedelta(seconds=LEASE),
            max_attempts=12,
            give_up=timedelta(hours=3),
            gap=timedelta(seconds=self.settings.gap),
            lookup_has_found=lambda: self.lookup_found,
            shows_answers=lambda: True,
            lookup_shows_children=self.children_are_shown,
        )
        return Desk(Unstable(self), self, rules, self.chance)

    def children_are_shown(self) -> bool:
        """What a probe has learnt, where there was one."""
        return self.was_probed and not self.remote.hides_children

    def sweep(self, worker: Worker) -> None:
        worker.steps = engine.deliver_many(self.desk())
        self._advance(worker, partial(next, worker.steps))

    def _advance(self, worker: Worker, step: Callable[[], Any]) -> None:
        """Let the worker's engine run to its next call; it may finish or die."""
        try:
            call = step()
        except StopIteration:
            self._rest(worker, self._pause())
        except Crash:
            self._rest(worker, self.chance.uniform(1, 30))
        else:
            self._perform(worker, call)

    def _pause(self) -> float:
        """Sweeps come every 15 s; once all is well, only when something is due."""
        due = self.store.next_due()
        if self.chaos or due is None:
            return 15.0
        return max(1.0, min(600.0, (due - self.now()).total_seconds() + 0.5))

    def _rest(self, worker: Worker, seconds: float) -> None:
        worker.steps = None
        if worker.once:
            return
        self.at(seconds, lambda: self.sweep(worker))

    def _perform(self, worker: Worker, call: Any) -> None:
        """Connect, perhaps stall, write; the remote does what it does; the answer comes, or not."""
        self.store.calls.append(self.now())
        if isinstance(call, Get):
            worker.read_at = self.time
        edits = self._edits_in_flight(call)
        self.at(self._delay(), lambda: self._write(worker, call, edits))

    def _delay(self) -> float:
        if self.chaos and self.chance.random() < self.stall_rate:
            self.faults["stall"] += 1
            return (
                self.chance.uniform(3, 250) if self.chance.random() < 0.8 else self.chance.uniform(250, 2000)
            )
        return self.chance.uniform(0.02, 0.8)

    def _edits_in_flight(self, call: Any) -> dict[str, Any]:
        if not isinstance(call, Patch):
            return {}
        flying = [
            row
            for row in self.store.pushes.values()
            if row.kind == UPDATE
            and row.state in (SENDING, UNCLEAR)
            and self.store.leads[row.lead_id].remote_id == call.lead_id
        ]
        if not flying:
            return {}
        lead = self.store.leads[flying[0].lead_id]
        told = {text for warning in lead.warnings for text in re.findall("“(.*?)”", warning)}
        return {
            name: {**copy.deepcopy(edit), "seen": told | self.seen[lead.lead_id, name]}
            for name, edit in flying[0].edits.items()
        }

    def _write(self, worker: Worker, call: Any, edits: dict[str, Any]) -> None:
        if self.chaos and self.chance.random() < self.crash_rate:
            self.faults["crash"] += 1
            return self._rest(worker, self.chance.uniform(1, 30))
        answer, wait = self.meet(worker, call, edits)
        return self.at(wait + self._delay(), lambda: self._receive(worker, answer))

    def _receive(self, worker: Worker, answer: Any) -> None:
        steps = worker.steps
        assert steps is not None
        if self.chaos and self.chance.random() < self.crash_rate:
            self.faults["crash"] += 1
            return self._rest(worker, self.chance.uniform(1, 30))
        if isinstance(answer, Exception):
            return self._advance(worker, lambda: steps.throw(answer))
        return self._advance(worker, lambda: steps.send(answer))

    def doorbell(self) -> None:
        """Wakes one more thread, besides the sweeps."""
        steps = engine.deliver_many(self.desk(), limit=3)
        extra = Worker(steps, once=True)
        self.workers.append(extra)
        self._advance(extra, partial(next, steps))
