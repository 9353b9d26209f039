"""The worker is killed every few seconds while the remote misbehaves; afterwards everything is counted.

``make chaos`` runs 90 s of it; the suite a short cut. Nothing here knows how the engine works.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.processes.harness import House, wait_until

KILL_EVERY = 4.0
#: A worker that has nothing to do says nothing; then the next kill comes.
PATIENCE = 10.0
TOKEN = "leadmirror"
#: What the remote does wrong, how often, and to which calls.
FAULTS: tuple[tuple[str, str, str, float, dict[str, Any]], ...] = (
    ("drop_after", "POST", "*", 0.08, {}),
    ("status", "POST", "*", 0.06, {"status": 500, "applied": True}),
    ("status", "POST", "*", 0.06, {"status": 502}),
    ("apply_late", "POST", "*", 0.04, {"seconds": 0.6, "when": "before"}),
    ("truncated", "POST", "*", 0.04, {}),
    ("html", "POST", "*", 0.03, {}),
    ("drop_after", "PATCH", "*", 0.08, {}),
    ("status", "PATCH", "*", 0.06, {"status": 500, "applied": True}),
    ("bad_json", "PATCH", "*", 0.05, {}),
    ("apply_late", "PATCH", "*", 0.03, {"seconds": 0.6, "when": "before"}),
    ("status", "GET", "*", 0.05, {"status": 503}),
    ("html", "GET", "/person/leads*", 0.05, {}),
    ("drop", "GET", "*", 0.03, {}),
)


@dataclass
class Found:
    """What was counted. All from ``missing`` to ``staff_edits_overwritten`` must be zero."""

    intents: int = 0
    remote_leads: int = 0
    missing: int = 0
    doubled: int = 0
    not_done: int = 0
    answers_doubled: int = 0
    answers_missing: int = 0
    edits_lost: int = 0
    staff_edits_overwritten: int = 0
    clicks_on_try_again: int = 0
    edits: int = 0
    kills: int = 0
    faults_struck: int = 0
    recovery_seconds_median: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing doubled, nothing overwritten."""
        wrong = (
            self.missing, self.doubled, self.not_done, self.answers_doubled, self.answers_missing,
            self.edits_lost, self.staff_edits_overwritten,
        )  # fmt: skip
        return not any(wrong) and self.intents == self.remote_leads


@dataclass
class Chaos:
    """One run in one house."""

    house: House
    seconds: float
    leads: int
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    recoveries: list[float] = field(default_factory=list)
    edited: dict[int, dict[str, str]] = field(default_factory=dict)
    found: Found = field(default_factory=Found)

    def run(self) -> Found:
        """Start everything, break it for a while, let it heal, count."""
        self.house.start_sandbox()
        worker = self.house.start_worker()
        for action, method, path, probability, details in FAULTS:
            self.house.box.fault(action, method, path, probability=probability, **details)
        began, killed_at = time.monotonic(), time.monotonic()
        while (elapsed := time.monotonic() - began) < self.seconds or self._is_early():
            share = min(1.0, elapsed / (0.9 * self.seconds))
            self._save_up_to(int(self.leads * share))
            self._edit_up_to(int(self.leads * share / 4))
            if time.monotonic() - killed_at > KILL_EVERY:
                worker.kill()
                self.found.kills += 1
                worker, killed_at = self._restart(), time.monotonic()
            time.sleep(0.05)
        struck = self.house.box.faults()
        self.found.faults_struck = sum(int(row["hits"]) for row in struck)
        self.house.box.clear_faults()
        self._heal()
        return self._count()

    def _is_early(self) -> bool:
        """On a busy machine a worker takes long to start; the run is as long as it takes to be worth something."""
        return self.found.intents < self.leads or self.found.kills < 2 or len(self.edited) < self.leads // 4

    def _save_up_to(self, number: int) -> None:
        while self.found.intents < number:
            self.house.ask("save_lead", values=invent(self.found.intents))
            self.found.intents += 1

    def _edit_up_to(self, number: int) -> None:
        """Somebody here answers a question and sets a status; staff there write the postcode of the same lead."""
        there = [lead["id"] for lead in self.house.box.leads(limit=1000) if lead["id"] not in self.edited]
        for leadpro_id in self.chance.sample(there, min(len(there), max(0, number - len(self.edited)))):
            if self.house.ask("find_lead", leadpro_id=leadpro_id) is None:
                continue
            self.edited[leadpro_id] = {"status": "Contacted", "postcode": f"NG{leadpro_id % 9 + 1} 1AA"}
            changes = {"status": "Contacted", "questionnaire": [["Seen by", f"worker {leadpro_id}"]]}
            self.house.ask("edit_lead", leadpro_id=leadpro_id, changes=changes)
            self.house.box.staff_edit(leadpro_id, postcode=self.edited[leadpro_id]["postcode"])

    def _restart(self) -> Any:
        """A new worker; and, where something was waiting for it, how long until the remote heard from it."""
        before, began = self.house.box.count(), time.monotonic()
        worker = self.house.start_worker()
        while self.house.box.count() == before and time.monotonic() - began < PATIENCE:
            time.sleep(0.05)
        if self.house.box.count() > before:
            self.recoveries.append(time.monotonic() - began)
        return worker

    def _heal(self) -> None:
        def is_quiet() -> bool:
            self.found.clicks_on_try_again += int(self.house.ask("hurry"))
            return set(self.house.ask("push_states")) <= {"done", "discarded"}

        wait_until(is_quiet, "every push is settled", 240)

    def _count(self) -> Found:
        found, remote = self.found, read_all(self.house)
        tokens = Counter((lead.get("meta") or {}).get(TOKEN) for lead in remote)
        pushed = [row["token"] for row in self.house.ask("push_rows") if row["kind"] == "create"]
        found.remote_leads = len(remote)
        found.missing = sum(token not in tokens for token in pushed)
        found.doubled = sum(count - 1 for count in tokens.values())
        found.not_done = sum(n for state, n in self.house.ask("push_states").items() if state != "done")
        for lead in remote:
            self._count_edits(lead)
        found.edits = len(self.edited)
        found.recovery_seconds_median = round(sorted(self.recoveries or [0.0])[len(self.recoveries) // 2], 2)
        return found

    def _count_edits(self, lead: dict[str, Any]) -> None:
        wanted = self.edited.get(lead["id"])
        answers = lead["questionnaire"] or []
        if wanted is None:
            return
        here = sum(pair == ["Seen by", f"worker {lead['id']}"] for pair in answers)
        self.found.answers_doubled += max(0, here - 1)
        self.found.answers_missing += here == 0
        self.found.edits_lost += lead["status"] != wanted["status"]
        self.found.staff_edits_overwritten += lead["postcode"] != wanted["postcode"]


def read_all(house: House) -> list[dict[str, Any]]:
    """Every lead of the sandbox."""
    leads: list[dict[str, Any]] = []
    while page := house.box.leads(after=leads[-1]["id"] if leads else 0, limit=1000):
        leads += page
    return leads


def invent(number: int) -> dict[str, Any]:
    """An invented person, other than every other number; some share a phone, as families do."""
    return {
        "type": "vendor",
        "first_name": "Ada",
        "last_name": f"Example{number}",
        "email": f"ada{number}@example.org",
        "phone": f"07700 900{number % 700:03}",
        "address": "1 Drama Street",
        "postcode": "NG1 1AA",
    }


def render(found: Found) -> str:
    """The counts, a line each."""
    lines = [f"{name.replace('_', ' '):28} {value}" for name, value in asdict(found).items()]
    return "\n".join(["", *lines, "clean" if found.is_clean else "NOT CLEAN"])
