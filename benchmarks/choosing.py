"""What one tick of the schedule costs: choosing and claiming the next reads among 10,000 and 1,000,000 copies.

Beside ``choose``: the same choice by a scan of the table, which is what relative lateness costs without classes.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._harness import run_on_each_database, set_up

SIZES, TICKS, AT_ONCE = (10_000, 1_000_000), 300, 5
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

#: One copy and one contact per number: intervals from 8 minutes to 180 days, looks between just now and 1.3 intervals.
COPIES = """
    INSERT INTO leads_copy (lead_id, connection_id, remote_id, raw, content_hash, as_of, seen_at, changed_at,
        last_attempt_at, gamma_shape, gamma_rate, refresh_interval, refresh_class, demand, failures)
    SELECT n, %(connection)s, n + 1000000, '{}', '', t, t, t, t, 1, 1, i, floor(log(2, (i / 60)::numeric)), 0, 0 FROM
        (SELECT n, i, %(now)s::timestamptz - make_interval(secs => 61 + i * 1.3 * random()) AS t FROM
            (SELECT n, 480 * power(2, 15 * random()) AS i FROM generate_series(1, %(size)s) n) a) b
"""
CONTACTS = """
    INSERT INTO leads_contact (connection_id, by, key, spelling, awake_since, last_attempt_at, gamma_shape,
        gamma_rate, refresh_interval, refresh_class, demand, failures)
    SELECT connection_id, 'email', remote_id, remote_id, as_of, last_attempt_at, 1, 1, refresh_interval,
        refresh_class, 0, 0 FROM leads_copy
"""


def fill_postgres(connection_id: int, size: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        # The leads themselves play no part in a choice, so there are none.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE leads_copy, leads_contact CASCADE")
        cursor.execute(COPIES, {"connection": connection_id, "now": START, "size": size})
        cursor.execute(CONTACTS)
        cursor.execute("ANALYZE")


def fill_sqlite(connection_id: int, size: int) -> None:
    from django.db import connection

    dice = random.Random(1)

    def rows() -> Any:
        for n in range(1, size + 1):
            number = dice.uniform(3, 18)
            interval = 60 * 2**number
            at = (START - timedelta(seconds=61 + interval * 1.3 * dice.random())).replace(tzinfo=None)
            yield n, connection_id, str(n + 1_000_000), str(at), interval, int(number)

    with connection.cursor() as cursor:
        for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -400000"):
            cursor.execute(f"PRAGMA {pragma}")
        for table in ("leads_copy", "leads_contact"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.connection.executemany(
            "INSERT INTO leads_copy (lead_id, connection_id, remote_id, raw, content_hash, as_of, seen_at,"
            " changed_at, last_attempt_at, gamma_shape, gamma_rate, refresh_interval, refresh_class, demand, failures)"
            " VALUES (?1, ?2, ?3, '{}', '', ?4, ?4, ?4, ?4, 1, 1, ?5, ?6, 0, 0)",
            rows(),
        )
        cursor.execute(CONTACTS)
        cursor.connection.commit()
        cursor.execute("ANALYZE")
        # What is measured is measured as the program runs.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA cache_size = -32000")


def tick_times(account: Any, choose: Callable[..., Any]) -> list[float]:
    """Milliseconds of each tick, a second of the mirror's time apart."""
    times = []
    for n in range(TICKS):
        now = START + timedelta(seconds=n)
        began = time.perf_counter()
        chosen = choose(account, AT_ONCE, now, lambda i, at, now=now: (now - at).total_seconds() / i)
        times.append(1000 * (time.perf_counter() - began))
        assert len(chosen) == AT_ONCE
    return times


def scan(now: datetime) -> float:
    """Milliseconds of the exact choice by a scan, not claimed."""
    from django.db import connection

    elapsed = (
        "EXTRACT(EPOCH FROM %s - last_attempt_at)"
        if connection.vendor == "postgresql"
        else "(julianday(%s) - julianday(last_attempt_at)) * 86400"
    )
    sql = f"SELECT id FROM leads_copy ORDER BY {elapsed} / refresh_interval DESC LIMIT {AT_ONCE}"
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datetimefield_value(now)])
        cursor.fetchall()
    return 1000 * (time.perf_counter() - began)


def measure(database: str) -> None:
    from django.db import connection

    from leads.models import Connection
    from leads.sync.choosing import choose

    account = Connection.objects.create(remote="leadpro", name="bench", base_url="http://127.0.0.1:9")
    fill = fill_postgres if connection.vendor == "postgresql" else fill_sqlite
    medians = []
    for size in SIZES:
        fill(account.pk, size)
        times = tick_times(account, choose)
        medians.append(statistics.median(times))
        p99 = statistics.quantiles(times, n=100)[98]
        print(
            f"{database:10} {size:9,d} copies  tick {medians[-1]:6.2f} ms  p99 {p99:6.2f} ms"
            f"   by a scan {statistics.median(scan(START) for _ in range(3)):8.1f} ms"
        )
    print(f"{database:10} ratio {medians[1] / medians[0]:.2f} (goal: at most 1.5)")


if __name__ == "__main__":
    if "--database" in sys.argv:
        set_up()
        measure(sys.argv[sys.argv.index("--database") + 1])
    else:
        run_on_each_database("benchmarks.choosing")
