"""Time that passes as fast as leads change: quickly on a weekday morning, hardly at night. Pure; learned from reads.

Rates that rise and fall with the hour of the week are constant on this clock (the time change of an inhomogeneous
Poisson process), so everything else in the schedule may think in plain business seconds. Their mean pace is 1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

HOUR, DAY = 3600, 86400
HOURS, WEEK = 168, 604800
#: 1970 began on a Thursday; hour 0 of a profile is Monday's first.
THURSDAY = 3 * DAY
#: Where clock changes are looked for; before and after, the first and last offset of a zone stand.
FIRST, LAST = 315532800, 4102444800
#: Expected changes that the configured profile is worth in every hour of the week.
PRIOR_CHANGES = 4.0
#: Observations that span more than this tell little about hours.
LONGEST_SPAN = 24 * HOUR
#: No hour is slower than this: the inverse must exist, and nights are never written off.
SLOWEST = 0.02


def office_hours() -> list[float]:
    """A profile to start from: weekdays from eight to seven, some evenings and Saturdays, little at night."""
    weekday = [0.1] * 7 + [0.6] + [2.6] * 11 + [1.0] * 3 + [0.4, 0.1]
    saturday = [0.1] * 8 + [1.2] * 10 + [0.4] * 4 + [0.1] * 2
    sunday = [0.1] * 9 + [0.5] * 12 + [0.1] * 3
    return _to_mean_one(5 * weekday + saturday + sunday)


class BusinessClock:
    """The pace of each hour of the week in one time zone, 168 numbers from Monday's first hour, mean 1.

    Exact over clock changes: business time never jumps or runs backwards. Instances do not change but by ``add``.
    """

    def __init__(self, zone: tzinfo, profile: Sequence[float] | None = None) -> None:
        self.zone = zone
        self._prior = _to_mean_one(office_hours() if profile is None else profile)
        self._counts: dict[int, tuple[float, float]] = {}
        self._wind(self._prior)

    @classmethod
    def from_json(
        cls, zone: tzinfo, data: Mapping[str, Any], profile: Sequence[float] | None = None
    ) -> BusinessClock:
        """The clock that ``to_json`` described."""
        clock = cls(zone, profile)
        clock.add({hour: tuple(pair) for hour, pair in data.items()})
        return clock

    def to_json(self) -> dict[str, list[float]]:
        """Hour of the week to [changes, exposure]."""
        return {str(hour): list(pair) for hour, pair in sorted(self._counts.items())}

    def add(self, hours: Mapping[str, tuple[float, float]]) -> None:
        """Learn from observations: hour of the week to (changes, exposure), added to what is known."""
        for key, (changes, exposure) in hours.items():
            was = self._counts.get(int(key), (0.0, 0.0))
            self._counts[int(key)] = (was[0] + changes, was[1] + exposure)
        if hours:
            self._wind(_to_mean_one([self._pace(hour) for hour in range(HOURS)]))

    def _pace(self, hour: int) -> float:
        """Changes by exposure, never the share of reads that found one: reads are not spread evenly over the week."""
        changes, exposure = self._counts.get(hour, (0.0, 0.0))
        return (changes + PRIOR_CHANGES * self._prior[hour]) / (exposure + PRIOR_CHANGES)

    def _wind(self, profile: list[float]) -> None:
        self.profile = profile
        self._sums = [0.0]
        for pace in profile:
            self._sums.append(self._sums[-1] + pace * HOUR)
        self._starts, self._offsets = _clock_changes(self.zone)
        lost = 0.0
        self._bases = [lost]
        for start, before, after in zip(self._starts, self._offsets, self._offsets[1:], strict=False):
            lost += self._local(start + after) - self._local(start + before)
            self._bases.append(lost)
        self._starts_here = [
            self._local(start + offset) - base
            for start, offset, base in zip(self._starts, self._offsets, self._bases, strict=False)
        ]
        #: One decision asks for the same few moments many times, and a page's leads share one.
        self._known = lru_cache(maxsize=1024)(self._convert)

    def _local(self, seconds: float) -> float:
        """Business seconds since the zone's own 1970, as its wall clocks count."""
        weeks, rest = divmod(seconds + THURSDAY, WEEK)
        hour = int(rest // HOUR)
        return weeks * WEEK + self._sums[hour] + (rest - hour * HOUR) * self.profile[hour]

    def at(self, moment: datetime) -> float:
        """Business seconds of an aware moment, counted from a fixed one of no meaning."""
        return self.business(moment.timestamp())

    def business(self, posix: float) -> float:
        """``at``, of seconds since 1970."""
        return self._known(posix)

    def _convert(self, posix: float) -> float:
        era = bisect_right(self._starts, posix)
        return self._local(posix + self._offsets[era]) - self._bases[era]

    def moment(self, business_seconds: float) -> datetime:
        """The inverse of ``at``, in UTC, to the microsecond."""
        era = bisect_right(self._starts_here, business_seconds)
        weeks, rest = divmod(business_seconds + self._bases[era], WEEK)
        hour = min(bisect_right(self._sums, rest), HOURS) - 1
        local = weeks * WEEK + hour * HOUR + (rest - self._sums[hour]) / self.profile[hour]
        return datetime.fromtimestamp(local - THURSDAY - self._offsets[era], UTC)

    def elapsed(self, since: datetime, until: datetime) -> float:
        """Business seconds between two aware moments; negative where ``until`` is the earlier."""
        return self.at(until) - self.at(since)

    def after(self, since: datetime, seconds: float) -> datetime:
        """The moment, in UTC, so many business seconds after ``since``."""
        return self.moment(self.at(since) + seconds)

    def exposure(
        self, start: float, end: float, rate: float, changes: float
    ) -> dict[str, tuple[float, float]]:
        """What an observation says of each hour of the week: (its share of the changes, expected at pace 1).

        From and until are seconds since 1970, ``rate`` is changes a business second, ``changes`` how many are
        believed to have happened (EM). Empty for a span of more than a day.
        """
        if not 0 < end - start <= LONGEST_SPAN or rate <= 0:
            return {}
        total = 0.0
        found: dict[int, float] = {}
        while start < end:
            stop = min(end, start - start % HOUR + HOUR)
            hour = self._hour(start)
            found[hour] = found.get(hour, 0.0) + stop - start
            total += (stop - start) * self.profile[hour]
            start = stop
        return {str(h): (changes * s * self.profile[h] / total, rate * s) for h, s in found.items()}

    def _hour(self, seconds: float) -> int:
        local = seconds + self._offsets[bisect_right(self._starts, seconds)]
        return int((local + THURSDAY) % WEEK // HOUR)


def _to_mean_one(profile: Sequence[float]) -> list[float]:
    if len(profile) != HOURS:
        raise ValueError(f"A profile has {HOURS} hours, this one {len(profile)}.")
    mean = sum(profile) / HOURS
    slow = [max(SLOWEST, pace / mean) for pace in profile]
    return [pace * HOURS / sum(slow) for pace in slow]


@lru_cache(maxsize=16)
def _clock_changes(zone: tzinfo) -> tuple[list[int], list[int]]:
    """Moments at which a zone's offset changes, and the offsets before, between and after them, in seconds."""
    starts, offsets = [], [_offset(zone, FIRST)]
    for week in range(FIRST, LAST, WEEK):
        after = _offset(zone, week + WEEK)
        if after != offsets[-1]:
            low, high = week, week + WEEK
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offsets[-1] else (low, middle)
            starts.append(high)
            offsets.append(after)
    return starts, offsets


def _offset(zone: tzinfo, seconds: int) -> int:
    offset = datetime.fromtimestamp(seconds, UTC).astimezone(zone).utcoffset()
    return round(offset.total_seconds()) if offset else 0
