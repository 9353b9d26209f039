"""What a look leaves on a copy's row: belief, waking, wanting, and the plan of the next look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leads.models import Cause, Connection, Contact, Copy, Lead, Schedule, Tally
from leads.sync import pricing
from leads.sync.freshness import interval_class
from leads.sync.observing import belief_of
from leads.sync.storing import UNCHANGED, Seen, store
from tests.sync.payloads import lead_object

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def account(db: None) -> Connection:
    return Connection.objects.create(remote="leadpro", name="one", base_url="http://127.0.0.1:9")


def see(
    account: Connection,
    at: datetime,
    cause: Cause = Cause.REFRESH,
    now: datetime | None = None,
    **changes: object,
) -> Copy:
    store(account, [Seen(lead_object(7, **changes), at)], cause, now=now or at)
    return Copy.objects.get(remote_id="7")


def made(at: datetime) -> dict[str, object]:
    return {"created_at": at.isoformat()}


def test_a_first_look_is_planned_from_its_bucket(account: Connection) -> None:
    copy = see(account, NOW, **made(NOW - DAY / 24))
    assert (copy.gamma_shape, copy.gamma_rate) == (1.0, 1.0)
    assert (copy.awake_since, copy.last_attempt_at, copy.failures) == (NOW - DAY / 24, NOW, 0)
    assert copy.refresh_class == interval_class(copy.refresh_interval)
    assert copy.next_refresh_at > NOW and copy.demand > 0


def test_unchanged_looks_lower_the_belief_and_a_changed_one_raises_it(account: Connection) -> None:
    first = see(account, NOW, **made(NOW - 10 * DAY))
    quiet = see(account, NOW + DAY, **made(NOW - 10 * DAY))
    assert quiet.gamma_shape / quiet.gamma_rate < 1
    assert quiet.gamma_shape != first.gamma_shape or quiet.gamma_rate != first.gamma_rate
    busy = see(account, NOW + 2 * DAY, status="Contacted", **made(NOW - 10 * DAY))
    assert busy.gamma_shape / busy.gamma_rate > quiet.gamma_shape / quiet.gamma_rate


def test_a_page_of_unchanged_leads_gets_each_its_own_plan(account: Connection) -> None:
    old, young = lead_object(1, **made(NOW - 700 * DAY)), lead_object(2, **made(NOW - DAY / 4))
    for at in (NOW, NOW + timedelta(hours=2)):
        store(account, [Seen(old, at), Seen(young, at)], Cause.REFRESH, now=at)
    one, two = Copy.objects.order_by("remote_id")
    assert one.refresh_interval > 5 * two.refresh_interval
    assert one.seen_at == two.seen_at == NOW + timedelta(hours=2)


def test_a_change_of_a_settled_lead_wakes_it(account: Connection) -> None:
    asleep = see(account, NOW, status="Lost", **made(NOW - 500 * DAY))
    awake = see(account, NOW + DAY, status="Contacted", **made(NOW - 500 * DAY))
    assert asleep.awake_since == NOW - 500 * DAY
    assert awake.awake_since == NOW + DAY
    assert awake.refresh_interval < asleep.refresh_interval / 5


@pytest.mark.parametrize("days", [2, 500])
def test_a_change_of_a_lead_that_is_not_settled_wakes_nothing(account: Connection, days: int) -> None:
    see(account, NOW, **made(NOW - days * DAY))
    assert (
        see(account, NOW + DAY, status="Contacted", **made(NOW - days * DAY)).awake_since == NOW - days * DAY
    )


def test_pitfall_free_signals_a_push_that_landed_makes_its_lead_wanted_and_teaches_nothing(
    account: Connection,
) -> None:
    before = see(account, NOW, **made(NOW - 100 * DAY))
    after = see(account, NOW + DAY, Cause.PUSH, status="Contacted", **made(NOW - 100 * DAY))
    assert after.wanted_until == NOW + DAY + timedelta(minutes=30)
    assert (after.gamma_shape, after.gamma_rate) == (before.gamma_shape, before.gamma_rate)
    assert after.refresh_interval < before.refresh_interval


def test_a_hint_that_told_something_makes_its_lead_wanted_and_an_empty_one_does_not(
    account: Connection,
) -> None:
    see(account, NOW, **made(NOW - 100 * DAY))
    assert see(account, NOW + DAY, Cause.WEBHOOK, **made(NOW - 100 * DAY)).wanted_until is None
    told = see(account, NOW + 2 * DAY, Cause.WEBHOOK, status="Contacted", **made(NOW - 100 * DAY))
    assert told.wanted_until == NOW + 2 * DAY + timedelta(minutes=10)


def test_what_is_wanted_stays_wanted_over_a_look(account: Connection) -> None:
    see(account, NOW)
    Copy.objects.update(wanted_until=NOW + DAY)
    assert see(account, NOW + DAY / 24).wanted_until == NOW + DAY


def test_a_copy_from_before_the_schedule_is_taken_up_at_its_next_look(account: Connection) -> None:
    see(account, NOW, **made(NOW - 3 * DAY))
    Copy.objects.update(awake_since=None, demand=0.0)
    Contact.objects.all().delete()
    copy = see(account, NOW + DAY, **made(NOW - 3 * DAY))
    assert copy.awake_since == NOW - 3 * DAY and copy.demand > 0
    assert Contact.objects.get().key == "ada@example.org"


def test_a_copy_on_no_schedule_stays_on_none(account: Connection) -> None:
    see(account, NOW)
    Copy.objects.update(refresh_class=None)
    assert see(account, NOW + DAY).refresh_class is None


def test_what_vanished_and_is_back_teaches_nothing(account: Connection) -> None:
    before = see(account, NOW)
    Copy.objects.update(missing_since=NOW)
    after = see(account, NOW + DAY, status="Contacted")
    assert after.missing_since is None
    assert (after.gamma_shape, after.gamma_rate) == (before.gamma_shape, before.gamma_rate)


def test_older_news_plans_nothing(account: Connection) -> None:
    copy = see(account, NOW)
    assert see(account, NOW - DAY, now=NOW, status="Contacted").next_refresh_at == copy.next_refresh_at


def test_what_looks_teach_is_written_with_the_next_flush(account: Connection) -> None:
    see(account, NOW, **made(NOW - DAY))
    see(account, NOW + timedelta(hours=2), status="Contacted", **made(NOW - DAY))
    pricing.flush()
    schedule = Schedule.objects.get(connection=account)
    assert schedule.rates and schedule.profile
    assert sum(changes for changes, _ in schedule.rates.values()) > 0.5
    rows = [*Copy.objects.values_list("demand", flat=True), *Contact.objects.values_list("demand", flat=True)]
    assert schedule.demand == pytest.approx(sum(rows))
    tallies = Tally.objects.filter(connection=account).values_list("measure", "bucket", "count")
    assert set(tallies) == {("read:changed", 0, 2), ("delay", 6, 1)}
    pricing.flush()
    assert Tally.objects.get(measure="delay").count == 1, "nothing is written twice"


def test_pitfall_free_signals_a_person_with_a_newer_lead_is_awake_again(account: Connection) -> None:
    see(account, NOW, **made(NOW - 300 * DAY))
    assert Contact.objects.get().awake_since == NOW - 300 * DAY
    newer = lead_object(8, **made(NOW - DAY / 24))
    store(account, [Seen(newer, NOW)], Cause.WEBHOOK, now=NOW)
    contact = Contact.objects.get()
    assert contact.awake_since == NOW - DAY / 24
    assert Lead.objects.count() == 2


def test_a_new_person_is_due_but_not_overdue(account: Connection) -> None:
    see(account, NOW, **made(NOW - 300 * DAY))
    contact = Contact.objects.get()
    assert contact.next_ask_at == NOW
    assert contact.last_attempt_at == NOW - timedelta(seconds=contact.refresh_interval)


def test_pitfall_canonical_content_keys_in_another_order_are_no_change(account: Connection) -> None:
    shown = lead_object(7, meta={"a": "1", "b": "2"}, **made(NOW - 10 * DAY))
    turned = dict(reversed(shown.items())) | {"meta": {"b": "2", "a": "1"}}
    assert list(turned) != list(shown)
    store(account, [Seen(shown, NOW)], Cause.REFRESH, now=NOW)
    (found,) = store(account, [Seen(turned, NOW + DAY)], Cause.REFRESH, now=NOW + DAY)
    assert found.outcome == UNCHANGED
    assert belief_of(Copy.objects.get()).mean < 1


def test_what_cannot_be_written_is_kept_whole_for_the_next_time(
    account: Connection, monkeypatch: Any
) -> None:
    other = Connection.objects.create(remote="leadpro", name="two", base_url="http://127.0.0.1:9")
    for one in (account, other):
        pricing.note_demand(one.pk, 3.0)
    with monkeypatch.context() as broken:
        broken.setattr(pricing, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pricing.flush()
    pricing.flush()
    demands = Schedule.objects.filter(connection__in=(account, other)).values_list("demand", flat=True)
    assert list(demands) == [3.0, 3.0]
