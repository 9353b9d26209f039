"""Notices when many leads of one office change at once: a mass edit, an import at the remote. In memory, no query.

The schedule takes every lead to change by itself. Where looks at an office suddenly find many times what they should,
that does not hold just then, and the last of its leads would have its own turn only in half a year.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

#: So many changes, that many times as many as were expected. By chance alone: less than once in a million years.
FEWEST, TIMES = 20, 10.0

Office = int | None


@dataclass(slots=True)
class _Office:
    """How many changes were expected so far, and of the last ones: when, and how many were expected before."""

    expected: float = 0.0
    last: deque[tuple[datetime, float]] = field(default_factory=lambda: deque(maxlen=FEWEST))


_lock = Lock()
_offices: dict[tuple[int, Office], _Office] = defaultdict(_Office)
_struck: dict[int, dict[Office, datetime]] = defaultdict(dict)


def note(connection_id: int, office: Office, expected: float, changed: bool, at: datetime) -> None:
    """Remember a look by the schedule's own choice. ``expected`` is the probability, before it, of a change."""
    with _lock:
        known = _offices[connection_id, office]
        if changed:
            known.last.append((at, known.expected))
        known.expected += expected
        if not changed or len(known.last) < FEWEST:
            return
        since, before = known.last[0]
        if (known.expected - before) * TIMES <= FEWEST:
            _struck[connection_id][office] = since
            del _offices[connection_id, office]


def take_struck(connection_id: int) -> dict[Office, datetime]:
    """Offices of which many leads have changed at once, and since when; each is told once."""
    with _lock:
        return _struck.pop(connection_id, {})


def forget() -> None:
    """Drop what this process holds: for tests whose rows were rolled back."""
    with _lock:
        _offices.clear()
        _struck.clear()
