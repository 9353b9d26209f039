"""What the imitated AlterEstate holds: contacts, deals, whom it notified, and its log of requests."""

from __future__ import annotations

import json
import re
from typing import Any

from integrations.sandbox.state import StateFile

Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT, phone TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS contact_email ON contact (email);
CREATE INDEX IF NOT EXISTS contact_phone ON contact (phone);
CREATE TABLE IF NOT EXISTS deal (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notice (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
"""
TABLES = ("contact", "deal", "notice", "entry")


def fold_email(email: str) -> str:
    """Lower case, as the server keeps it."""
    return email.strip().lower()


def fold_phone(phone: str) -> str:
    """E.164 for numbers written internationally and for ten digits, which are Dominican; else the digits."""
    digits = re.sub(r"\D", "", phone)
    if phone.strip().startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+1{digits}" if len(digits) == 10 else digits


class AlterEstateStore(StateFile):
    """Rows only; what they mean is decided elsewhere."""

    def __init__(self, path: str = "") -> None:
        super().__init__(path, SCHEMA)

    def add(self, table: str, row: Row) -> Row:
        """Keep a new row of any table but contacts; returns it with its id."""
        with self.lock:
            query = f"INSERT INTO {table} (body) VALUES (?)"  # noqa: S608 - our own words
            return row | {"id": self._db.execute(query, (json.dumps(row),)).lastrowid}

    def add_contact(self, row: Row) -> Row:
        """Keep a new contact; returns it with its id."""
        with self.lock:
            values = (fold_email(row["email"]), fold_phone(row["phone"]), json.dumps(row))
            cursor = self._db.execute("INSERT INTO contact (email, phone, body) VALUES (?, ?, ?)", values)
            return row | {"id": cursor.lastrowid}

    def replace_contact(self, row: Row) -> None:
        """Keep another body under the same id."""
        with self.lock:
            self._db.execute("UPDATE contact SET body=? WHERE id=?", (json.dumps(row), row["id"]))

    def find_contact(self, email: str, phone: str) -> Row | None:
        """The first contact with that address or that number, in any spelling."""
        with self.lock:
            found = self._db.execute(
                "SELECT id, body FROM contact WHERE email=? OR (phone=? AND phone<>'') ORDER BY id LIMIT 1",
                (fold_email(email), fold_phone(phone)),
            ).fetchone()
        return json.loads(found[1]) | {"id": found[0]} if found else None

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, oldest first, each with its id."""
        with self.lock:
            query = f"SELECT id, body FROM {table} ORDER BY id"  # noqa: S608 - our own words
            found = self._db.execute(query).fetchall()
        return [json.loads(body) | {"id": number} for number, body in found]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.lock:
            query = f"SELECT count(*) FROM {table}"  # noqa: S608 - our own words
            return int(self._db.execute(query).fetchone()[0])

    def clear(self) -> None:
        """Forget everything; ids go on."""
        with self.lock:
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own words
