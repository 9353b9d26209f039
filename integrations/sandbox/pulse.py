"""What happens by itself at a remote: a thread that takes a step so many times a minute."""

from __future__ import annotations

import random
import sqlite3
import threading
from typing import Any


class Pulse:
    """A thread that calls ``step`` about ``rate`` times a minute, at random."""

    def __init__(self, *, rate: float, seed: int) -> None:
        self.rate = rate
        self._chance = random.Random(seed + 1)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, where the rate is above 0."""
        if self.rate > 0 and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sandbox-life", daemon=True)
            self._thread.start()

    def set_rate(self, rate: float) -> None:
        """Faster, slower, or 0 to pause."""
        self.rate = rate
        self.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def step(self) -> Any:
        """One event; returns what it was about."""
        # Each life has steps of its own.
        raise NotImplementedError

    def _run(self) -> None:
        while not self._stopping.wait(self._draw_wait()):
            if self.rate > 0:
                try:
                    self.step()
                except sqlite3.ProgrammingError:
                    return

    def _draw_wait(self) -> float:
        return min(30.0, self._chance.expovariate(self.rate / 60)) if self.rate > 0 else 0.5
