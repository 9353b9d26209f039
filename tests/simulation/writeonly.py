"""A world in which leads are given to a remote that shows nothing: a person is the only one who can look there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from integrations.errors import OutcomeUnknown, RateLimited, Refused, TransientError
from integrations.verdicts import Submitted
from leads.sync.delivering.ports import DONE, DUPLICATE, NEEDS_ATTENTION, Desk, Reply, Submit
from tests.simulation.misbehaving import WRITE_FAULTS
from tests.simulation.rows import Row
from tests.simulation.stage import CHAOS, SETTLE, WINDOW, Settings, Worker
from tests.simulation.world import World


class WriteOnlyWorld(World):
    """Invariants: nothing doubled, nothing lost, nothing unclear sent again by itself, every one of them listed."""

    def __init__(self, seed: int, settings: Settings | None = None) -> None:
        super().__init__(seed, settings)
        self.refuses_duplicates = self.chance.random() < 0.3
        self.taken: Counter[str] = Counter()
        #: Tokens whose last send is in doubt, until a person has looked.
        self.in_doubt: set[str] = set()

    def made(self) -> int:
        return self.taken.total()

    def desk(self) -> Desk:
        desk = super().desk()
        desk.rules = replace(desk.rules, name="AVIV", refuses_duplicates=self.refuses_duplicates)
        return desk

    def plan_people(self) -> None:
        for _ in range(self.chance.randint(2, 12)):
            self.at(self.chance.uniform(0, CHAOS), self._hand_over)
        for _ in range(self.chance.randint(0, 10)):
            self.at(self.chance.uniform(0, CHAOS), self._look_after_one)

    def _hand_over(self) -> None:
        token = f"token-{next(self.names)}"
        if self.chance.random() < 0.05:
            self.poison.add(token)
        self.store.request_submit({"token": token}, token, self.now())
        if self.chance.random() < 0.7:
            self.at(self.chance.uniform(0, 1), self.doorbell)

    def _look_after_one(self) -> None:
        if parked := self.parked():
            self.take_up(self.chance.choice(parked))

    def take_up(self, row: Row) -> bool:
        """Somebody looks at the remote and says what is there."""
        if not row.was_unclear:
            return self.store.retry(row, self.now())
        if self.taken[row.token]:
            return self.store.arrived(row, "seen", self.now())
        is_sent = self.store.send_again(row, self.now())
        if is_sent:
            self.in_doubt.discard(row.token)
        return is_sent

    def _decide_everything(self) -> bool:
        # Whoever is told that it may still arrive looks once more when that is over.
        self._run_until(self.time + WINDOW + SETTLE + 10)
        return super()._decide_everything()

    def meet(self, worker: Worker, call: Any, edits: dict[str, Any]) -> tuple[Any, float]:
        if not isinstance(call, Submit):
            return None, 0.0
        self.writes += 1
        token = str(call.payload["token"])
        if self.settings.keeps_deadline and self.time >= call.write_before:
            return TransientError("Too late to send."), 0.0
        if token in self.poison:
            return Refused("Refused.", status=422, excerpt="lastName is wrong", field="lastName"), 0.0
        if token in self.in_doubt and not self.refuses_duplicates:
            self.broken.append(f"W3: {token} was sent again by itself")
        fault = "ok"
        if self.chaos and self.chance.random() > self.calm:
            fault = self.chance.choice(WRITE_FAULTS)
            self.faults[f"submit {fault}"] += 1
        return self._answer(token, fault)

    def _answer(self, token: str, fault: str) -> tuple[Any, float]:
        clear = {
            "refused": TransientError("Connection refused."),
            "busy": RateLimited("Busy.", status=429, retry_after=self.chance.choice([None, 2, 120])),
        }
        if fault in clear:
            return clear[fault], 1.0
        if fault != "ok":
            self.in_doubt.add(token)
        unclear = {"lost": OutcomeUnknown("Reset."), "500": OutcomeUnknown("Failing.", status=500)}
        if fault in unclear:
            return unclear[fault], 1.0
        if fault == "late":
            self.at(self.chance.uniform(0, self.settings.latest_apply), lambda: self._take(token))
            return OutcomeUnknown("No answer in time."), 30.0
        answer = self._take(token)
        applied = {
            "answerless": OutcomeUnknown("Reset."),
            "500 after": OutcomeUnknown("Failing.", status=500),
            "strange": OutcomeUnknown("A strange answer.", status=200),
        }
        return applied.get(fault, Reply(answer, self.now())), 0.0

    def _take(self, token: str) -> Submitted:
        if self.refuses_duplicates and self.taken[token]:
            return Submitted(reference=f"log-{token}", is_duplicate=True, note="Known.")
        self.taken[token] += 1
        return Submitted(reference=f"request-{token}")

    def violations(self) -> list[str]:
        found = [f"W1: {token} was made {times} times" for token, times in self.taken.items() if times > 1]
        for row in self.store.pushes.values():
            if row.state in (DONE, DUPLICATE) and not self.taken[row.token]:
                found.append(f"W2: {row.token} is said to be {row.state} and is not there")
            refused = row.state == NEEDS_ATTENTION and row.token in self.poison and row.problem[2]
            if row.state not in (DONE, DUPLICATE) and not refused:
                found.append(f"W4: {row.token} is left {row.state}: {row.problem}")
        return found
