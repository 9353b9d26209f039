"""How fresh one connection's leads are believed to be, how fresh they were found to be, and what it cost.

Computed by a task every few minutes and kept in ``Schedule.report``; no page waits for it. Shares lie between 0 and 1.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any

from django.conf import settings
from django.db.models import Avg, Count, Min, Q, Sum
from django.utils.dateparse import parse_datetime

from leads.models import Audit, Connection, Contact, Delivery, Lane, Schedule, Tally
from leads.models.values import json_value
from leads.sync import covering, pricing
from leads.sync.believing import ALL, expect_freshness
from leads.sync.measuring import wilson, within_minutes

#: Raised with the shape of the report, so that a page never reads one of another shape.
SHAPE = 1
EVERY = timedelta(minutes=2)
#: Counting over all leads takes seconds in a large mirror.
COUNT_EVERY, COUNT_AT_ONCE = timedelta(hours=1), 20_000
HOURS, DAYS = 24, 7
SENT = "sent:"

Tallies = Mapping[str, Mapping[int, int]]


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether the report is missing or some minutes old."""
    at = Schedule.objects.filter(connection=connection).values_list("reported_at", flat=True).first()
    return at is None or not timedelta(0) <= now - at < EVERY


def find_report(connection: Connection) -> dict[str, Any] | None:
    """The last report, or None where there is none of the present shape."""
    found = Schedule.objects.filter(connection=connection).values_list("report", flat=True).first()
    return found if found and found.get("shape") == SHAPE else None


def keep_report(connection: Connection, now: datetime) -> dict[str, Any]:
    """Compute the report and keep it. Repeatable."""
    before = find_report(connection) or {}
    report = make_report(connection, now, before.get("coverage"), SystemRandom())
    Schedule.objects.get_or_create(connection=connection)
    Schedule.objects.filter(connection=connection).update(report=report, reported_at=now)
    return report


def make_report(
    connection: Connection, now: datetime, coverage: dict[str, Any] | None, chance: random.Random
) -> dict[str, Any]:
    """The report as JSON. ``coverage`` of an earlier report is kept while it is young enough."""
    copies = covering.scheduled(connection).count()
    hour = int(now.timestamp() // 3600)
    week = _tallies(connection, hour - 24 * DAYS + 1)
    if not coverage or copies <= COUNT_AT_ONCE or _age(coverage, now) >= COUNT_EVERY:
        coverage = covering.count_coverage(connection, now)
    return {
        "shape": SHAPE,
        "at": json_value(now),
        "copies": copies,
        "expected": expect_freshness(connection, pricing.load_model(connection, now), copies, now, chance),
        "measured": _measured(connection, now),
        "delay": _delay(week.get("delay", {})),
        "budget": _budget(connection, hour),
        "reads": _reads(_tallies(connection, hour - HOURS + 1)),
        "webhooks": _webhooks(connection, week, now),
        "coverage": coverage,
        "coldest": _coldest(connection, copies),
    }


def _age(coverage: Mapping[str, Any], now: datetime) -> timedelta:
    at = parse_datetime(str(coverage.get("at", "")))
    return now - at if at else COUNT_EVERY


def _tallies(connection: Connection, since_hour: int) -> Tallies:
    """Measure to bucket to count, from that hour on."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    rows = Tally.objects.filter(connection=connection, hour__gte=since_hour).values_list("measure", "bucket")
    for measure, bucket, count in rows.annotate(n=Sum("count")).order_by():
        found[measure][bucket] = count
    return found


def _measured(connection: Connection, now: datetime) -> dict[str, dict[str, Any]]:
    """Band to what random audits of the last days found: n, how many were stale, the fresh share and its interval."""
    rows = Audit.objects.filter(connection=connection, at__gte=now - timedelta(days=DAYS)).values("band")
    found = {
        row["band"]: (row["n"], row["stale"], row["believed"])
        for row in rows.annotate(
            n=Count("pk"), stale=Count("pk", filter=Q(was_stale=True)), believed=Avg("believed")
        ).order_by()
    }
    total = sum(n for n, _, _ in found.values())
    if total:
        believed = sum(n * mean for n, _, mean in found.values()) / total
        found[ALL] = (total, sum(stale for _, stale, _ in found.values()), believed)
    return {name: _share_fresh(*facts) for name, facts in found.items()}


def _share_fresh(n: int, stale: int, believed: float) -> dict[str, Any]:
    low, high = wilson(n - stale, n)
    return {
        "n": n,
        "stale": stale,
        "share": (n - stale) / n,
        "low": low,
        "high": high,
        "believed": believed,
    }


def _delay(buckets: Mapping[int, int]) -> dict[str, Any]:
    """Within how many minutes half, and nine of ten, of the changes were found at the latest.

    A change happened somewhere between two looks, so the gap is the most that it can have waited.
    """
    return {
        "n": sum(buckets.values()),
        "half": within_minutes(buckets, 0.5),
        "most": within_minutes(buckets, 0.9),
    }


def _budget(connection: Connection, hour: int) -> dict[str, Any]:
    """Calls per lane in each of the last hours, oldest first; the last hour is not over yet."""
    hours = range(hour - HOURS + 1, hour + 1)
    lanes = {lane.value: [0] * HOURS for lane in Lane}
    rows = Tally.objects.filter(connection=connection, hour__in=hours, measure__startswith=SENT)
    for at, measure, count in rows.values_list("hour", "measure", "count"):
        lane = measure.removeprefix(SENT)
        lanes.setdefault(lane, [0] * HOURS)[at - hours[0]] += count
    return {"per_minute": per_minute_of(connection), "first_hour": hours[0], "lanes": lanes}


def per_minute_of(connection: Connection) -> int:
    """Calls that the connection may make in a minute."""
    return max(1, int(connection.setting("requests_per_minute") or 1))


def _reads(tallies: Tallies) -> dict[str, Any]:
    """Reads of the last hours by outcome."""
    return {
        outcome: sum(tallies.get(f"read:{outcome}", {}).values())
        for outcome in ("unchanged", "changed", "failed")
    } | {"discovered": sum(tallies.get("discovered", {}).values())}


def _webhooks(connection: Connection, tallies: Tallies, now: datetime) -> dict[str, Any]:
    """What came, and whether it told us something: early (before a look found it), late (after), empty (no change)."""
    rows = Delivery.objects.filter(connection=connection)
    recent = rows.filter(received_at__gte=now - timedelta(days=DAYS)).order_by()
    waiting = rows.filter(state=Delivery.WAITING).order_by()
    last = rows.order_by("-id").values_list("received_at", flat=True).first()
    counts = recent.aggregate(n=Count("pk"), failed=Count("pk", filter=Q(state=Delivery.FAILED)))
    return {
        "last_at": json_value(last),
        "arrived": counts["n"],
        "failed": counts["failed"],
        **waiting.aggregate(waiting=Count("pk")),
        "waiting_since": json_value(waiting.aggregate(at=Min("received_at"))["at"]),
        **{kind: sum(tallies.get(f"hint:{kind}", {}).values()) for kind in ("early", "late", "empty")},
    }


def _coldest(connection: Connection, copies: int) -> dict[str, Any]:
    """What one look at every lead and person in REFRESH_COLDEST_DAYS takes, and the budget, both in calls a day."""
    days = float(settings.REFRESH_COLDEST_DAYS)
    people = Contact.objects.filter(connection=connection, refresh_class__isnull=False).count()
    possible = per_minute_of(connection) * 1440
    return {
        "days": days,
        "needed_a_day": (copies + people) / days,
        "possible_a_day": possible,
        "days_at_best": (copies + people) / possible,
    }
