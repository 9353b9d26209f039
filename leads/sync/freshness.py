"""When to look again. Pure but for one cached count: oldest look first, as fast as the budget goes round."""

from __future__ import annotations

from datetime import datetime, timedelta

from leads.models import Connection, Copy

#: The schedule never reads a lead again sooner than this.
FLOOR = timedelta(seconds=60)
#: The share of the budget that the round may use; the rest is for people, pushes and hints.
SHARE = 0.9

_counts: dict[int, tuple[datetime, int]] = {}


def interval(copies: int, per_minute: int) -> timedelta:
    """How long one round over so many copies takes at this budget; the honest time until the next look."""
    return max(FLOOR, timedelta(minutes=copies / (per_minute * SHARE)))


def interval_of(connection: Connection, now: datetime) -> timedelta:
    """The interval of this connection; its copies are counted at most once a minute."""
    counted_at, copies = _counts.get(connection.pk, (None, 0))
    if counted_at is None or not timedelta(0) <= now - counted_at < timedelta(minutes=1):
        copies = Copy.objects.filter(connection=connection, gone_at__isnull=True).count()
        _counts[connection.pk] = (now, copies)
    return interval(copies, int(connection.setting("requests_per_minute")))
