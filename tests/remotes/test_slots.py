"""The rate rule as the remote sees it: whatever the way there takes, and however the calls come."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Connection, Slot
from leads.models.slot import SLOTS, release_slot, take_slot

pytestmark = pytest.mark.django_db
T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
#: Seconds until the next call is wanted, the way there, the answer's time.
CALL = st.tuples(st.floats(0, 0.3), st.floats(0, 0.5), st.floats(0, 0.5))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALL, min_size=15, max_size=50))
def test_no_eleven_are_in_flight_and_no_eleven_arrive_within_200_ms(
    db: None, calls: list[tuple[float, float, float]]
) -> None:
    account, _ = Connection.objects.get_or_create(remote="aviv", name="A")
    Slot.objects.all().delete()
    at, open_calls, arrivals, most = 0.0, list[tuple[float, str]](), list[float](), 0
    for gap, way, answer in calls:
        at += gap if gap > 0.15 else 0.0
        while not (holder := take_slot(account, 40, T0 + timedelta(seconds=at))[0]):
            at += 0.01
            while open_calls and open_calls[0][0] <= at:
                done, its = heapq.heappop(open_calls)
                release_slot(its, T0 + timedelta(seconds=done))
        arrivals.append(at + way)
        heapq.heappush(open_calls, (at + way + answer, holder))
        most = max(most, len(open_calls))
    assert most <= SLOTS
    assert max(sum(first <= other < first + 0.2 for other in arrivals) for first in arrivals) <= SLOTS
