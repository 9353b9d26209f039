"""How the remote behaves: what reaches it, when that takes effect, and what comes back."""

from __future__ import annotations

from typing import Any

from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
)
from leads.sync.delivering.ports import Create, Get, LookUp, NotTried, Patch, Probe, Reply
from tests.simulation.stage import Stage, Worker

#: More than this and a rule that ends sending is missing.
MOST_WRITES = 400
#: How a write may end, the likelier ones twice.
WRITE_FAULTS = (
    "refused",
    "busy",
    "lost",
    "lost",
    "answerless",
    "answerless",
    "late",
    "500",
    "500 after",
    "strange",
)


class Misbehaving(Stage):
    """The part of the world behind the wire."""

    def meet(self, worker: Worker, call: Any, edits: dict[str, Any]) -> tuple[Any, float]:
        """The answer or error, and how long it takes to come."""
        if isinstance(call, (Create, Patch)):
            return self._write_call(worker, call, edits)
        if self.chaos and self.chance.random() > self.calm:
            return self._fail_read(), 1.0
        if isinstance(call, Get):
            lead = self.remote.get(call.lead_id)
            missing = NotFound("No such lead.")
            missing.json_body = True
            return (Reply(lead, self.now()) if lead else missing), 0.0
        if isinstance(call, LookUp):
            rows, status = self.remote.find(call.by, call.value)
            self.lookup_found |= bool(rows)
            return Reply(rows, self.now(), status), 0.0
        assert isinstance(call, Probe)
        return None, 0.0

    def _fail_read(self) -> Exception:
        fault = self.chance.choice(["failing", "strange", "busy", "budget", "key"])
        self.faults[f"read {fault}"] += 1
        return {
            "failing": RemoteFailing("No answer.", status=503),
            "strange": UnexpectedPayload("Not JSON."),
            "busy": RateLimited("Busy.", status=429, retry_after=self.chance.choice([None, 5, 60])),
            "budget": NotTried("Budget spent.", 3.0),
            "key": CredentialsRefused("Key refused.", status=401),
        }[fault]

    def _write_call(self, worker: Worker, call: Create | Patch, edits: dict[str, Any]) -> tuple[Any, float]:
        self.writes += 1
        if self.settings.keeps_deadline and self.time >= call.write_before:
            return TransientError("Too late to send."), 0.0
        token = call.payload["meta"]["leadmirror"] if isinstance(call, Create) else ""
        if token in self.poison:
            return Refused("Refused.", status=422, excerpt="phone is wrong", field="phone"), 0.0
        if isinstance(call, Patch) and self.time > worker.read_at + 5.0 and self.settings.keeps_deadline:
            self.broken.append(f"I4: PATCH written {self.time - worker.read_at:.1f} s after its read")
        fault = "ok"
        if self.chaos and self.chance.random() > self.calm:
            fault = self.chance.choice((*WRITE_FAULTS, "key"))
            self.faults[f"write {fault}"] += 1
        return self._strike(worker, call, edits, fault)

    def _strike(
        self, worker: Worker, call: Create | Patch, edits: dict[str, Any], fault: str
    ) -> tuple[Any, float]:
        refused = {
            "refused": TransientError("Connection refused."),
            "busy": RateLimited("Busy.", status=429, retry_after=self.chance.choice([None, 2, 120])),
            "key": CredentialsRefused("Key refused.", status=401),
            "lost": OutcomeUnknown("Reset."),
            "500": OutcomeUnknown("Failing.", status=500),
        }
        if fault in refused:
            return refused[fault], 1.0
        read_at = worker.read_at
        if fault == "late":
            self.at(
                self.chance.uniform(0, self.settings.latest_apply),
                lambda: self._take_effect(call, edits, read_at),
            )
            return OutcomeUnknown("No answer in time."), 30.0
        data = self._take_effect(call, edits, read_at)
        applied = {
            "answerless": OutcomeUnknown("Reset."),
            "500 after": OutcomeUnknown("Failing.", status=500),
            "strange": OutcomeUnknown("A strange answer.", status=200),
        }
        return applied.get(fault, Reply(data, self.now())), 0.0

    def _take_effect(
        self, call: Create | Patch, edits: dict[str, Any], read_at: float
    ) -> dict[str, Any] | None:
        if isinstance(call, Patch):
            self.remote.patch(call.lead_id, dict(call.payload), edits, read_at)
            return None
        self.posts[call.payload["meta"]["leadmirror"]] += 1
        data = self.remote.create(dict(call.payload))
        number = data["id"]
        if self.chaos and self.chance.random() < 0.3:
            self.at(self.chance.uniform(0, 60), lambda: self.hint(number))
        if self.chaos and self.chance.random() < 0.4:
            self.at(self.chance.uniform(0, 20), lambda: self.staff(number))
        return data

    def staff(self, number: int | None = None) -> None:
        """Somebody works in Lead.pro."""
        # World, which this is mixed into, does it.
        raise NotImplementedError

    def hint(self, number: int) -> None:
        """A webhook or refresh reads the lead, perhaps before our own answer is back."""
        data, started = self.remote.get(number), self.now()
        if data is not None:
            self.at(self.chance.uniform(0, 2), lambda: self.store.mirror(data, started, self.now()))
