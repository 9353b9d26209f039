"""At most N in any minute, exactly, never in a burst, and people first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Budget, Connection, Send, Tally, tallying
from leads.models.budget import announce, take

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def account() -> Connection:
    """A connection with 10 calls a minute."""
    return Connection.objects.create(
        remote="leadpro", name="L", base_url="http://127.0.0.1:9", requests_per_minute=10
    )


def drive(account: Connection, seconds: int, step: float = 0.25, lane: str = "push") -> list[float]:
    """Ask all the time, and return when calls were let through."""
    taken, at = [], 0
    while at < 1000 * seconds:
        if take(account, lane, T0 + timedelta(milliseconds=at)) == 0.0:
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
    granted = sum(take(account, "bulk", quiet + timedelta(seconds=n / 10)) == 0.0 for n in range(600))
    assert granted == 10
    assert take(account, "bulk", quiet + timedelta(minutes=1)) > 0


def test_the_wait_is_the_time_until_the_next_call_is_free(account: Connection) -> None:
    for n in range(10):
        assert take(account, "push", T0 + timedelta(seconds=n)) == 0.0
    assert take(account, "push", T0 + timedelta(seconds=20)) == 41.0


def test_the_wait_of_the_schedule_is_its_pace(account: Connection) -> None:
    assert take(account, "schedule", T0) == 0.0
    assert take(account, "schedule", T0 + timedelta(seconds=2)) == 3.9
    assert take(account, "push", T0 + timedelta(seconds=2)) == 0.0
    assert take(account, "bulk", T0 + timedelta(seconds=4)) == 8.0


def test_a_429_halves_the_budget_for_ten_minutes(account: Connection) -> None:
    account.slow_down(None, T0)
    other_process = Connection.objects.get()
    account.slow_down(None, T0)
    granted = sum(take(other_process, "bulk", T0 + timedelta(seconds=n)) == 0.0 for n in range(60))
    assert granted == 5
    later = T0 + timedelta(minutes=11)
    assert sum(take(account, "push", later + timedelta(seconds=n)) == 0.0 for n in range(60)) == 10


def test_retry_after_holds_everybody(account: Connection) -> None:
    other_process = Connection.objects.get()
    account.slow_down(30, T0)
    assert take(other_process, "person", T0 + timedelta(seconds=10)) == 20.0


def test_a_smaller_budget_holds_from_the_next_call_on(account: Connection) -> None:
    for n in range(10):
        take(account, "push", T0 + timedelta(seconds=n))
    account.requests_per_minute = 2
    assert take(account, "push", T0 + timedelta(seconds=62)) == 7.0


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


def test_a_sleeping_person_goes_before_whoever_asks_first(account: Connection) -> None:
    for _ in range(5):
        take(account, "push", T0)
    assert take(account, "person", T0 + timedelta(seconds=0.4), waiter="p", patience=5) == 0.6
    one_second = T0 + timedelta(seconds=1)
    assert take(account, "push", one_second) == 0.02
    assert take(account, "person", one_second, waiter="p", patience=4.4) == 0.0
    assert take(account, "push", one_second) == 0.0


def test_one_whose_patience_is_over_is_waited_for_only_where_rows_bring_it_back(account: Connection) -> None:
    for _ in range(5):
        take(account, "push", T0)
    take(account, "bulk", T0, waiter="b", patience=0.5)
    assert Budget.objects.get().waiting == "{}"
    take(account, "hint", T0, waiter="h", patience=0.5)
    assert (
        Budget.objects.get().waiting == f'{{"hint": ["hint", {T0.timestamp() + 1}, {T0.timestamp() + 21}]}}'
    )
    assert take(account, "hint", T0 + timedelta(seconds=16), waiter="h2", patience=0.5) == 0.0
    assert Budget.objects.get().waiting == "{}"


def test_from_a_click_on_nobody_calls_until_the_person_has_called(account: Connection) -> None:
    take(account, "bulk", T0)
    announce(account, "click:1", T0)
    later = T0 + timedelta(seconds=9)
    assert take(account, "bulk", later) > 0
    assert take(account, "push", later) > 0
    assert take(account, "person", later) == 0.0
    assert take(account, "push", later) == 0.0


def test_a_click_whose_call_never_comes_holds_the_others_for_ten_seconds(account: Connection) -> None:
    announce(account, "click:1", T0)
    assert take(account, "bulk", T0 + timedelta(seconds=9.9)) > 0
    assert take(account, "bulk", T0 + timedelta(seconds=10.1)) == 0.0


def test_calls_are_tallied_by_lane(account: Connection) -> None:
    for lane in ("person", "push", "push", "schedule"):
        take(account, lane, T0)
    tallying.flush()
    rows = Tally.objects.order_by("measure").values_list("measure", "count")
    assert list(rows) == [("sent:person", 1), ("sent:push", 2)]
