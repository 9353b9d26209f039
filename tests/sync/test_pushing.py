"""The way of a push through Django and a real socket: ask, deliver, read back."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Attempt, Cause, Change, Connection, Lead, Origin, Push, SyncState
from leads.sync import pushing, storing

pytestmark = pytest.mark.django_db

PERSON = {
    "type": "sale",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "advert_postcode": "NG1 1AA",
    "advert_address": "1 Drama Street",
}


def create(leadpro: Connection, **values) -> Push:
    return pushing.request_create({**PERSON, **values}, connection=leadpro, actor="Grace", now=timezone.now())


def update(lead: Lead, **changes) -> Push | None:
    lead.refresh_from_db()
    return pushing.request_update(lead, changes, actor="Grace", cause=Cause.USER, now=timezone.now())


def deliver(leadpro: Connection) -> None:
    pushing.deliver_due(leadpro)


def mirrored(leadpro: Connection, sandbox: Sandbox, **values) -> Lead:
    """A lead of the sandbox, read once."""
    remote = sandbox.add_lead(hook=False, **values)
    storing.store(leadpro, [storing.Seen(remote, timezone.now())], Cause.REFRESH, now=timezone.now())
    return Lead.objects.get(leadpro_id=remote["id"])


def test_a_create_is_written_with_its_lead_and_its_history(leadpro):
    push = create(leadpro)
    lead = push.lead
    assert (push.state, push.kind, push.attempts) == ("waiting", "create", 0)
    assert push.payload["meta"] == {"leadmirror": push.token}
    assert (lead.sync_state, lead.leadpro_id, lead.origin) == (SyncState.PENDING, None, Origin.ADMIN)
    change = Change.objects.get(lead=lead)
    assert (change.cause, change.actor, change.fields["email"]) == (
        "user",
        "Grace",
        [None, "ada@example.org"],
    )


def test_a_create_is_delivered_once(leadpro, sandbox):
    push = create(leadpro)
    deliver(leadpro)
    deliver(leadpro)
    push.refresh_from_db()
    (remote,) = sandbox.leads
    assert (push.state, push.remote_id, push.attempts) == ("done", str(remote["id"]), 1)
    assert remote["meta"] == {"leadmirror": push.token}
    lead = push.lead
    lead.refresh_from_db()
    assert (lead.leadpro_id, lead.sync_state, lead.status) == (remote["id"], "in_sync", "New")
    assert len(sandbox.requests("POST", "/leads")) == 1
    attempt = Attempt.objects.get(push=push)
    assert (attempt.outcome, attempt.http_status, attempt.remote_id) == ("ok", 200, str(remote["id"]))
    leadpro.refresh_from_db()
    assert leadpro.last_write_at is not None


def test_a_valuation_brings_its_estimates(leadpro, sandbox):
    push = pushing.request_create(
        {
            **PERSON,
            "type": "vendor",
            "postcode": "NG1 1AA",
            "address": "1 Drama Street",
            "property_bedrooms": 3,
        },
        connection=leadpro,
        kind=Push.VALUATION,
        now=timezone.now(),
    )
    pushing.deliver_push(push.pk)
    lead = Lead.objects.get(pk=push.lead_id)
    assert lead.valuation_status is not None
    assert len(sandbox.requests("POST", "/leads/valuation")) == 1


def test_an_update_is_read_merged_sent_and_read_back(leadpro, sandbox):
    lead = mirrored(leadpro, sandbox)
    sandbox.clear_log()
    push = update(lead, status="Contacted")
    lead.refresh_from_db()
    assert (lead.status, lead.sync_state, lead.pending) == ("Contacted", "pending", {"status": "New"})
    deliver(leadpro)
    push.refresh_from_db()
    lead.refresh_from_db()
    assert (push.state, push.edits, push.plan["clear"] if push.plan else None) == ("done", {}, None)
    assert (lead.status, lead.stage, lead.sync_state, lead.pending) == (
        "Contacted",
        "In progress",
        "in_sync",
        {},
    )
    calls = [(entry.method, entry.path.removeprefix("/api/v103")) for entry in sandbox.log]
    there = f"/leads/{lead.leadpro_id}"
    assert calls == [("GET", there), ("PATCH", there), ("GET", there)]
    body = sandbox.requests("PATCH", "*")[0].json()
    assert body == {"first_name": "Ada", "last_name": "Example", "status": "Contacted"}


def test_an_edit_during_a_create_waits_for_it(leadpro, sandbox):
    push = create(leadpro)
    later = update(push.lead, status="Contacted", postcode="NG1 1AB")
    assert later.kind == "update"
    deliver(leadpro)
    later.refresh_from_db()
    assert later.state == "done", later.problem
    (remote,) = sandbox.leads
    assert (remote["status"], remote["postcode"]) == ("Contacted", "NG1 1AB")


def test_two_edits_join_one_update(leadpro, sandbox):
    lead = mirrored(leadpro, sandbox)
    first = update(lead, status="Contacted")
    second = update(lead, address="2 Drama Street")
    third = update(lead, address="3 Drama Street")
    assert first.pk == second.pk == third.pk
    assert update(lead, address="3 Drama Street") is None
    deliver(leadpro)
    assert len(sandbox.requests("PATCH", "*")) == 1
    assert sandbox.lead(lead.leadpro_id)["address"] == "3 Drama Street"


def test_an_edit_taken_back_before_it_is_sent_is_not_sent(leadpro, sandbox):
    lead = mirrored(leadpro, sandbox)
    push = update(lead, status="Contacted")
    assert update(lead, status="New") is None
    push.refresh_from_db()
    lead.refresh_from_db()
    assert (push.state, lead.sync_state, lead.status) == ("discarded", "in_sync", "New")
    deliver(leadpro)
    assert sandbox.requests("PATCH", "*") == []
