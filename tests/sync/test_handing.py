"""A lead that is here goes to another connection: once, checked, and never back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Cause, Connection, Copy, Lead, Office, Push
from leads.sync import pushing
from leads.sync.storing import Seen, store

pytestmark = pytest.mark.django_db

AVIV_FIELDS = {"classified_id": "26ABCDEFGH12"}


def now():
    return timezone.now()


@pytest.fixture
def aviv(db) -> Connection:
    connection = Connection(
        remote="aviv", name="AVIV", base_url="http://127.0.0.1:9", options={"client_id": ""}
    )
    connection.set_secret("invented")
    connection.save()
    return connection


def portal_lead(aviv: Connection, **values) -> Lead:
    """A lead as a pull leaves it."""
    person = {
        "type": "sale",
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.org",
        "phone": "07700 900123",
        "message": "May I see it?",
        "advert_postcode": "NG1 1AA",
        "advert_address": "1 Example Street",
    }
    at = now()
    lead = Lead.objects.create(
        **{**person, **values}, origin="aviv", listed_at=at, first_seen_at=at, changed_at=at
    )
    Copy.objects.create(
        lead=lead,
        connection=aviv,
        remote_id="aviv-7",
        raw={"metadata": {"portal": "SLG-FRA"}},
        content_hash="x",
        as_of=at,
        seen_at=at,
        changed_at=at,
        next_refresh_at=at,
    )
    return lead


def deliver(connection: Connection) -> None:
    pushing.deliver_due(connection)


def test_a_portals_lead_goes_to_leadpro_with_where_it_came_from(aviv, leadpro, sandbox):
    lead = portal_lead(aviv)
    push = pushing.hand_over(
        lead, connection=leadpro, fields={"message": "Shorter."}, actor="Grace", now=now()
    )
    assert (push.kind, push.state, push.actor, lead.sync_state) == ("create", "waiting", "Grace", "pending")
    assert lead.message == "May I see it?"
    deliver(leadpro)
    (remote,) = sandbox.leads
    assert remote["meta"] == {"aviv_id": "aviv-7", "portal": "SLG-FRA", "leadmirror": push.token}
    assert remote["message"] == "Shorter."
    push.refresh_from_db()
    lead.refresh_from_db()
    assert (push.state, push.remote_id) == ("done", str(remote["id"]))
    assert (lead.leadpro_id, lead.sync_state, lead.origin) == (remote["id"], "in_sync", "aviv")
    assert lead.message == "Shorter."
    assert lead.meta == {"aviv_id": "aviv-7", "portal": "SLG-FRA"}
    assert Copy.objects.filter(lead=lead).count() == 2
    assert Lead.objects.count() == 1


def test_what_leadpro_shows_nothing_of_stays_as_the_portal_told(aviv, leadpro, sandbox):
    lead = portal_lead(aviv, property_reference="26ABCDEFGH12")
    pushing.hand_over(lead, connection=leadpro, now=now())
    deliver(leadpro)
    lead.refresh_from_db()
    assert lead.leadpro_id is not None
    assert lead.property_reference == "26ABCDEFGH12"


@pytest.mark.parametrize("state", ["waiting", "sending", "unclear", "needs_attention", "done"])
def test_a_second_request_says_that_it_is_on_its_way(aviv, leadpro, state):
    lead = portal_lead(aviv)
    push = pushing.hand_over(lead, connection=leadpro, now=now())
    Push.objects.filter(pk=push.pk).update(state=state, remote_id="18376")
    with pytest.raises(pushing.CannotPush, match=f"push {push.pk} is"):
        pushing.hand_over(lead, connection=leadpro, now=now())
    assert Push.objects.count() == 1


def test_a_lead_never_goes_back_where_it_came_from(aviv):
    lead = portal_lead(aviv)
    with pytest.raises(pushing.CannotPush, match="It is at AVIV already: #aviv-7"):
        pushing.hand_over(lead, connection=aviv, fields=AVIV_FIELDS, now=now())


def test_what_leadpro_would_refuse_is_refused_here_by_field(aviv, leadpro):
    lead = portal_lead(aviv, last_name=None, phone=None)
    with pytest.raises(pushing.Unfit) as unfit:
        pushing.hand_over(lead, connection=leadpro, now=now())
    assert {one.field: one.code for one in unfit.value.problems} == {
        "last_name": "required",
        "phone": "required",
    }
    assert Push.objects.count() == 0
    fields = {"last_name": "Unknown", "phone": "07700 900123"}
    assert (
        pushing.hand_over(lead, connection=leadpro, fields=fields, now=now()).payload["last_name"]
        == "Unknown"
    )


def test_an_office_of_another_account_is_not_sent(aviv, leadpro):
    lead = portal_lead(aviv, office_id=375)
    assert "office_id" not in pushing.hand_over(lead, connection=leadpro, now=now()).payload
    Push.objects.all().delete()
    Office.objects.create(connection=leadpro, office_id=375, name="Nottingham", seen_at=now())
    assert pushing.hand_over(lead, connection=leadpro, now=now()).payload["office_id"] == 375


def test_what_was_discarded_in_doubt_is_looked_for_and_not_doubled(aviv, leadpro, sandbox):
    lead = portal_lead(aviv)
    push = pushing.hand_over(lead, connection=leadpro, now=now())
    sandbox.fault("drop_after", method="POST", path="/leads")
    deliver(leadpro)
    push.refresh_from_db()
    assert push.state == "unclear"
    pushing.discard(push, "Grace", now())
    again = pushing.hand_over(lead, connection=leadpro, fields={"message": "Other."}, now=now())
    assert (again.pk, again.state) == (push.pk, "unclear")
    deliver(leadpro)
    again.refresh_from_db()
    assert (again.state, len(sandbox.leads)) == ("done", 1)


def test_what_was_mended_goes_out_with_what_was_handed_over(aviv, leadpro, sandbox):
    lead = portal_lead(aviv)
    sandbox.fault("status", method="POST", path="/leads", status=422, body={"error": "message is too long"})
    push = pushing.hand_over(lead, connection=leadpro, fields={"source": "homepage"}, now=now())
    deliver(leadpro)
    push.refresh_from_db()
    assert push.problem_code == "refused"
    pushing.request_update(lead, {"first_name": "Grace"}, now=now())
    push.refresh_from_db()
    assert (push.state, push.payload["first_name"], push.payload["source"]) == (
        "waiting",
        "Grace",
        "homepage",
    )
    assert push.payload["meta"]["aviv_id"] == "aviv-7"


def test_of_two_brands_the_first_owns_what_is_shown_here(leadpro, sandbox):
    other = Connection(
        remote="leadpro", name="Brand B", base_url=sandbox.leadpro_url, requests_per_minute=6000
    )
    other.set_secret(sandbox.api_key)
    other.save()
    first = sandbox.add_lead(hook=False, first_name="Ada", status="Contacted")
    store(leadpro, [Seen(first, now())], Cause.REFRESH, now=now())
    lead = Lead.objects.get()
    push = pushing.hand_over(lead, connection=other, now=now())
    deliver(other)
    push.refresh_from_db()
    lead.refresh_from_db()
    assert push.state == "done"
    assert int(push.remote_id) != first["id"]
    assert (lead.leadpro_id, lead.status, lead.sync_state) == (first["id"], "Contacted", "in_sync")
    there = sandbox.lead(int(push.remote_id))
    store(other, [Seen({**there, "status": "Lost"}, now())], Cause.REFRESH, now=now())
    lead.refresh_from_db()
    assert (lead.leadpro_id, lead.status) == (first["id"], "Contacted")
    assert pushing.request_update(lead, {"status": "Qualified"}, now=now()).connection == leadpro
