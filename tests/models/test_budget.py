"""At most N in any minute, exactly, and never in a burst."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Connection, Send
from leads.models.budget import take

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def account() -> Connection:
    """A connection with 10 calls a minute."""
    return Connection.objects.create(
        remote="leadpro", name="L", base_url="http://127.0.0.1:9", requests_per_minute=10
    )


def drive(account: Connection, seconds: int, step: float = 0.25) -> list[float]:
    """Ask all the time, and return when calls were let through."""
    taken, at = [], 0
    while at < 1000 * seconds:
        if take(account, "schedule", T0 + timedelta(milliseconds=at)) == 0.0:
            taken.append(at / 1000)
        else:
            at += int(1000 * step)
    return taken


def most_in(times: list[float], span: float) -> int:
    return max(sum(1 for t in times if start <= t < start + span) for start in times)


def test_a_minute_never_sees_more_than_its_number(account: Connection) -> None:
    times = drive(account, 200)
    assert most_in(times, 60) == 10
    assert len(times) == 40


def test_a_second_never_sees_more_than_five_or_a_sixtieth(account: Connection) -> None:
    account.requests_per_minute = 600
    assert most_in(drive(account, 5, step=0.05), 1) == 10
    account.requests_per_minute = 12
    Send.objects.all().delete()
    assert most_in(drive(account, 5, step=0.05), 1) == 5


def test_nothing_is_saved_up_for_later(account: Connection) -> None:
    assert take(account, "person", T0) == 0.0
    quiet = T0 + timedelta(hours=5)
    granted = sum(take(account, "bulk", quiet + timedelta(seconds=n)) == 0.0 for n in range(60))
    assert granted == 10


def test_the_wait_is_the_time_until_the_next_call_is_free(account: Connection) -> None:
    for n in range(10):
        assert take(account, "bulk", T0 + timedelta(seconds=n)) == 0.0
    assert take(account, "bulk", T0 + timedelta(seconds=20)) == 41.0


def test_a_429_halves_the_budget_for_ten_minutes(account: Connection) -> None:
    account.slow_down(None, T0)
    granted = sum(take(account, "bulk", T0 + timedelta(seconds=n)) == 0.0 for n in range(60))
    assert granted == 5
    later = T0 + timedelta(minutes=11)
    assert sum(take(account, "bulk", later + timedelta(seconds=n)) == 0.0 for n in range(60)) == 10


def test_retry_after_holds_everybody(account: Connection) -> None:
    account.slow_down(30, T0)
    assert take(account, "person", T0 + timedelta(seconds=10)) == 20.0


def test_a_smaller_budget_holds_from_the_next_call_on(account: Connection) -> None:
    for n in range(10):
        take(account, "bulk", T0 + timedelta(seconds=n))
    account.requests_per_minute = 2
    assert take(account, "bulk", T0 + timedelta(seconds=62)) == 7.0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.floats(0, 20), max_size=60), per_minute=st.integers(1, 30))
def test_whatever_the_arrivals_the_minute_is_kept(
    account: Connection, gaps: list[float], per_minute: int
) -> None:
    account.requests_per_minute = per_minute
    Send.objects.all().delete()
    at, taken = 0.0, []
    for gap in gaps:
        at += gap
        if take(account, "hint", T0 + timedelta(seconds=at)) == 0.0:
            taken.append(at)
    assert not taken or most_in(taken, 60) <= per_minute
