"""Reading from a Lead.pro that really answers over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.errors import NotFound, RateLimited, RemoteError, UnexpectedPayload
from integrations.sandbox import Sandbox
from leads.models import Cause, Change, Connection, Copy, Lane, Lead, Office, Send, Stage, Status
from leads.remotes import BudgetSpent, ConnectionPaused, InsideTransaction, check_connection, open_leadpro
from leads.sync import refreshing
from leads.sync.referencing import sync_reference

pytestmark = pytest.mark.django_db(transaction=True)


def read(leadpro: Connection, leadpro_id: int, cause: Cause = Cause.REFRESH) -> str:
    return refreshing.refresh_remote_id(leadpro, leadpro_id, Lane.PERSON, cause).outcome


def test_a_lead_is_read_by_id_and_read_again_after_the_agent_changed_it(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead(first_name="Ada", last_name="Example")["id"]
    assert read(leadpro, there) == "created"
    sandbox.staff_edit(there, status="Contacted")
    assert read(leadpro, there) == "changed"
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.status, lead.stage) == (there, "Contacted", "In progress")
    newest = Change.objects.first()
    assert newest is not None and newest.fields["status"] == ["New", "Contacted"]


def test_an_id_that_does_not_exist_is_said_and_leaves_nothing(leadpro: Connection) -> None:
    with pytest.raises(NotFound) as error:
        read(leadpro, 999_999)
    assert error.value.summary
    assert not Lead.objects.exists() and not Copy.objects.exists()


def test_gone_only_after_two_404s_a_day_apart_with_others_answered(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    there, other = sandbox.add_lead()["id"], sandbox.add_lead(email="bo@example.org")["id"]
    read(leadpro, there)
    sandbox.delete_lead(there)
    for _ in range(2):
        with pytest.raises(NotFound):
            read(leadpro, there)
    copy = Copy.objects.get(remote_id=str(there))
    assert copy.missing_since is not None and copy.gone_at is None
    Copy.objects.filter(pk=copy.pk).update(missing_since=timezone.now() - timedelta(hours=25))
    with pytest.raises(NotFound):
        read(leadpro, there)
    copy.refresh_from_db()
    assert copy.gone_at is None, "nothing else was answered meanwhile: the address may be wrong"
    read(leadpro, other)
    with pytest.raises(NotFound):
        read(leadpro, there)
    copy.refresh_from_db()
    assert copy.gone_at is not None
    lead = Lead.objects.get(leadpro_id=there)
    assert lead.sync_state == "gone" and lead.email == "ada@example.org"


def test_a_404_counts_also_after_a_read_by_a_host_whose_clock_was_ahead(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead()["id"]
    read(leadpro, there)
    Copy.objects.update(as_of=timezone.now() + timedelta(hours=1))
    sandbox.delete_lead(there)
    with pytest.raises(NotFound):
        read(leadpro, there)
    assert Copy.objects.get().missing_since is not None


def test_a_lead_that_comes_back_is_in_sync_again(sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead()["id"]
    read(leadpro, there)
    Copy.objects.update(missing_since=timezone.now(), gone_at=timezone.now())
    Lead.objects.update(sync_state="gone")
    assert read(leadpro, there) == "unchanged"
    assert Lead.objects.get().sync_state == "in_sync"
    assert Copy.objects.get().gone_at is None


@pytest.mark.parametrize("shape", ["array", "object_when_one", "data"])
def test_every_shape_of_a_look_up_finds_all_of_a_persons_leads(
    sandbox: Sandbox, leadpro: Connection, shape: str
) -> None:
    sandbox.set_readings(lookup_shape=shape)
    ids = [sandbox.add_lead(email="ada@example.org")["id"] for _ in range(3)]
    found = refreshing.look_up(leadpro, Lane.PERSON, email="ada@example.org")
    assert (
        list(Lead.objects.filter(pk__in=found).order_by("leadpro_id").values_list("leadpro_id", flat=True))
        == ids
    )


@pytest.mark.parametrize("nobody", ["array", "404", "data"])
def test_every_way_of_saying_nobody_is_nobody(sandbox: Sandbox, leadpro: Connection, nobody: str) -> None:
    sandbox.set_readings(lookup_nobody=nobody)
    assert refreshing.look_up(leadpro, Lane.PERSON, email="nobody@example.org") == []


def test_trap_13_a_phone_is_asked_for_as_spelt_then_national_then_e164(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    sandbox.add_lead(phone="+447700900123")
    found = refreshing.look_up(leadpro, Lane.PERSON, phone="07700-900123")
    assert len(found) == 1
    asked = [entry.query for entry in sandbox.requests(path="/person/leads")]
    assert len(asked) == 3 and "900123" in str(asked[0])


def test_a_failed_look_up_is_an_error_never_nobody(sandbox: Sandbox, leadpro: Connection) -> None:
    for action in ("html", "wrong_shape", "status", "truncated"):
        sandbox.fault(action, path="/person/leads")
        with pytest.raises(RemoteError):
            refreshing.look_up(leadpro, Lane.PERSON, email="ada@example.org")


def test_a_failed_read_leaves_the_mirror_as_it_was(sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead()["id"]
    read(leadpro, there)
    before = Lead.objects.values().get(), Copy.objects.values("raw", "seen_at", "as_of").get()
    for action in ("html", "bad_json", "truncated", "empty", "wrong_shape", "drop", "huge", "redirect"):
        sandbox.clear_faults()
        sandbox.fault(action)
        with pytest.raises(RemoteError):
            read(leadpro, there)
        leadpro.resume()
    assert (Lead.objects.values().get(), Copy.objects.values("raw", "seen_at", "as_of").get()) == before


def test_another_lead_than_the_one_asked_for_changes_nothing(sandbox: Sandbox, leadpro: Connection) -> None:
    one, two = sandbox.add_lead()["id"], sandbox.add_lead(email="bo@example.org")["id"]
    sandbox.fault("wrong_shape", body=sandbox.lead(two), path=f"/leads/{one}")
    with pytest.raises(UnexpectedPayload):
        read(leadpro, one)
    assert not Lead.objects.exists()


def test_a_refused_key_pauses_the_connection_after_one_probe(sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead()["id"]
    sandbox.set_api_key("another-key")
    with pytest.raises(RemoteError):
        read(leadpro, there)
    leadpro.refresh_from_db()
    assert (leadpro.state, leadpro.reason_code) == ("paused", "credentials")
    with pytest.raises(ConnectionPaused):
        read(leadpro, there)
    sandbox.set_api_key("sandbox-key")
    assert check_connection(leadpro, timezone.now())[0]
    assert read(leadpro, there) == "created"


def test_a_429_slows_everybody_down(sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead()["id"]
    sandbox.fault("rate_limit", retry_after=30)
    with pytest.raises(RateLimited):
        read(leadpro, there)
    leadpro.refresh_from_db()
    assert leadpro.not_before is not None and leadpro.slow_until is not None
    with pytest.raises(BudgetSpent) as error:
        read(Connection.objects.get(), there)
    assert 25 < error.value.wait <= 30


def test_every_call_takes_from_the_budget(sandbox: Sandbox, leadpro: Connection) -> None:
    ids = [sandbox.add_lead(email=f"p{n}@example.org")["id"] for n in range(3)]
    for leadpro_id in ids:
        read(leadpro, leadpro_id)
    assert list(Send.objects.order_by("seq").values_list("seq", "lane")) == [(n, "person") for n in (1, 2, 3)]
    assert len(sandbox.log) == 3


def test_http_inside_a_transaction_is_refused(leadpro: Connection) -> None:
    from django.db import transaction

    with transaction.atomic(), pytest.raises(InsideTransaction):
        open_leadpro(leadpro, Lane.PERSON).get_lead(1)


def test_offices_and_statuses_are_listed_and_what_vanished_is_marked(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    offices, statuses = sync_reference(leadpro)
    assert (offices, statuses) == (7, len(Status.objects.all())) and statuses >= 10
    assert set(Office.objects.values_list("office_id", flat=True)) >= {375, 1213, 1214}
    Office.objects.create(
        connection=leadpro, office_id=1, name="Closed", seen_at=timezone.now() - timedelta(days=1)
    )
    sync_reference(leadpro)
    assert list(Office.objects.filter(is_gone=True).values_list("office_id", flat=True)) == [1]


def test_a_wrong_statuses_path_affects_statuses_only(sandbox: Sandbox, leadpro: Connection) -> None:
    sync_reference(leadpro)
    known = Status.objects.count()
    sandbox.set_readings(statuses_path="/lead-statuses")
    assert sync_reference(leadpro) == (7, known)
    leadpro.refresh_from_db()
    assert (leadpro.state, bool(leadpro.statuses_problem)) == ("ok", True)
    assert Status.objects.filter(is_gone=False).count() == known


def test_a_stages_name_is_learnt_from_the_leads_that_show_it(sandbox: Sandbox, leadpro: Connection) -> None:
    sync_reference(leadpro)
    read(leadpro, sandbox.add_lead()["id"])
    assert Stage.objects.get(stage_id=50).name == "Unread"
