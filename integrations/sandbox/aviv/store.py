"""What the imitated AVIV holds: leads by ingestion date, tokens, webhook subscriptions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from integrations.sandbox.state import StateFile

from .shape import Lead, dump

NAMESPACE = UUID("5a5dbb5e-0000-4000-8000-5ee3e47ead50")
SCHEMA = """
CREATE TABLE IF NOT EXISTS lead (
    number INTEGER PRIMARY KEY, lead_id TEXT NOT NULL UNIQUE, ingested_at INTEGER NOT NULL,
    visible_at REAL NOT NULL, ttl INTEGER, agency TEXT NOT NULL, announced INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS lead_ingested ON lead (ingested_at, lead_id);
CREATE INDEX IF NOT EXISTS lead_unannounced ON lead (visible_at) WHERE announced=0;
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, expires_at REAL NOT NULL, agency TEXT NOT NULL, has_right INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS subscription (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
"""
#: How pages are ordered: columns, comparison of what comes after, direction.
ORDERS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "ascending": (("ingested_at", "lead_id"), ">", "ASC"),
    "descending": (("ingested_at", "lead_id"), "<", "DESC"),
    "by_id": (("lead_id",), ">", "ASC"),
    "arrival": (("number",), ">", "ASC"),
}
#: Which ends of a window belong to it.
BOUNDS = {"both": (">=", "<="), "min": (">=", "<"), "max": (">", "<="), "neither": (">", "<")}


class NewLead(NamedTuple):
    """A lead to keep: whose it is, when it can be seen, whether webhooks have nothing to say of it."""

    lead: Lead
    visible_at: float
    agency: str = ""
    announced: bool = True


@dataclass(slots=True)
class Window:
    """What a page is asked of. Instants are unix seconds; ``agency`` empty sees all, ``now`` None forgets TTLs."""

    min_date: int
    max_date: int
    seen_at: float
    bounds: str = "both"
    order: str = "ascending"
    agency: str = ""
    expired_at: float | None = None

    def where(self) -> tuple[str, list[object]]:
        """The condition and its values."""
        low, high = BOUNDS[self.bounds]
        text = f"ingested_at{low}? AND ingested_at{high}? AND visible_at<=?"
        values: list[object] = [self.min_date, self.max_date, self.seen_at]
        if self.agency:
            text += " AND agency IN ('', ?)"
            values.append(self.agency)
        if self.expired_at is not None:
            text += " AND (ttl IS NULL OR ttl<=ingested_at OR ttl>?)"
            values.append(self.expired_at)
        return text, values


class AvivStore(StateFile):
    """Rows only; what they mean is decided elsewhere."""

    def __init__(self, path: str = "", seed: int = 1) -> None:
        super().__init__(path, SCHEMA)
        self._seed = seed
        self._last = int(self.get_fact("last") or 0)

    def next_id(self) -> str:
        """An id never handed out before; ids say nothing about time."""
        with self.lock:
            self._last += 1
            return str(uuid5(NAMESPACE, f"{self._seed}:{self._last}"))

    def insert_all(self, rows: Iterable[NewLead]) -> None:
        """Keep new leads, all or none."""
        with self.lock:
            self._db.execute("BEGIN")
            try:
                self._db.executemany(
                    "INSERT INTO lead (lead_id, ingested_at, visible_at, ttl, agency, announced, body)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (_values(row) for row in rows),
                )
                self.set_fact("last", str(self._last))
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def find(self, lead_id: str) -> NewLead | None:
        """What is kept of a lead, seen or not."""
        with self.lock:
            row = self._db.execute(
                "SELECT body, visible_at, agency, announced FROM lead WHERE lead_id=?", (lead_id,)
            ).fetchone()
        return NewLead(json.loads(row[0]), row[1], row[2], bool(row[3])) if row else None

    def replace(self, lead: Lead) -> None:
        """Keep another body under the same id."""
        with self.lock:
            values = (dump(lead), lead["metadata"]["leadId"])
            self._db.execute("UPDATE lead SET body=? WHERE lead_id=?", values)

    def delete(self, lead_id: str) -> bool:
        """Forget a lead; False where there was none."""
        with self.lock:
            return self._db.execute("DELETE FROM lead WHERE lead_id=?", (lead_id,)).rowcount > 0

    def find_page(self, window: Window, start: str, limit: int) -> list[tuple[str, str]] | None:
        """Ids and JSON of up to ``limit`` leads after ``start``, or from the first; None where ``start`` is unknown."""
        columns, after, direction = ORDERS[window.order]
        where, values = window.where()
        with self.lock:
            if start:
                place = self._find_place(columns, start)
                if place is None:
                    return None
                where += f" AND ({', '.join(columns)}){after}({', '.join('?' * len(columns))})"
                values += place
            order = ", ".join(f"{column} {direction}" for column in columns)
            query = f"SELECT lead_id, body FROM lead WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own words
            return self._db.execute(query, (*values, limit)).fetchall()

    def _find_place(self, columns: tuple[str, ...], lead_id: str) -> list[object] | None:
        query = f"SELECT {', '.join(columns)} FROM lead WHERE lead_id=?"  # noqa: S608 - our own words
        row = self._db.execute(query, (lead_id,)).fetchone()
        return list(row) if row else None

    def count_in(self, window: Window) -> int:
        """How many leads the window holds."""
        where, values = window.where()
        return self._count(f"SELECT count(*) FROM lead WHERE {where}", values)  # noqa: S608 - our own words

    def count(self) -> int:
        """How many leads there are, seen or not."""
        return self._count("SELECT count(*) FROM lead", [])

    def _count(self, query: str, values: list[object]) -> int:
        with self.lock:
            return int(self._db.execute(query, values).fetchone()[0])

    def find_some(self, *, after: int = 0, limit: int = 1000) -> list[tuple[int, Lead]]:
        """Leads in order of arrival, each with its number."""
        with self.lock:
            rows = self._db.execute(
                "SELECT number, body FROM lead WHERE number>? ORDER BY number LIMIT ?", (after, limit)
            ).fetchall()
        return [(number, json.loads(body)) for number, body in rows]

    def iter_all(self) -> Iterator[Lead]:
        """Every lead in order of arrival."""
        page = self.find_some()
        while page:
            yield from (lead for _, lead in page)
            page = self.find_some(after=page[-1][0])

    def find_any(self, place: float) -> str | None:
        """The id of the lead at that share of all, in order of arrival."""
        with self.lock:
            row = self._db.execute(
                "SELECT lead_id FROM lead ORDER BY number LIMIT 1 OFFSET ?", (int(place * self.count()),)
            ).fetchone()
        return row[0] if row else None

    def take_unannounced(self, now: float) -> list[Lead]:
        """Leads that can be seen by now and of which no webhook has told; from now on one has."""
        with self.lock:
            rows = self._db.execute(
                "SELECT number, body FROM lead WHERE announced=0 AND visible_at<=? ORDER BY visible_at",
                (now,),
            ).fetchall()
            self._db.executemany(
                "UPDATE lead SET announced=1 WHERE number=?", [(number,) for number, _ in rows]
            )
        return [json.loads(body) for _, body in rows]

    def keep_token(self, token: str, expires_at: float, agency: str, *, has_right: bool) -> None:
        """Keep a token that was handed out."""
        with self.lock:
            self._db.execute("INSERT INTO token VALUES (?, ?, ?, ?)", (token, expires_at, agency, has_right))

    def find_token(self, token: str) -> tuple[float, str, bool] | None:
        """When it expires, for whom it is, whether it has the right."""
        with self.lock:
            query = "SELECT expires_at, agency, has_right FROM token WHERE token=?"
            row = self._db.execute(query, (token,)).fetchone()
        return (row[0], row[1], bool(row[2])) if row else None

    def spoil_tokens(self, column: str) -> None:
        """End every token handed out so far (``expires_at``), or take the right from it (``has_right``)."""
        with self.lock:
            self._db.execute(f"UPDATE token SET {column}=0")  # noqa: S608 - our own words

    def subscriptions(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        with self.lock:
            rows = self._db.execute("SELECT body FROM subscription ORDER BY number").fetchall()
        return [json.loads(body) for (body,) in rows]

    def keep_subscription(self, row: dict[str, Any]) -> None:
        """Add or replace one by its ``subscriptionId``."""
        with self.lock:
            self._db.execute(
                "INSERT INTO subscription (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body=excluded.body",
                (row["subscriptionId"], json.dumps(row)),
            )

    def delete_subscription(self, subscription_id: str) -> None:
        """Forget one."""
        with self.lock:
            self._db.execute("DELETE FROM subscription WHERE id=?", (subscription_id,))

    def clear(self) -> None:
        """Forget everything; ids go on."""
        with self.lock:
            for table in ("lead", "token", "subscription"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own words


def _values(row: NewLead) -> tuple[object, ...]:
    metadata = row.lead["metadata"]
    ttl = metadata.get("TTL")
    kept = ttl if isinstance(ttl, int) and abs(ttl) < 2**63 else None
    return (
        metadata["leadId"],
        metadata["ingestionDate"],
        row.visible_at,
        kept,
        row.agency,
        row.announced,
        dump(row.lead),
    )


#: What SQLite raises where an id is taken already.
IdTaken = sqlite3.IntegrityError
