"""The leads that the imitated Lead.pro holds, in SQLite: in memory, or in a file that survives a kill."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

from integrations.sandbox.state import StateFile

from .shape import Lead, complete

FIRST_ID = 28_400_000
SCHEMA = """
CREATE TABLE IF NOT EXISTS lead (
    id INTEGER PRIMARY KEY, email TEXT, phone TEXT, phone_key TEXT, origin TEXT NOT NULL,
    stored_at REAL NOT NULL, due_at REAL, next_action_date TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS lead_email ON lead (email);
CREATE INDEX IF NOT EXISTS lead_phone ON lead (phone);
CREATE INDEX IF NOT EXISTS lead_phone_key ON lead (phone_key);
CREATE INDEX IF NOT EXISTS lead_due ON lead (due_at) WHERE due_at IS NOT NULL;
"""
BY_EMAIL = "SELECT body FROM lead WHERE email=? AND stored_at<=? ORDER BY id"
BY_PHONE = "SELECT body FROM lead WHERE phone=? AND stored_at<=? ORDER BY id"
BY_PHONE_KEY = "SELECT body FROM lead WHERE phone_key=? AND stored_at<=? ORDER BY id"
DUE = "SELECT body FROM lead WHERE due_at<=? ORDER BY due_at LIMIT 1"
DUE_OF_ORIGIN = "SELECT body FROM lead WHERE due_at<=? AND origin=? ORDER BY due_at LIMIT 1"


def fold_email(email: Any) -> str | None:
    """The form under which an e-mail address is indexed."""
    return email.strip().lower() if isinstance(email, str) else None


def fold_phone(phone: Any) -> str | None:
    """The last ten digits: the same for every spelling of a UK number."""
    digits = "".join(mark for mark in phone if mark.isdigit()) if isinstance(phone, str) else ""
    return digits[-10:] or None


def respell_phone(phone: str, form: str) -> str:
    """A UK number as it is kept under the ``phone_form`` reading."""
    digits = fold_phone(phone)
    if form == "kept" or digits is None:
        return phone
    return f"+44{digits}" if form == "e164" else f"0{digits[:4]}-{digits[4:]}"


class LeadStore(StateFile):
    """Leads by id, e-mail and phone. ``lock`` makes a read and the write that follows it one step."""

    def __init__(self, path: str = "", seed: int = 1) -> None:
        super().__init__(path, SCHEMA)
        self._random = random.Random(seed)
        self._last_id = self._db.execute("SELECT max(id) FROM lead").fetchone()[0] or FIRST_ID
        self._last_id = max(self._last_id, int(self.get_fact("last_id") or 0))

    def next_id(self) -> int:
        """An id never handed out before; ids have gaps, because other accounts use the same counter."""
        with self.lock:
            self._last_id += self._random.randint(1, 9)
            return self._last_id

    def note_id(self, lead_id: int) -> None:
        """An id was chosen elsewhere: hand out higher ones only."""
        with self.lock:
            self._last_id = max(self._last_id, lead_id)

    def insert(self, lead: Lead, *, origin: str, stored_at: float, due_at: float | None = None) -> None:
        """Keep a new lead."""
        self.insert_all([lead], origin=origin, stored_at=stored_at, due_at=due_at)

    def insert_all(
        self, leads: Iterable[Lead], *, origin: str, stored_at: float, due_at: float | None = None
    ) -> None:
        """Keep many new leads in one transaction."""
        with self.lock:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(
                    "INSERT INTO lead (id, email, phone, phone_key, body, origin, stored_at, due_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    ((*_row(lead), origin, stored_at, due_at) for lead in leads),
                )
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def update(self, lead: Lead) -> None:
        """Replace what is kept of a lead."""
        lead_id, email, phone, phone_key, body = _row(lead)
        with self.lock:
            self._db.execute(
                "UPDATE lead SET email=?, phone=?, phone_key=?, body=? WHERE id=?",
                (email, phone, phone_key, body, lead_id),
            )

    def set_next_action(self, lead_id: int, instant: str | None) -> None:
        """Keep the date that no read shows."""
        with self.lock:
            self._db.execute("UPDATE lead SET next_action_date=? WHERE id=?", (instant, lead_id))

    def set_due(self, lead_id: int, due_at: float | None) -> None:
        """When an agent looks at this lead again."""
        with self.lock:
            self._db.execute("UPDATE lead SET due_at=? WHERE id=?", (due_at, lead_id))

    def delete(self, lead_id: int) -> bool:
        """Forget a lead; False where there was none. Its id is not used again."""
        with self.lock:
            self.set_fact("last_id", str(self._last_id))
            return self._db.execute("DELETE FROM lead WHERE id=?", (lead_id,)).rowcount > 0

    def find(self, lead_id: int) -> Lead | None:
        """The lead with that id, all 58 keys."""
        if not 0 <= lead_id < 2**63:
            return None
        rows = self._select("SELECT body FROM lead WHERE id=?", lead_id)
        return rows[0] if rows else None

    def find_next_action(self, lead_id: int) -> str | None:
        """The next action last set."""
        with self.lock:
            row = self._db.execute("SELECT next_action_date FROM lead WHERE id=?", (lead_id,)).fetchone()
        return row[0] if row else None

    def find_by_email(self, email: str, *, stored_before: float) -> list[Lead]:
        """Leads with that address in any case, oldest first."""
        return self._select(BY_EMAIL, fold_email(email), stored_before)

    def find_by_phone(self, phone: str, *, normalised: bool, stored_before: float) -> list[Lead]:
        """Leads with that number as spelt, or in any spelling, oldest first."""
        if normalised:
            return self._select(BY_PHONE_KEY, fold_phone(phone), stored_before)
        return self._select(BY_PHONE, phone, stored_before)

    def find_due(self, now: float, origin: str | None = None) -> Lead | None:
        """The lead that an agent should have looked at longest ago."""
        rows = self._select(DUE_OF_ORIGIN, now, origin) if origin else self._select(DUE, now)
        return rows[0] if rows else None

    def find_newest(self, skip: int) -> Lead | None:
        """The newest lead but ``skip``."""
        rows = self._select("SELECT body FROM lead ORDER BY id DESC LIMIT 1 OFFSET ?", skip)
        return rows[0] if rows else None

    def find_page(self, *, after: int = 0, limit: int = 1000) -> list[Lead]:
        """Leads in id order."""
        return self._select("SELECT body FROM lead WHERE id>? ORDER BY id LIMIT ?", after, limit)

    def iter_all(self) -> Iterator[Lead]:
        """Every lead in id order; what arrives meanwhile is included."""
        page = self.find_page()
        while page:
            yield from page
            page = self.find_page(after=page[-1]["id"])

    def count(self) -> int:
        """How many leads there are."""
        with self.lock:
            return int(self._db.execute("SELECT count(*) FROM lead").fetchone()[0])

    def clear(self) -> None:
        """Forget every lead; ids go on."""
        with self.lock:
            self._db.execute("DELETE FROM lead")
            self.set_fact("last_id", str(self._last_id))

    def _select(self, query: str, *values: object) -> list[Lead]:
        with self.lock:
            rows = self._db.execute(query, values).fetchall()
        return [complete(json.loads(body)) for (body,) in rows]


def _row(lead: Lead) -> tuple[int, str | None, str | None, str | None, str]:
    body = json.dumps({key: value for key, value in lead.items() if value is not None}, separators=(",", ":"))
    return lead["id"], fold_email(lead["email"]), lead["phone"], fold_phone(lead["phone"]), body
