"""The schedule's own reads, from a Lead.pro that really answers over HTTP."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Audit, Cause, Connection, Contact, Copy, Lane, Lead, Schedule, Send, Tally
from leads.sync import choosing, pricing, refreshing, rescaling, rounds
from leads.sync.rounds import Swept

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sweep and no audit comes up, but where a test wants one."""
    monkeypatch.setattr(choosing, "AUDIT_SHARE", 0.0)
    monkeypatch.setattr(choosing, "SWEEP_SHARE", 0.0)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget's pace is no matter here."""
    monkeypatch.setattr("leads.remotes.doors.budget.take", lambda *_, **__: 0.0)


def mirror(sandbox: Sandbox, leadpro: Connection, n: int) -> list[int]:
    """So many leads, mirrored, and due in the order of their ids. Their people have just been looked up."""
    ids = [sandbox.add_lead(email=f"p{number}@example.org")["id"] for number in range(n)]
    for leadpro_id in ids:
        refreshing.refresh_remote_id(leadpro, leadpro_id, Lane.PERSON, Cause.REFRESH)
    Contact.objects.update(last_attempt_at=timezone.now())
    late = timezone.now() - timedelta(days=3)
    for number, leadpro_id in enumerate(ids):
        Copy.objects.filter(remote_id=str(leadpro_id)).update(
            last_attempt_at=late + timedelta(hours=number), refresh_interval=3600.0, refresh_class=5
        )
    sandbox.clear_log()
    return ids


def work(leadpro: Connection, seconds: float = 5.0, **more: float) -> Swept:
    return rounds.refresh_due(leadpro, timezone.now() + timedelta(seconds=seconds), **more)


def asked(sandbox: Sandbox) -> list[int]:
    return [int(entry.path.rsplit("/", 1)[1]) for entry in sandbox.log]


def test_the_latest_is_read_first_and_nothing_twice_within_the_floor(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    ids = mirror(sandbox, leadpro, 5)
    assert work(leadpro).counts == {"unchanged": 5}
    assert asked(sandbox) == ids
    assert work(leadpro).counts == {}
    assert len(sandbox.log) == 5


def test_trap_01_leads_are_asked_for_one_by_one_and_people_by_contact(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    there = sandbox.add_lead()["id"]
    refreshing.refresh_remote_id(leadpro, there, Lane.PERSON, Cause.REFRESH)
    work(leadpro, 1)
    assert {entry.path for entry in sandbox.log} == {f"/leads/{there}", "/person/leads"}


def test_where_nothing_may_be_read_nothing_is_written(
    sandbox: Sandbox, leadpro: Connection, django_assert_num_queries
) -> None:
    mirror(sandbox, leadpro, 2)
    Copy.objects.update(last_attempt_at=timezone.now())
    pricing.load_model(leadpro, timezone.now())
    with django_assert_num_queries(1):
        assert work(leadpro) == Swept({})


def test_a_look_that_is_not_due_is_made_where_budget_is_left(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    mirror(sandbox, leadpro, 1)
    soon = timezone.now() + timedelta(hours=1)
    Copy.objects.update(last_attempt_at=timezone.now() - timedelta(minutes=2), next_refresh_at=soon)
    assert work(leadpro, least=1.0).counts == {}
    assert work(leadpro).counts == {"unchanged": 1}


def test_pitfall_failure_is_not_unchanged_and_holds_no_other_lead(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    ids = mirror(sandbox, leadpro, 4)
    before = Copy.objects.get(remote_id=str(ids[0]))
    sandbox.fault("status", status=500, path=f"/leads/{ids[0]}", times=None)
    assert work(leadpro).counts == {"failed": 1, "unchanged": 3}
    after = Copy.objects.get(remote_id=str(ids[0]))
    assert (after.failures, after.refresh_class, after.refresh_interval) == (1, 1, 120.0)
    assert (after.seen_at, after.gamma_shape, after.gamma_rate) == (
        before.seen_at,
        before.gamma_shape,
        before.gamma_rate,
    )
    assert after.next_refresh_at > timezone.now()


def test_pitfall_failure_replaces_the_copys_part_in_the_demand(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    ids = mirror(sandbox, leadpro, 2)
    pricing.flush()
    before = rescaling.recount(leadpro, timezone.now())
    sandbox.fault("status", status=500, path=f"/leads/{ids[0]}", times=None)
    assert work(leadpro).counts == {"failed": 1, "unchanged": 1}
    pricing.flush()
    kept = Schedule.objects.get(connection=leadpro).demand
    assert kept != before
    assert rescaling.recount(leadpro, timezone.now()) == pytest.approx(kept)


def test_pitfall_failure_of_the_server_stops_everything_and_no_lead_is_blamed(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    mirror(sandbox, leadpro, 10)
    plans = list(Copy.objects.order_by("pk").values_list("refresh_interval", "refresh_class", "failures"))
    sandbox.fault("status", status=503, times=None)
    swept = work(leadpro)
    assert (swept.counts, swept.goes_on, len(sandbox.log)) == ({"failed": 3}, False, 3)
    assert (
        list(Copy.objects.order_by("pk").values_list("refresh_interval", "refresh_class", "failures"))
        == plans
    )
    untouched = timezone.now() - timedelta(days=1)
    assert Copy.objects.filter(last_attempt_at__lt=untouched).count() == 7, "the rest was given back"


def test_a_slice_waits_for_its_budget_instead_of_giving_up(sandbox: Sandbox, leadpro: Connection) -> None:
    mirror(sandbox, leadpro, 4)
    Send.objects.all().delete()
    Connection.objects.update(requests_per_minute=60)
    leadpro.refresh_from_db()
    began = time.monotonic()
    swept = work(leadpro, 3.0)
    assert 2 <= swept.counts["unchanged"] <= 4 and time.monotonic() - began < 10
    assert swept.goes_on or swept.counts["unchanged"] == 4


def test_a_paused_connection_is_not_read_and_nothing_is_lost(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    mirror(sandbox, leadpro, 3)
    attempts = set(Copy.objects.values_list("last_attempt_at", flat=True))
    leadpro.pause("person", "Paused by hand.", timezone.now())
    assert work(leadpro) == Swept({})
    assert set(Copy.objects.values_list("last_attempt_at", flat=True)) == attempts


def test_a_lead_that_vanished_is_read_again_a_day_later_and_then_seldom(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    gone, _ = mirror(sandbox, leadpro, 2)
    sandbox.delete_lead(gone)
    assert work(leadpro).counts == {"missing": 1, "unchanged": 1}
    copy = Copy.objects.get(remote_id=str(gone))
    assert copy.gone_at is None
    assert near(copy.next_refresh_at, timezone.now() + timedelta(days=1))
    day_before = timezone.now() - timedelta(days=1, minutes=1)
    Copy.objects.filter(pk=copy.pk).update(missing_since=day_before, last_attempt_at=day_before)
    assert work(leadpro).counts == {"missing": 1}
    copy.refresh_from_db()
    assert copy.gone_at is not None
    assert near(copy.next_refresh_at, timezone.now() + timedelta(days=180))
    assert copy.refresh_class >= 16


def near(at: datetime, expected: datetime) -> bool:
    return abs(at - expected) < timedelta(minutes=1)


def test_an_audit_says_what_was_believed_before_it_found_out(
    sandbox: Sandbox, leadpro: Connection, waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "AUDIT_SHARE", 1.0)
    (there,) = mirror(sandbox, leadpro, 1)
    week_ago = timezone.now() - timedelta(days=7)
    Copy.objects.update(seen_at=week_ago, as_of=week_ago, awake_since=week_ago)
    sandbox.staff_edit(there, status="Contacted")
    assert work(leadpro, 0.5).counts == {"changed": 1}
    audit = Audit.objects.get()
    assert (audit.was_stale, audit.band, audit.connection) == (True, "warm", leadpro)
    assert 0 < audit.believed < 0.5
    Copy.objects.update(last_attempt_at=week_ago)
    assert work(leadpro, 0.5).counts == {"unchanged": 1}
    assert list(Audit.objects.order_by("pk").values_list("was_stale", flat=True)) == [True, False]


def test_a_failed_audit_found_nothing_out(
    sandbox: Sandbox, leadpro: Connection, waits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "AUDIT_SHARE", 1.0)
    mirror(sandbox, leadpro, 1)
    sandbox.fault("status", status=500, times=None)
    assert work(leadpro, 0.5).counts == {"failed": 1}
    assert not Audit.objects.exists()


def test_what_was_read_is_tallied_by_the_hour(sandbox: Sandbox, leadpro: Connection, waits: None) -> None:
    ids = mirror(sandbox, leadpro, 3)
    pricing.flush()
    Tally.objects.all().delete()
    hour_ago = timezone.now() - timedelta(minutes=60)
    Copy.objects.update(seen_at=hour_ago, as_of=hour_ago)
    sandbox.staff_edit(ids[1], status="Contacted")
    sandbox.fault("status", status=500, path=f"/leads/{ids[2]}", times=None)
    work(leadpro)
    pricing.flush()
    tallies = {(t.measure, t.bucket): t.count for t in Tally.objects.filter(connection=leadpro)}
    assert tallies == {
        ("read:unchanged", 0): 1,
        ("read:changed", 0): 1,
        ("read:failed", 0): 1,
        ("delay", 5): 1,
    }


def test_pitfall_free_signals_one_look_up_reads_all_leads_of_a_person_and_finds_the_unknown_one(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    there = sandbox.add_lead(email="ada@example.org")["id"]
    refreshing.refresh_remote_id(leadpro, there, Lane.PERSON, Cause.REFRESH)
    other = sandbox.add_lead(email="ada@example.org")["id"]
    Copy.objects.update(last_attempt_at=timezone.now())
    assert work(leadpro).counts == {"created": 1}
    assert set(Lead.objects.values_list("leadpro_id", flat=True)) == {there, other}
    contact = Contact.objects.get()
    assert (contact.by, contact.key, contact.failures) == ("email", "ada@example.org", 0)
    assert near(contact.asked_at, timezone.now()) and contact.next_ask_at > timezone.now()
    pricing.flush()
    assert Tally.objects.get(measure="discovered").count == 1
    assert set(Send.objects.values_list("lane", flat=True)) <= {"schedule", "person"}


def test_a_look_up_by_a_person_counts_as_the_schedules_own(sandbox: Sandbox, leadpro: Connection) -> None:
    refreshing.refresh_remote_id(leadpro, sandbox.add_lead()["id"], Lane.PERSON, Cause.REFRESH)
    assert Contact.objects.get().asked_at is None
    refreshing.look_up(leadpro, Lane.PERSON, email="ADA@example.org ".strip())
    assert near(Contact.objects.get().asked_at, timezone.now())
    Contact.objects.update(asked_at=None)
    refreshing.look_up(leadpro, Lane.PERSON, email="ada@example.org", first_name="Ada")
    assert Contact.objects.get().asked_at is None, "narrowed by a name it shows some of the leads only"


def test_a_failed_look_up_is_put_off_and_teaches_nothing(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    refreshing.refresh_remote_id(leadpro, sandbox.add_lead()["id"], Lane.PERSON, Cause.REFRESH)
    Copy.objects.update(last_attempt_at=timezone.now())
    sandbox.fault("status", status=500, path="/person/leads", times=None)
    assert work(leadpro).counts == {"failed": 1}
    contact = Contact.objects.get()
    assert (contact.failures, contact.asked_at, contact.refresh_interval) == (1, None, 120.0)


def test_an_address_that_many_share_is_asked_for_as_seldom_as_anything(
    sandbox: Sandbox, leadpro: Connection, waits: None
) -> None:
    ids = [sandbox.add_lead(email="office@example.org")["id"] for _ in range(21)]
    refreshing.refresh_remote_id(leadpro, ids[0], Lane.PERSON, Cause.REFRESH)
    Copy.objects.update(last_attempt_at=timezone.now())
    work(leadpro, 0.3)
    contact = Contact.objects.get()
    assert Lead.objects.count() == 21
    assert near(contact.next_ask_at, timezone.now() + timedelta(days=180))


def test_nobody_is_looked_up_by_an_address_that_is_nobodys(sandbox: Sandbox, leadpro: Connection) -> None:
    for email in ("noreply@example.org", "No-Reply@example.org"):
        there = sandbox.add_lead(email=email)["id"]
        refreshing.refresh_remote_id(leadpro, there, Lane.PERSON, Cause.REFRESH)
    assert not Contact.objects.exists()


def test_a_person_without_an_address_is_looked_up_by_phone(sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead(email=None, phone="07700 900123")["id"]
    refreshing.refresh_remote_id(leadpro, there, Lane.PERSON, Cause.REFRESH)
    assert list(Contact.objects.values_list("by", "key", "spelling")) == [
        ("phone", "+447700900123", "07700 900123")
    ]
