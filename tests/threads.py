"""Things done at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connections


def start(do: Callable[[], object], faults: list[BaseException]) -> threading.Thread:
    """Do it in another thread; what it raises is put into ``faults``."""

    def work() -> None:
        try:
            do()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def in_threads(number: int, do: Callable[[], object]) -> None:
    """Do it so many times at once; what any of them raises fails the test."""
    faults: list[BaseException] = []
    threads = [start(do, faults) for _ in range(number)]
    for thread in threads:
        thread.join(60)
    assert faults == []
