"""Many leads of one office that change at once: noticed by what looks find, and its other leads are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Cause, Connection, Contact, Copy, Lane, Lead, Run
from leads.sync import choosing, correlating, refreshing, rounds
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MADE = {"created_at": (NOW - 90 * DAY).isoformat()}


@pytest.fixture
def account(db: None) -> Connection:
    return Connection.objects.create(remote="leadpro", name="one", base_url="http://127.0.0.1:9")


def test_pitfall_correlated_changes_are_noticed_where_one_office_alone_changes(account: Connection) -> None:
    later = NOW + timedelta(hours=1)
    for status, at in (("New", NOW), ("Sold", later)):
        for leadpro_id in range(1, correlating.FEWEST + 1):
            here = lead_object(leadpro_id, office_id=375, status=status, **MADE)
            there = lead_object(1000 + leadpro_id, office_id=42, **MADE)
            store(account, [Seen(here, at), Seen(there, at)], Cause.REFRESH, now=at)
    assert correlating.take_struck(account.pk) == {375: later}
    assert correlating.take_struck(account.pk) == {}


@pytest.mark.parametrize("cause", [Cause.WEBHOOK, Cause.PUSH, Cause.IMPORT])
def test_what_others_point_at_says_nothing_about_an_office(account: Connection, cause: Cause) -> None:
    for number in range(2 * correlating.FEWEST):
        at = NOW + timedelta(minutes=number)
        store(account, [Seen(lead_object(7, status=f"Status {number}", **MADE), at)], cause, now=at)
    assert correlating.take_struck(account.pk) == {}


def test_expected_changes_are_no_news_however_many(account: Connection) -> None:
    for number in range(300):
        correlating.note(account.pk, 375, 0.3, number % 3 == 0, NOW + number * DAY)
    assert correlating.take_struck(account.pk) == {}


@pytest.mark.django_db(transaction=True)
def test_pitfall_correlated_changes_have_the_rest_of_the_office_read_at_once(
    sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leads.remotes.doors.budget.take", lambda *_, **__: 0.0)
    monkeypatch.setattr(choosing, "AUDIT_SHARE", 0.0)
    monkeypatch.setattr(choosing, "SWEEP_SHARE", 0.0)
    ids = [mirror(sandbox, leadpro, n, office_id=375) for n in range(25)]
    mirror(sandbox, leadpro, 25, office_id=42)
    Contact.objects.all().delete()

    assert change_all(sandbox, leadpro, ids, "Contacted") == 25
    run = Run.objects.get()
    assert (run.kind, run.lane, run.actor) == ("refresh", "bulk", "schedule")
    assert run.name == "Office 375: many leads changed at once"
    leads = dict(Lead.objects.values_list("leadpro_id", "pk"))
    assert [item.key for item in run.items.order_by("number")] == [{"lead": leads[n]} for n in ids[:19:-1]]

    assert change_all(sandbox, leadpro, ids, "Viewing booked") == 25
    assert Run.objects.count() == 1, "once in six hours"


def mirror(sandbox: Sandbox, leadpro: Connection, number: int, **fields: object) -> int:
    """One lead more, its person another each time."""
    there = int(sandbox.add_lead(email=f"p{number}@example.org", **fields)["id"])
    refreshing.refresh_remote_id(leadpro, there, Lane.PERSON, Cause.REFRESH)
    return there


def change_all(sandbox: Sandbox, leadpro: Connection, ids: list[int], status: str) -> int:
    """Staff change all of these, and the schedule reads them in this order; how many changes it found."""
    for number, leadpro_id in enumerate(ids):
        sandbox.staff_edit(leadpro_id, status=status)
        late = timezone.now() - timedelta(days=3) + timedelta(hours=number)
        rows = Copy.objects.filter(remote_id=str(leadpro_id))
        rows.update(last_attempt_at=late, refresh_interval=3600.0, refresh_class=5)
    swept = rounds.refresh_due(leadpro, timezone.now() + timedelta(seconds=5))
    return swept.counts["changed"]
