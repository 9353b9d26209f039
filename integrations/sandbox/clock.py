"""The sandbox's own time, which may run faster than the wall's and may be moved by tests.
Never runs backwards.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970 as the sandbox sees them; ``scale`` sandbox seconds pass in one real second."""

    def __init__(self, scale: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._scale = scale
        self._real = time.monotonic()
        self._shown = time.time()

    def now(self) -> float:
        """Unix time in the sandbox."""
        return self._shown + (time.monotonic() - self._real) * self._scale

    def advance(self, seconds: float) -> float:
        """Move on at once; returns the new time."""
        if seconds < 0:
            raise ValueError("the sandbox's clock does not run backwards")
        with self._lock:
            self._shown += seconds
        return self.now()

    def not_before(self, instant: float) -> None:
        """Start no earlier than ``instant``: where an earlier run on the same state had got to."""
        behind = instant - self.now()
        if behind > 0:
            self.advance(behind)


def render_instant(unix: float) -> str:
    """ISO 8601 in UTC with milliseconds, as Lead.pro writes it."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
