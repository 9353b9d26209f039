"""Puts a connection's schedule right, once a day and when the price of a read has moved far.

Intervals are set at the price of their day. Looks are ranked by lateness, elapsed time by interval, so intervals set
at very different prices do not compare: a cold lead planned while a read was dear would wait behind its equals.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum

from leads.models import Audit, Connection, Contact, Copy, Schedule, Tally, tallying
from leads.models.columns import write_columns
from leads.sync import pricing
from leads.sync.freshness import Model, interval_class

EVERY, AT_MOST_EVERY = timedelta(days=1), timedelta(minutes=10)
#: How far the price's root may move, and how far one interval may be off, before they are mended.
FAR, OFF = 2.0, 1.25
#: Tallies and audits are kept so long.
KEEP = timedelta(days=400)
PAGE = 2000


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether a day has passed since the last time, or the price has moved far."""
    row = Schedule.objects.filter(connection=connection).only("recounted_at", "scale").first()
    if row is None or row.recounted_at is None or now - row.recounted_at >= EVERY:
        return True
    scale = sqrt(pricing.load_model(connection, now).price)
    is_far = not row.scale / FAR <= scale <= row.scale * FAR
    return is_far and now - row.recounted_at >= AT_MOST_EVERY


def recount(connection: Connection, now: datetime) -> float:
    """Sum the demands from scratch, put all intervals on one price, drop old figures: the new sum. Repeatable.

    Adding up differences drifts: floats, deleted rows, differences that a kill took along. Works in short
    transactions; a look that is stored meanwhile may be planned at the old price once more.
    """
    # Rows that were never tried would stand outside the classes' order.
    never = Copy.objects.filter(connection=connection, last_attempt_at=None, refresh_class__isnull=False)
    never.update(last_attempt_at=F("seen_at"))
    demand = sum(
        rows.aggregate(total=Sum("demand"))["total"] or 0.0
        for rows in (_planned(Copy, connection), _planned(Contact, connection))
    )
    pricing.forget_demand(connection.pk)
    Schedule.objects.update_or_create(connection=connection, defaults={"demand": demand, "recounted_at": now})
    model = pricing.load_model(connection, now)
    _rescale(connection, model, now)
    Schedule.objects.filter(connection=connection).update(scale=sqrt(model.price))
    oldest = now - KEEP
    Tally.objects.filter(connection=connection, hour__lt=tallying.hour_of(oldest.timestamp())).delete()
    Audit.objects.filter(connection=connection, at__lt=oldest).delete()
    return demand


def _planned(table: Any, connection: Connection) -> Any:
    return table.objects.filter(connection=connection, refresh_class__isnull=False)


def _rescale(connection: Connection, model: Model, now: datetime) -> None:
    """What backs off, is missing or wanted now keeps its interval: that has nothing to do with the price."""
    healthy = _planned(Copy, connection).filter(
        ~Q(wanted_until__gt=now), failures=0, missing_since=None, demand__gt=0
    )
    for rows in _pages(healthy):
        with transaction.atomic():
            write_columns(Copy, list(_mended(rows, model, "next_refresh_at")))
    for rows in _pages(_planned(Contact, connection).filter(failures=0, demand__gt=0)):
        with transaction.atomic():
            write_columns(Contact, list(_mended(rows, model, "next_ask_at")))


def _pages(rows: Any) -> Iterator[list[tuple[int, float, float, datetime]]]:
    last = 0
    while True:
        page = list(
            rows.filter(pk__gt=last)
            .order_by("pk")
            .values_list("pk", "demand", "refresh_interval", "last_attempt_at")[:PAGE]
        )
        if not page:
            return
        yield page
        last = page[-1][0]


def _mended(
    rows: list[tuple[int, float, float, datetime]], model: Model, following: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """A row's demand is the root of the price by its interval in minutes, so it says the interval at any price."""
    scale = 60 * sqrt(model.price)
    for pk, demand, interval, tried_at in rows:
        right = min(max(scale / demand, model.floor), model.coldest)
        if not interval / OFF <= right <= interval * OFF:
            at = min(model.clock.after(tried_at, right), tried_at + timedelta(seconds=model.coldest))
            yield pk, {"refresh_interval": right, "refresh_class": interval_class(right), following: at}
