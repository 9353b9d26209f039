"""One thread that ends calls at their total deadline by cutting the socket, whatever the peer drips into
it.
"""

from __future__ import annotations

import heapq
import os
import socket
import threading
import time
from contextlib import suppress
from itertools import count


class Line:
    """A second handle on a connected socket, so that another thread can cut it in any phase, TLS included."""

    __slots__ = ("_lock", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        self._socket: socket.socket | None = connected.dup()
        self._lock = threading.Lock()

    def cut(self) -> None:
        """End both directions at once; a thread blocked on the connection wakes up. May be repeated."""
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the handle back. May be repeated."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


class Deadline:
    """The end of one call, in `time.monotonic()` seconds. ``is_over`` is set by the watchdog, never unset."""

    __slots__ = ("at", "is_done", "is_over", "line")

    def __init__(self, at: float) -> None:
        self.at = at
        self.is_over = False
        self.is_done = False
        self.line: Line | None = None

    def watch(self, line: Line) -> None:
        """Cut this line, too, when time is up; at once where it already is."""
        self.line = line
        if self.is_over:
            line.cut()

    def remaining(self) -> float:
        """Seconds left; zero or less when time is up."""
        return self.at - time.monotonic()

    def strike(self) -> None:
        """Time is up: remember it first, then cut."""
        self.is_over = True
        if self.line is not None:
            self.line.cut()


class Watchdog:
    """Shared by all calls of a process. A call costs one push on a heap; the thread mostly sleeps."""

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._wake = threading.Condition(threading.Lock())
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = count()
        self._sleeps_until: float | None = None
        self._thread: threading.Thread | None = None

    def start(self, seconds: float) -> Deadline:
        """A deadline that many seconds from now. The caller sets ``is_done`` when the call is over."""
        deadline = Deadline(time.monotonic() + seconds)
        with self._wake:
            heapq.heappush(self._heap, (deadline.at, next(self._numbers), deadline))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rest-deadlines", daemon=True)
                self._thread.start()
            elif self._sleeps_until is None or deadline.at < self._sleeps_until:
                self._sleeps_until = deadline.at
                self._wake.notify()
        return deadline

    def _run(self) -> None:
        while True:
            for deadline in self._wait_for_due():
                if not deadline.is_done:
                    deadline.strike()

    def _wait_for_due(self) -> list[Deadline]:
        """Sleep until the earliest live deadline, or until an earlier one is added."""
        with self._wake:
            heap = self._heap
            while heap and heap[0][2].is_done:
                heapq.heappop(heap)
            now = time.monotonic()
            self._sleeps_until = heap[0][0] if heap else None
            if self._sleeps_until is None or self._sleeps_until > now:
                self._wake.wait(None if self._sleeps_until is None else self._sleeps_until - now)
                now = time.monotonic()
            due = []
            while heap and heap[0][0] <= now:
                due.append(heapq.heappop(heap)[2])
            return due


WATCHDOG = Watchdog()
