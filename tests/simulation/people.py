"""The people of the simulated world: some type here, some work in Lead.pro, some decide."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from leads.sync.delivering.ports import NEEDS_ATTENTION, OPEN, UPDATE
from tests.simulation.misbehaving import Misbehaving
from tests.simulation.remote import FIELDS
from tests.simulation.rows import Open, Row
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
        who = n if self.chance.random() < 0.8 else self.someone
        self.someone = who
        if self.chance.random() < 0.05:
            self.poison.add(token)
        values = {
            "type": "sale",
            "first_name": f"Ada{n}",
            "last_name": "Example",
            "email": EMAIL.format(n=who),
            "phone": PHONE.format(n=who),
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
        self.type_in(lead_id, changes)

    def type_in(self, lead_id: int, changes: dict[str, Any]) -> None:
        """Save it here; at the end it must be there."""
        for name in changes:
            self.see(lead_id, name, self.store.leads[lead_id].columns.get(name))
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
        # World, which this is mixed into, does it.
        raise NotImplementedError

    def staff(self, number: int | None = None) -> None:
        if not self.remote.leads:
            return
        number = number or self.chance.choice(sorted(self.remote.leads))
        n = next(self.names)
        lead = self.remote.leads[number]
        what = self.chance.choice([*FIELDS, *FIELDS, "contact", "contact", "integration", "integration"])
        ours = self._edited_here(lead.token)
        if (rivals := sorted(ours.keys() & set(FIELDS))) and self.chance.random() < 0.5:
            what = self.chance.choice(rivals)
        if what == "integration":
            pairs = ours.get("questionnaire", {}).get("pairs", [])
            known = self.chance.choice(pairs) if pairs and self.chance.random() < 0.5 else None
            self.remote.integration_adds(number, f"key{n}", known or [f"foreign key{n}", "yes"], self.time)
        elif what == "contact":
            if not lead.moved_contact:
                lead.moved_contact = True
                lead.values[self.chance.choice(["email", "phone"])] = f"moved{n}@example.org"
        else:
            self.remote.staff_edit(number, what, f"{what} staff {n}", self.time)
        if self.chance.random() < 0.5:
            self.hint(number)

    def _edited_here(self, token: str) -> dict[str, Any]:
        """Edits on their way: where both sides work on one lead, they work on the same things."""
        made = [row.lead_id for row in self.store.pushes.values() if row.token == token]
        return self.store.protected(made[0]) if made else {}

    def _decide(self) -> None:
        waiting = [c for c in self.store.conflicts if c.is_open]
        if waiting:
            self.choose(self.chance.choice(waiting))
        self._try_again()
        if self.chance.random() < 0.3:
            self._think_again()

    def _think_again(self) -> None:
        """Somebody takes an edit back, and perhaps types the same thing once more."""
        rows = [r for r in self.store.pushes.values() if r.kind == UPDATE and r.state in OPEN and r.edits]
        sent = [row for row in rows if row.plan]
        if not rows or not self.store.discard(row := self.chance.choice(sent or rows), self.now()):
            return
        for wish in [w for w in self.wishes if w.lead_id == row.lead_id and w.name in row.edits]:
            self._forget(wish, row.edits[wish.name])
        if self.chance.random() < 0.7:
            # Answers first: those that stand there twice are seen in the end.
            name = "questionnaire" if "questionnaire" in row.edits else self.chance.choice(sorted(row.edits))
            self.type_in(row.lead_id, {name: self._typed_again(row, name)})
            self.doorbell()

    def _typed_again(self, row: Row, name: str) -> Any:
        if name == "questionnaire":
            return row.edits[name]["pairs"]
        if name == "meta":
            shown = self.store.leads[row.lead_id].columns.get("meta") or {}
            return shown | {
                key: text for key, text in row.edits[name]["mine"].items() if key.startswith("mine")
            }
        return row.edits[name]["mine"]

    def _forget(self, wish: Wish, edit: dict[str, Any]) -> None:
        """What was taken back need not arrive, nor what it had replaced."""
        if wish.name == "questionnaire":
            wish.value = [pair for pair in wish.value if pair not in edit["pairs"]]
        else:
            self.wishes.remove(wish)

    def choose(self, conflict: Open) -> bool:
        """Somebody looks at both values and takes one."""
        theirs = self.store.leads[conflict.lead_id].theirs
        self.see(conflict.lead_id, conflict.field, theirs.get(conflict.field, conflict.theirs))
        return self.store.resolve(conflict, self.chance.choice(["mine", "theirs"]), self.now())

    def see(self, lead_id: int, name: str, value: Any) -> None:
        """A person here has this value before them."""
        if isinstance(value, str):
            self.seen[lead_id, name].add(value)

    def _try_again(self) -> None:
        if parked := self.parked():
            self.take_up(self.chance.choice(parked))

    def parked(self) -> list[Row]:
        """What waits for a person who can do something about it."""
        rows = self.store.pushes.values()
        return [r for r in rows if r.state == NEEDS_ATTENTION and r.token not in self.poison]

    def take_up(self, row: Row) -> bool:
        """Somebody looks in Lead.pro where a new lead is in doubt and says what is there; in haste, tries again."""
        is_hasty = self.chaos and self.chance.random() < 0.3
        if row.kind == UPDATE or not row.was_unclear or is_hasty:
            return self.store.retry(row, self.now())
        there = [number for number, lead in self.remote.leads.items() if lead.token == row.token]
        if there:
            return self.store.found(row, there[0], self.now())
        return self.store.send_again(row, self.now())
