"""The log of requests received. Query values and bodies stay in the process; only names are shown."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .wire import Request

KEPT = 200_000
SECRET_HEADERS = ("x-api-key", "authorization")


@dataclass(slots=True, eq=False)
class Entry:
    """One request. ``status`` is 0 while it is being answered, and for ever where no answer was sent."""

    number: int
    at: float
    remote: str
    method: str
    path: str
    query: dict[str, str] = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    key_sent: bool = False
    body: bytes = field(default=b"", repr=False)
    status: int = 0
    lead_id: int | None = None
    fault: str = ""

    def json(self) -> Any:
        """The request's body as JSON; ValueError where it is none."""
        return Request(self.method, self.path, {}, {}, False, self.body).json()

    def as_row(self) -> dict[str, Any]:
        """What the control plane shows: nothing that a person wrote."""
        return {
            "number": self.number,
            "at": self.at,
            "remote": self.remote,
            "method": self.method,
            "path": self.path,
            "query": sorted(self.query),
            "status": self.status,
            "lead_id": self.lead_id,
            "fault": self.fault,
            "key_sent": self.key_sent,
        }


class RequestLog:
    """Entries in order of arrival, and how many requests were in flight at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0
        self._in_flight = 0
        self.most_in_flight = 0

    def open(self, remote: str, path: str, request: Request) -> Entry:
        """Write down a request as it arrives."""
        headers = {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS}
        key_sent = len(headers) < len(request.headers)
        with self._lock:
            self._number += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            number = self._number
            entry = Entry(number, time.time(), remote, request.method, path, request.query, headers, key_sent)
            self._entries.append(entry)
        return entry

    def close(self) -> None:
        """One request less in flight."""
        with self._lock:
            self._in_flight -= 1

    def find(self, method: str = "*", path: str = "*", *, remote: str = "*") -> list[Entry]:
        """Entries whose method and path match; ``*`` stands for anything."""
        with self._lock:
            entries = list(self._entries)
        return [
            entry
            for entry in entries
            if fnmatchcase(entry.method, method)
            and fnmatchcase(entry.path, path)
            and fnmatchcase(entry.remote, remote)
        ]

    def clear(self) -> None:
        """Forget every entry; numbers go on."""
        with self._lock:
            self._entries.clear()
            self.most_in_flight = self._in_flight
