"""The engine played call by call: a scripted remote, a clock that is set by hand, no socket and no database."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from leads.sync.delivering import engine
from leads.sync.delivering.ports import Create, Desk, Get, LookUp, Patch, Probe, Reply, Rules
from tests.simulation.harness import PERSON, InDictionaries, View

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
RULES: dict[str, Any] = {
    "send_window": timedelta(seconds=20),
    "settle": timedelta(seconds=600),
    "lease": timedelta(seconds=90),
    "max_attempts": 12,
    "give_up": timedelta(hours=48),
    "shows_answers": lambda: True,
    "lookup_shows_children": lambda: True,
}


class Longest(random.Random):
    """Chance that always takes the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Stage:
    """One connection, one store, and time."""

    def __init__(self, **rules: Any) -> None:
        self.handle = InDictionaries()
        self.store = self.handle.dict_store
        self.seconds = 0.0
        self.rules = Rules(**{**RULES, **rules})
        self.calls: list[Any] = []
        #: Whether the script answers look-ups in other spellings than the one that was sent; else they find nobody.
        self.hears_spellings = False

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return 1000.0 + self.seconds

    def create(self, **values: Any) -> int:
        return self.store.request_create(
            {**PERSON, **values}, f"token-{len(self.store.pushes)}", self.now()
        ).push_id

    def lead(self, **values: Any) -> int:
        return self.handle.lead(18376, self.now(), **{"status": "New", **values})

    def update(self, lead_id: int, **changes: Any) -> int:
        push = self.handle.update(lead_id, self.now(), **changes)
        assert push is not None
        return push

    def deliver(self, *script: Any, limit: int = 1, push: int | None = None) -> str:
        """Deliver against these answers, in order; the states it ended in. What is not asked for is an error."""
        desk = Desk(self.handle.store, self, self.rules, Longest())
        steps = engine.deliver_one(desk, push) if push else engine.deliver_many(desk, limit=limit)
        answers = list(script)
        try:
            call = next(steps)
            while True:
                if isinstance(call, LookUp) and not self.hears_spellings and self._is_respelt(call):
                    call = steps.send(self.found())
                    continue
                self.calls.append(call)
                answer = answers.pop(0)
                if callable(answer):
                    answer = answer(call)
                call = steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
        except StopIteration as end:
            assert not answers, f"not asked for: {answers}"
            return " ".join(sorted(end.value.elements()))

    def _is_respelt(self, call: LookUp) -> bool:
        sent = [row.payload.get(call.by) for row in self.store.pushes.values()]
        return call.value not in sent

    def see(self, push: int) -> View:
        return self.handle.view(push)

    def problem(self, push: int) -> tuple[str, str, str]:
        return self.store.pushes[push].problem

    def due_in(self, push: int) -> float:
        return (self.store.pushes[push].due_at - self.now()).total_seconds()

    def made(self, remote_id: int = 18376, **values: Any) -> Callable[[Create], Reply]:
        """The answer of a create: the lead."""
        return lambda call: Reply({"status": "New", **call.payload, "id": remote_id, **values}, self.now())

    def shows(self, **values: Any) -> Reply:
        """The answer of a read."""
        return Reply({**PERSON, "status": "New", "id": 18376, **values}, self.now())

    def found(self, *leads: dict[str, Any], status: int = 200) -> Reply:
        return Reply(list(leads), self.now(), status)

    def kinds(self) -> list[str]:
        names = {Create: "create", Patch: "patch", Get: "get", LookUp: "look up", Probe: "probe"}
        return [names[type(call)] for call in self.calls]
