"""Hours of a mirror's life in seconds: the real choice, budget, store and plans, on a clock that the test turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.test import override_settings

from leads.models import Cause, Connection, Contact, Copy, Lane, Schedule, Send, budget
from leads.sync import choosing, pricing, rescaling
from leads.sync.choosing import Choice
from leads.sync.freshness import interval_class, lateness
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

pytestmark = pytest.mark.django_db

#: A Monday at ten, when the business clock runs.
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HOT, COLD = 10, 70


@pytest.fixture
def account(db: None) -> Connection:
    """Ten leads of this morning and seventy of years ago, all seen within the last minutes. Nobody is looked up."""
    account = Connection.objects.create(
        remote="leadpro", name="one", base_url="http://127.0.0.1:9", requests_per_minute=10
    )
    store(account, [Seen(show(n), START - timedelta(minutes=2)) for n in ids()], Cause.IMPORT, now=START)
    Contact.objects.all().delete()
    rescaling.recount(account, START)
    return account


def ids() -> range:
    return range(1, HOT + COLD + 1)


def show(leadpro_id: int) -> dict[str, object]:
    hot = leadpro_id <= HOT
    made = START - (timedelta(hours=2) if hot else timedelta(days=800))
    stage = {"status": "New", "stage": "Unread"} if hot else {"status": "Sold", "stage": "Business"}
    return lead_object(leadpro_id, email=f"p{leadpro_id}@example.org", created_at=made.isoformat(), **stage)


def live(account: Connection, begin: datetime, minutes: float) -> Iterator[tuple[datetime, Choice, int]]:
    """Read for so many minutes as a worker does: whenever the budget allows it, what is worth the most."""
    now, end = begin, begin + timedelta(minutes=minutes)
    while now < end:
        wait = budget.take(account, Lane.SCHEDULE, now)
        if wait:
            now += timedelta(seconds=max(wait, 0.001))
            continue
        clock = pricing.load_model(account, now).clock
        for choice in choosing.choose(account, 1, now, partial(late, clock, now)):
            leadpro_id = int(Copy.objects.values_list("remote_id", flat=True).get(pk=choice.pk))
            store(account, [Seen(show(leadpro_id), now)], Cause.REFRESH, now=now)
            yield now, choice, leadpro_id


def late(clock: object, now: datetime, interval: float, at: datetime) -> float:
    return lateness(clock, interval, at, now)


def is_hot(leadpro_id: int) -> bool:
    return leadpro_id <= HOT


def hot_share(reads: list[tuple[datetime, Choice, int]]) -> float:
    return sum(is_hot(leadpro_id) for _, _, leadpro_id in reads) / len(reads)


def assert_budget_kept(per_minute: int) -> None:
    sends = sorted(Send.objects.values_list("at", flat=True))
    for n, at in enumerate(sends):
        assert sum(1 for other in sends[n:] if other < at + 60) <= per_minute


def test_hot_leads_are_read_far_more_often_and_cold_ones_are_not_forgotten(account: Connection) -> None:
    reads = list(live(account, START, 30))
    counts = Counter(leadpro_id for _, _, leadpro_id in reads)
    hot = [counts[n] for n in ids() if is_hot(n)]
    cold = [counts[n] for n in ids() if not is_hot(n)]
    assert min(hot) > 5 * max(1, *cold)
    assert 0.97 * 300 <= len(reads) <= 300
    assert_budget_kept(10)


def test_pitfall_over_use_after_ten_minutes_without_worker_or_beat_the_most_valuable_come_first_in_no_burst(
    account: Connection,
) -> None:
    before = list(live(account, START, 10))
    back = START + timedelta(minutes=20)
    ranking = choosing.find_heads(
        account, HOT + COLD, back, partial(late, pricing.load_model(account, back).clock, back)
    )
    after = list(live(account, back, 10))
    assert_budget_kept(10)
    in_the_first_minute = [n for at, _, n in after if at < back + timedelta(minutes=1)]
    assert len(in_the_first_minute) <= 10, "nothing was saved up"
    by_value = [head.pk for head in ranking[:HOT]]
    assert {choice.pk for _, choice, _ in after[: HOT - 2] if choice.why == "value"} <= set(by_value)
    assert hot_share(after) >= 0.8 * hot_share(before)


def test_a_budget_step_down_or_up_needs_no_tuning(account: Connection) -> None:
    list(live(account, START, 10))
    for minute, per_minute in ((10, 2), (40, 15)):
        Connection.objects.update(requests_per_minute=per_minute)
        account.refresh_from_db()
        reads = list(live(account, START + timedelta(minutes=minute), 15))
        assert hot_share(reads) > 0.5, per_minute
        assert 0.9 * 15 * per_minute - 1 <= len(reads) <= 15 * per_minute


@pytest.mark.parametrize("wrong", [0.1, 10.0])
def test_a_price_a_hundred_times_off_changes_no_ranking(account: Connection, wrong: float) -> None:
    """The price is the square of the demand."""
    row = Schedule.objects.get()
    Schedule.objects.update(demand=row.demand * wrong)
    pricing.forget()
    reads = list(live(account, START, 15))
    assert hot_share(reads) > 0.6


@override_settings(REFRESH_COLDEST_DAYS=1 / 48)
def test_pitfall_starvation_nothing_is_older_than_the_cap_where_the_budget_can_pay(
    account: Connection,
) -> None:
    Connection.objects.update(requests_per_minute=14)
    account.refresh_from_db()
    rescaling.recount(account, START)
    for _ in live(account, START, 40):
        pass
    end = START + timedelta(minutes=40)
    oldest = min(Copy.objects.values_list("seen_at", flat=True))
    assert end - oldest < timedelta(minutes=30)


def test_intervals_set_at_different_prices_are_put_on_one_scale(account: Connection) -> None:
    right = dict(Copy.objects.values_list("pk", "refresh_interval"))
    Copy.objects.filter(pk__in=list(right)[::2]).update(refresh_interval=7_000_000.0, refresh_class=16)
    failing = list(right)[1]
    Copy.objects.filter(pk=failing).update(failures=2, refresh_interval=240.0, refresh_class=2)
    assert rescaling.recount(account, START) == pytest.approx(rescaling.recount(account, START))
    found = dict(Copy.objects.values_list("pk", "refresh_interval"))
    assert found.pop(failing) == 240.0
    assert found == {pk: pytest.approx(right[pk], rel=0.26) for pk in found}
    assert all(c.refresh_class == interval_class(c.refresh_interval) for c in Copy.objects.all())


def test_a_recount_is_due_daily_and_when_the_price_has_moved_far(account: Connection) -> None:
    soon = START + timedelta(minutes=20)
    assert not rescaling.is_due(account, soon)
    assert rescaling.is_due(account, START + timedelta(days=1))
    account.requests_per_minute = 60
    assert rescaling.is_due(account, soon)
    assert not rescaling.is_due(account, START + timedelta(minutes=1)), "not again and again"


def test_a_copy_that_was_never_tried_counts_from_when_it_was_seen(account: Connection) -> None:
    Copy.objects.update(last_attempt_at=None)
    assert not choosing.has_work(account, START)
    rescaling.recount(account, START)
    assert choosing.has_work(account, START)


def test_pitfall_under_use_a_small_mirror_leaves_budget_unused(account: Connection) -> None:
    Copy.objects.filter(lead__leadpro_id__gt=3).update(refresh_class=None)
    reads = list(live(account, START, 10))
    gaps = [
        later - at
        for n in (1, 2, 3)
        for at, later in zip(moments(reads, n), moments(reads, n)[1:], strict=False)
    ]
    assert gaps and min(gaps) >= timedelta(seconds=60)
    assert 27 <= len(reads) <= 30


def moments(reads: list[tuple[datetime, Choice, int]], leadpro_id: int) -> list[datetime]:
    return [at for at, _, n in reads if n == leadpro_id]
