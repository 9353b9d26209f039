"""Counts what happens, by the hour: gathered in memory, written every few seconds. A kill loses those seconds only."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock

from django.db import IntegrityError, connections, router, transaction

from leads.models.connection import Connection
from leads.models.durability import allow_losing_this
from leads.models.schedule import Tally

#: Seconds between two writes of one process.
EVERY = 5.0

_lock = Lock()
#: (connection, hour, measure, bucket) to how often.
_waiting: Counter[tuple[int, int, str, int]] = Counter()
#: When the last write began, by the monotonic clock.
_last_flush = [0.0]

SQL = (
    "INSERT INTO leads_tally (connection_id, hour, measure, bucket, count) VALUES (%s, %s, %s, %s, %s)"
    " ON CONFLICT (connection_id, hour, measure, bucket) DO UPDATE SET count = leads_tally.count + excluded.count"
)


def hour_of(unix_time: float) -> int:
    """Hours since 1970."""
    return int(unix_time // 3600)


def count(connection: Connection | int, measure: str, bucket: int = 0, n: int = 1) -> None:
    """Note that something happened just now. Costs no query; ``flush`` writes it."""
    pk = connection if isinstance(connection, int) else connection.pk
    with _lock:
        _waiting[pk, hour_of(time.time()), measure, bucket] += n


def flush() -> None:
    """Write what was counted since the last time. On a failure of the database it is kept for the next time."""
    with _lock:
        rows, _last_flush[0] = dict(_waiting), time.monotonic()
        _waiting.clear()
    if not rows:
        return
    try:
        using = router.db_for_write(Tally)
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            allow_losing_this()
            # In one order, so that two processes never wait for each other.
            cursor.executemany(SQL, [[*key, n] for key, n in sorted(rows.items())])
        rows.clear()
    except IntegrityError:
        # A connection was deleted meanwhile; its counts go with it, and so do the others of these few seconds.
        rows.clear()
    finally:
        with _lock:
            _waiting.update(rows)


def flush_if_due() -> None:
    """Write at most every few seconds, and never inside a transaction of somebody else."""
    due = time.monotonic() - _last_flush[0] >= EVERY
    if due and _waiting and not connections[router.db_for_write(Tally)].in_atomic_block:
        flush()


def forget() -> None:
    """Drop what was counted: for tests whose rows were rolled back."""
    with _lock:
        _waiting.clear()
        _last_flush[0] = 0.0
