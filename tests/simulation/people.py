"""The people of the simulated world: some type here, some work in Lead.pro, some decide."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from leads.sync.delivering.ports import NEEDS_ATTENTION
from tests.simulation.misbehaving import Misbehaving
from tests.simulation.remote import FIELDS
from tests.simulation.rows import Row
from tests.simulation.stage import CHAOS, Wish

EMAIL, PHONE = "ada{n}@example.org", "07700 9001{n:02d}"


class People(Misbehaving):
    """What people do, at moments drawn beforehand."""

    def plan_people(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self.at(self.chance.uniform(0, CHAOS / 2), self._create)
        for _ in range(self.chance.randint(4, 14)):
            self.at(self.chance.uniform(0, CHAOS), self._edit)
        for _ in range(self.chance.randint(2, 12)):
            self.at(self.chance.uniform(0, CHAOS), self.staff)
        for _ in range(self.chance.randint(0, 6)):
            self.at(self.chance.uniform(0, CHAOS), self._decide)

    def _create(self) -> None:
        n = next(self.names)
        token = f"token-{n}"
        if self.chance.random() < 0.05:
            self.poison.add(token)
        values = {
            "type": "sale",
            "first_name": f"Ada{n}",
            "last_name": "Example",
            "email": EMAIL.format(n=n),
            "phone": PHONE.format(n=n),
            "meta": {"own": str(n)},
        }
        self.store.request_create(values, token, self.now())
        for _ in range(self.chance.choice([0, 0, 0, 1, 2])):
            self.at(self.chance.uniform(0, 30), partial(self._edit, max(self.store.leads)))

    def _edit(self, lead_id: int = 0) -> None:
        if not self.store.leads:
            return
        lead_id = lead_id or self.chance.choice(sorted(self.store.leads))
        n = next(self.names)
        changes: dict[str, Any] = {}
        for name in self.chance.sample([*FIELDS, "questionnaire", "meta"], self.chance.choice([1, 1, 2, 3])):
            changes[name] = self._typed(lead_id, name, n)
        self.store.request_update(lead_id, changes, self.now())
        for name, value in changes.items():
            self.wishes.append(Wish(lead_id, name, copy.deepcopy(value)))
        if self.chance.random() < 0.7:
            self.at(self.chance.uniform(0, 1), self.doorbell)

    def _typed(self, lead_id: int, name: str, n: int) -> Any:
        if name == "questionnaire":
            pairs = [[f"question {n}", f"answer {n}" + "x" * self.chance.choice([0, 0, 0, 900])]]
            return pairs * self.chance.choice([1, 1, 2]) + [
                [f"another {n}", "y" * self.chance.choice([1, 1, 1500])]
            ]
        if name == "meta":
            return {**(self.store.leads[lead_id].columns.get("meta") or {}), f"mine{n}": str(n)}
        return f"{name} {n}"

    def doorbell(self) -> None:
        """Wakes one more thread, besides the sweeps."""
        raise NotImplementedError

    def staff(self, number: int | None = None) -> None:
        if not self.remote.leads:
            return
        number = number or self.chance.choice(sorted(self.remote.leads))
        n = next(self.names)
        lead = self.remote.leads[number]
        what = self.chance.choice([*FIELDS, *FIELDS, "contact", "contact", "integration", "integration"])
        if what == "integration":
            self.remote.integration_adds(number, f"key{n}", self.time)
        elif what == "contact":
            if not lead.moved_contact:
                lead.moved_contact = True
                lead.values[self.chance.choice(["email", "phone"])] = f"moved{n}@example.org"
        else:
            self.remote.staff_edit(number, what, f"{what} staff {n}", self.time)
        if self.chance.random() < 0.5:
            self.hint(number)

    def _decide(self) -> None:
        waiting = [c for c in self.store.conflicts if c.is_open]
        if waiting:
            self.store.resolve(
                self.chance.choice(waiting), self.chance.choice(["mine", "theirs"]), self.now()
            )
        parked = [
            r for r in self.store.pushes.values() if r.state == NEEDS_ATTENTION and r.token not in self.poison
        ]
        if parked:
            row: Row = self.chance.choice(parked)
            self.store.retry(row, self.now())
