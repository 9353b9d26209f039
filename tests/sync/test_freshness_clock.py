"""The business clock: exact over clock changes, its own inverse, and learned without being fooled by when we look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import expm1
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.sync.businessclock import HOURS, SLOWEST, BusinessClock, office_hours

LONDON = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 6, 1, tzinfo=LONDON)
CLOCK = BusinessClock(LONDON)
moments = st.datetimes(datetime(2001, 1, 1), datetime(2059, 1, 1), timezones=st.just(UTC))
profiles = st.lists(st.floats(0, 100), min_size=HOURS, max_size=HOURS).filter(lambda p: sum(p) > 1)


@given(
    moments, st.floats(0, 1e9), profiles, st.sampled_from(["UTC", "Europe/London", "America/Santo_Domingo"])
)
def test_after_is_the_inverse_of_elapsed(
    since: datetime, seconds: float, profile: list[float], zone: str
) -> None:
    clock = BusinessClock(ZoneInfo(zone), profile)
    then = clock.after(since, seconds)
    assert clock.elapsed(since, then) == pytest.approx(seconds, abs=1e-2)


@given(moments, st.floats(0, 1e8), st.floats(0, 1e8))
def test_time_never_runs_backwards_and_adds_up(since: datetime, one: float, more: float) -> None:
    middle, end = since + timedelta(seconds=one), since + timedelta(seconds=one + more)
    assert CLOCK.elapsed(since, middle) >= -1e-3
    assert CLOCK.elapsed(since, middle) + CLOCK.elapsed(middle, end) == pytest.approx(
        CLOCK.elapsed(since, end), abs=1e-2
    )


def test_a_week_of_business_is_a_week() -> None:
    assert CLOCK.elapsed(MONDAY, MONDAY + timedelta(days=7)) == pytest.approx(7 * 86400)


def test_a_working_hour_is_longer_than_a_night_hour() -> None:
    day = CLOCK.elapsed(MONDAY.replace(hour=10), MONDAY.replace(hour=11))
    night = CLOCK.elapsed(MONDAY.replace(hour=2), MONDAY.replace(hour=3))
    assert day > 20 * night > 0


def test_an_interval_that_begins_at_night_ends_in_the_morning() -> None:
    night = MONDAY.replace(hour=1)
    then = CLOCK.after(night, 2 * 3600).astimezone(LONDON)
    assert (then.day, then.hour) == (1, 8)


@pytest.mark.parametrize(
    ("before", "real_hours"),
    [(datetime(2026, 3, 29, 0, 0, tzinfo=LONDON), 2), (datetime(2026, 10, 25, 0, 0, tzinfo=LONDON), 4)],
)
def test_clock_changes_neither_jump_nor_turn_back(before: datetime, real_hours: int) -> None:
    start = before.astimezone(UTC)
    steps = [CLOCK.at(start + timedelta(minutes=minute)) for minute in range(60 * real_hours)]
    paces = {round(later - earlier, 6) for earlier, later in pairwise(steps)}
    assert paces == {round(60 * CLOCK.profile[6 * 24], 6)}


def test_hours_are_local_hours() -> None:
    summer, winter = datetime(2026, 7, 1, 7, 30, tzinfo=UTC), datetime(2026, 1, 7, 7, 30, tzinfo=UTC)
    half_hour = timedelta(minutes=30)
    assert CLOCK.elapsed(summer, summer + half_hour) > 4 * CLOCK.elapsed(winter, winter + half_hour)


@given(profiles)
def test_any_profile_is_brought_to_mean_one_and_no_hour_stands_still(profile: list[float]) -> None:
    paces = BusinessClock(ZoneInfo("UTC"), profile).profile
    assert sum(paces) == pytest.approx(HOURS)
    assert min(paces) > SLOWEST / 3


def test_a_profile_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="168"):
        BusinessClock(LONDON, [1.0] * 24)


def test_what_was_learned_survives_json() -> None:
    clock = BusinessClock(LONDON)
    clock.add({"5": (40.0, 10.0), "100": (1.0, 90.0)})
    again = BusinessClock.from_json(LONDON, clock.to_json())
    assert (again.to_json(), again.profile) == (clock.to_json(), clock.profile)
    assert clock.to_json() == {"5": [40.0, 10.0], "100": [1.0, 90.0]}


def test_pitfall_adaptive_sampling_the_profile_is_learned_by_exposure_and_not_by_where_we_looked() -> None:
    """Twenty looks on each afternoon for one in the morning; changes fall evenly on both, and on nothing else."""
    dice, clock, rate = Random(7), BusinessClock(ZoneInfo("UTC"), [1.0] * HOURS), 1 / 36000
    start, seen = datetime(2026, 6, 1, tzinfo=UTC), dict[str, tuple[float, float]]()
    for day in range(400):
        for hour, looks in ((9, 2), (15, 40)):
            since = (start + timedelta(days=day, hours=hour)).timestamp()
            for _ in range(looks):
                changed = dice.random() < -expm1(-rate * 3600)
                for key, pair in clock.exposure(since, since + 3600, rate, 1.05 if changed else 0.0).items():
                    seen[key] = (seen.get(key, (0, 0))[0] + pair[0], seen.get(key, (0, 0))[1] + pair[1])
    clock.add(seen)
    mornings = [clock.profile[24 * day + 9] for day in range(7)]
    afternoons = [clock.profile[24 * day + 15] for day in range(7)]
    assert sum(afternoons) / sum(mornings) == pytest.approx(1.0, abs=0.25)


def test_an_observation_is_shared_out_by_hours_and_a_long_one_teaches_none() -> None:
    since = MONDAY.replace(hour=9, minute=30).timestamp()
    shares = CLOCK.exposure(since, since + 5400, 0.001, 2.0)
    assert list(shares) == ["9", "10"]
    assert sum(changes for changes, _ in shares.values()) == pytest.approx(2.0)
    assert shares["9"][1] == pytest.approx(1.8) and shares["10"][1] == pytest.approx(3.6)
    assert CLOCK.exposure(since, since + 90_000, 0.001, 2.0) == {}


def test_the_profile_to_start_from_has_every_hour_of_the_week() -> None:
    assert len(office_hours()) == HOURS and sum(office_hours()) == pytest.approx(HOURS)
