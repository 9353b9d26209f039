"""What a remote keeps, in SQLite: in memory, or in a file that survives a kill and has one user at a time."""

from __future__ import annotations

import sqlite3
import threading

FACTS = "CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);"


class StateInUse(Exception):
    """Another sandbox has the state file open, or it is no state file."""


class StateFile:
    """An open database. ``lock`` makes a read and the write that follows it one step."""

    def __init__(self, path: str, schema: str) -> None:
        self.lock = threading.RLock()
        self._db = sqlite3.connect(
            path or ":memory:", check_same_thread=False, isolation_level=None, timeout=0.5
        )
        try:
            self._prepare(schema)
        except sqlite3.Error as problem:
            self._db.close()
            raise StateInUse(f"cannot use the state file {path}: {problem}") from problem

    def _prepare(self, schema: str) -> None:
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("BEGIN EXCLUSIVE")
        self._db.execute("COMMIT")
        self._db.executescript(schema + FACTS)

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self._db.close()

    def get_fact(self, name: str) -> str | None:
        """Something else worth keeping across runs."""
        with self.lock:
            row = self._db.execute("SELECT value FROM fact WHERE name=?", (name,)).fetchone()
        return row[0] if row else None

    def set_fact(self, name: str, value: str) -> None:
        """Keep it."""
        with self.lock:
            self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))
