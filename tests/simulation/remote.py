"""Lead.pro as the simulation plays it: answers are appended, nothing is idempotent, and it knows who wrote what."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

FIELDS = ("first_name", "last_name", "status", "address", "postcode", "utm_source")


@dataclass
class RemoteLead:
    """A lead, the writer of each value, and every value that we ever set."""

    values: dict[str, Any]
    token: str = ""
    staff_wrote: dict[str, float] = field(default_factory=dict)
    ours: dict[str, list[Any]] = field(default_factory=dict)
    foreign_meta: dict[str, float] = field(default_factory=dict)
    foreign_pairs: dict[tuple[str, ...], float] = field(default_factory=dict)
    moved_contact: bool = False


class Remote:
    """The account."""

    def __init__(
        self,
        *,
        replaces_meta: bool,
        says_404: bool,
        hides_lookup: bool,
        lists_meta: bool = True,
        hides_children: bool = False,
    ) -> None:
        self.leads: dict[int, RemoteLead] = {}
        self.replaces_meta = replaces_meta
        self.says_404 = says_404
        self.hides_lookup = hides_lookup
        self.lists_meta = lists_meta
        self.hides_children = hides_children
        self.overwritten: list[str] = []
        self.gaps = 0

    def create(self, payload: dict[str, Any]) -> dict[str, Any]:
        number = 1000 + len(self.leads)
        values = {"status": "New", "questionnaire": None, **copy.deepcopy(dict(payload)), "id": number}
        self.leads[number] = RemoteLead(values, token=values["meta"]["leadmirror"])
        return copy.deepcopy(values)

    def get(self, number: int) -> dict[str, Any] | None:
        lead = self.leads.get(number)
        return copy.deepcopy(lead.values) if lead else None

    def find(self, by: str, value: str) -> tuple[list[dict[str, Any]], int]:
        if self.hides_lookup:
            return [], 404
        rows = [copy.deepcopy(lead.values) for lead in self.leads.values() if lead.values.get(by) == value]
        if self.hides_children:
            rows = rows[:1]
        if not self.lists_meta:
            rows = [{k: v for k, v in row.items() if k != "meta"} for row in rows]
        return rows, 404 if self.says_404 and not rows else 200

    def patch(self, number: int, payload: dict[str, Any], edits: dict[str, Any], read_at: float) -> None:
        """Apply an update. ``edits`` and ``read_at`` are the sender's, for the checker: what it counted on, and with
        each edit the values that people here had seen (``seen``).
        """
        lead = self.leads[number]
        for name, value in payload.items():
            if name == "questionnaire":
                self._append(lead, value, read_at)
            elif name == "meta":
                self._set_meta(lead, value, read_at)
            else:
                self._set(lead, name, value, edits.get(name), read_at)

    def _append(self, lead: RemoteLead, pairs: list[list[str]], read_at: float) -> None:
        for pair in pairs:
            if lead.foreign_pairs.get(tuple(pair), 0.0) > read_at:
                self.gaps += 1
            else:
                lead.values["questionnaire"] = [*(lead.values.get("questionnaire") or []), list(pair)]

    def _set_meta(self, lead: RemoteLead, value: dict[str, str], read_at: float) -> None:
        kept = {} if self.replaces_meta else (lead.values.get("meta") or {})
        lead.values["meta"] = {**kept, **value}
        for key, written_at in list(lead.foreign_meta.items()):
            if key not in lead.values["meta"] and written_at > read_at:
                self.gaps += 1
                del lead.foreign_meta[key]

    def _set(
        self, lead: RemoteLead, name: str, value: Any, edit: dict[str, Any] | None, read_at: float
    ) -> None:
        old = lead.values.get(name)
        if old != value and name in lead.staff_wrote:
            known = edit is not None and old in edit["seen"]
            if lead.staff_wrote[name] > read_at:
                self.gaps += 1
            elif not known:
                self.overwritten.append(f"#{lead.values['id']} {name}: {old!r} by {value!r}")
        if old != value:
            lead.staff_wrote.pop(name, None)
        lead.values[name] = value
        if edit is not None:
            lead.ours.setdefault(name, []).append(value)

    def staff_edit(self, number: int, name: str, value: Any, now: float) -> None:
        lead = self.leads[number]
        lead.values[name] = value
        lead.staff_wrote[name] = now

    def integration_adds(self, number: int, key: str, pair: list[str], now: float) -> None:
        """Another program appends an answer that is not there yet, and keeps a key in meta."""
        lead = self.leads[number]
        answers = lead.values.get("questionnaire") or []
        if pair not in answers:
            lead.values["questionnaire"] = [*answers, list(pair)]
            lead.foreign_pairs[tuple(pair)] = now
        lead.values["meta"] = {**(lead.values.get("meta") or {}), key: key}
        lead.foreign_meta[key] = now
