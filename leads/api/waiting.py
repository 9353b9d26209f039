"""Requests that wait for an outcome. At most half of a process's threads do, so that the others stay free."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.25
_lock = threading.Lock()
_waiting = 0


def most_waiters() -> int:
    """How many requests of this process may wait at once. gunicorn.conf.py says how many threads there are."""
    try:
        threads = int(os.environ.get("LEADMIRROR_WEB_THREADS", "8"))
    except ValueError:
        threads = 8
    return max(1, threads // 2)


@contextmanager
def place() -> Iterator[bool]:
    """A place among those who wait; False where all are taken."""
    global _waiting  # noqa: PLW0603 - one number for the process
    with _lock:
        is_free = _waiting < most_waiters()
        _waiting += is_free
    try:
        yield is_free
    finally:
        with _lock:
            _waiting -= is_free


def wait_for(look: Callable[[], T | None], seconds: float) -> T | None:
    """What ``look`` finds, as soon as it finds something; None when the time is up. Never inside a transaction."""
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        found = look()
        if found is not None:
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)
