"""The log of requests received. Query values and bodies stay in the process; only names are shown."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .wire import Request

KEPT = 200_000
SECRET_HEADERS = ("x-api-key", "authorization")
#: Query values in which nobody wrote anything; of all others the control plane shows the names only.
PLAIN_VALUES = ("minDate", "maxDate", "limit", "start")
#: Arrivals at one remote are counted over this long, as AVIV's rule has it.
RECENT_SECONDS = 0.2


@dataclass(slots=True, eq=False)
class Entry:
    """One request. ``status`` is 0 while it is being answered, and for ever where no answer was sent.

    ``in_flight`` is how many the same remote had open as it came, and ``recent`` how many had come to it within
    the last 200 ms, both with this one.
    """

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
    in_flight: int = 1
    recent: int = 1
    is_open: bool = True

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
            "values": {name: self.query[name] for name in PLAIN_VALUES if name in self.query},
            "status": self.status,
            "lead_id": self.lead_id,
            "fault": self.fault,
            "key_sent": self.key_sent,
            "in_flight": self.in_flight,
            "recent": self.recent,
        }


class RequestLog:
    """Entries in order of arrival, and how many requests were in flight at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0
        self._in_flight: Counter[str] = Counter()
        self._arrivals: defaultdict[str, deque[float]] = defaultdict(deque)
        self.most_in_flight = 0

    def open(self, remote: str, path: str, request: Request) -> Entry:
        """Write down a request as it arrives."""
        headers = {name: value for name, value in request.headers.items() if name not in SECRET_HEADERS}
        key_sent = len(headers) < len(request.headers)
        with self._lock:
            self._number += 1
            self._in_flight[remote] += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight.total())
            number = self._number
            entry = Entry(number, time.time(), remote, request.method, path, request.query, headers, key_sent)
            entry.in_flight, entry.recent = self._in_flight[remote], self._count_recent(remote)
            self._entries.append(entry)
        request.in_flight, request.recent = entry.in_flight, entry.recent
        return entry

    def _count_recent(self, remote: str) -> int:
        now, arrivals = time.monotonic(), self._arrivals[remote]
        arrivals.append(now)
        while arrivals[0] <= now - RECENT_SECONDS:
            arrivals.popleft()
        return len(arrivals)

    def close(self, entry: Entry) -> None:
        """One request less in flight. May be repeated."""
        with self._lock:
            self._in_flight[entry.remote] -= entry.is_open
            entry.is_open = False

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
            self.most_in_flight = self._in_flight.total()
