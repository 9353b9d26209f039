"""Spans of ingestion time, for a remote that shows at most seven days at once. Pure: no clock, no database.

Instants are whole seconds. A span holds its first second and not its last, so that spans lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

#: An hour short of seven days, so that no reading of "at most seven days" is ever broken.
LONGEST = timedelta(days=7) - timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole_second(at: datetime) -> datetime:
    """The second that the instant lies in."""
    return at.astimezone(UTC).replace(microsecond=0)


def cut(
    since: datetime, until: datetime, longest: timedelta = LONGEST
) -> Iterator[tuple[datetime, datetime]]:
    """The time between, newest first, in spans side by side that are no longer than asked for."""
    since, until = whole_second(since), whole_second(until)
    while until > since:
        begin = max(since, until - longest)
        yield begin, until
        until = begin


def next_second(at: datetime) -> datetime:
    """The first second that the instant does not lie in: a span that ends there holds everything until now."""
    return whole_second(at) + timedelta(seconds=1)


def find_span(at: datetime) -> tuple[datetime, datetime]:
    """The one span of a fixed grid that the instant lies in."""
    begin = _EPOCH + (at - _EPOCH) // LONGEST * LONGEST
    return begin, begin + LONGEST


def move_head(
    until: datetime | None, now: datetime, overlap: timedelta, first: timedelta
) -> tuple[datetime, datetime]:
    """What to read next where everything before ``until`` was read: what is new, and the overlap before it once more.

    Never more than one span: after a long rest the head comes after in several steps, each further than the one before.
    """
    end = next_second(now)
    since = whole_second(until) - overlap if until else whole_second(now) - first
    since = min(since, end - timedelta(seconds=1))
    return since, min(end, since + LONGEST)


def bounds(since: datetime, until: datetime) -> tuple[int, int]:
    """``minDate`` and ``maxDate`` for a span: it is covered whether the remote counts its ends or not."""
    return int(since.timestamp()) - 1, int(until.timestamp())
