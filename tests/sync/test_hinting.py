"""AVIV's webhook over real sockets: a delivery proves its sender and makes a pull; each channel checks the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from integrations.sandbox.aviv.hooks import render_key
from leads import tasks
from leads.models import Connection, Copy, Delivery, Lead, Subscription, Window
from leads.sync import erasing, pulling, receiving, subscribing, sweeping
from tests.sync.avivs import sandbox_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def aviv(sandbox, settings):
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    return sandbox_connection(sandbox)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(tasks, "ring", lambda task, **ids: None)
    monkeypatch.setattr(receiving, "GATHER", timedelta(0))


def deliver(client, account, data, **headers):
    return client.post(
        f"/webhooks/{account.webhook_secret}/", data, content_type="application/json", headers=headers
    )


def process(account):
    return receiving.process_due(
        Connection.objects.get(pk=account.pk), timezone.now() + timedelta(seconds=10)
    )


def test_without_a_subscription_of_ours_the_address_is_proof_and_a_delivery_makes_a_pull(
    client, sandbox, aviv
):
    lead = sandbox.add_aviv_lead()
    assert deliver(client, aviv, lead).status_code == 202
    assert process(aviv) == 0.0
    row = Delivery.objects.get()
    assert (row.state, row.remote_id, row.changed_something, row.finding) == (
        "done", lead["metadata"]["leadId"], True, "early",
    )  # fmt: skip
    assert Lead.objects.count() == 1


@pytest.mark.parametrize("form", ["x-api-key", "apikey", "authorization", "bearer", "apikey_scheme"])
def test_the_key_of_our_subscription_is_found_in_any_header(client, sandbox, aviv, form):
    key = subscribing.subscribe(aviv, timezone.now()).key
    assert deliver(client, aviv, {"leadId": "x"}, **render_key(key, b"", form)).status_code == 202
    assert deliver(client, aviv, {"leadId": "y"}, **render_key(key + "!", b"", form)).status_code == 401
    assert deliver(client, aviv, {"leadId": "z"}).status_code == 401
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == [
        "waiting", "failed", "failed",
    ]  # fmt: skip
    assert "not that of our subscription" in Delivery.objects.first().problem


def test_the_key_may_stand_in_the_query_too(client, sandbox, aviv):
    key = subscribing.subscribe(aviv, timezone.now()).key
    address = f"/webhooks/{aviv.webhook_secret}/?apiKey={key}"
    assert client.post(address, {"leadId": "x"}, content_type="application/json").status_code == 202


def test_fifty_deliveries_are_one_pull(client, sandbox, aviv):
    for _ in range(50):
        assert deliver(client, aviv, sandbox.add_aviv_lead()).status_code == 202
    pulling.pull(aviv, timezone.now())
    sandbox.clear_log()
    process(aviv)
    assert len(sandbox.requests("GET", "/leads", remote="aviv")) == 1
    assert set(Delivery.objects.values_list("state", "finding")) == {("done", "early")}


def test_a_delivery_about_a_lead_that_never_comes_is_looked_for_twice_and_then_told(client, sandbox, aviv):
    deliver(client, aviv, {"leadId": "nowhere"})
    assert process(aviv) == 0.0
    row = Delivery.objects.get()
    assert row.state == "waiting"
    assert timedelta(seconds=50) < row.due_at - timezone.now() <= timedelta(seconds=60)
    Delivery.objects.update(due_at=timezone.now())
    process(aviv)
    row.refresh_from_db()
    assert (row.state, row.finding) == ("failed", "not_found")
    assert subscribing.find_gaps(aviv, timezone.now()).never_came == 1


def test_a_remote_that_is_down_costs_no_delivery(client, sandbox, aviv, monkeypatch):
    monkeypatch.setattr(pulling, "MOST_FAILURES", 0)
    lead = sandbox.add_aviv_lead()
    deliver(client, aviv, lead)
    sandbox.fault("status", status=503, times=None, path="/leads")
    process(aviv)
    assert Delivery.objects.get().state == "waiting"
    sandbox.clear_faults()
    Delivery.objects.update(due_at=timezone.now())
    process(aviv)
    assert Delivery.objects.get().state == "done"


def test_subscribing_twice_makes_one_subscription_with_a_new_key(sandbox, aviv):
    first = subscribing.subscribe(aviv, timezone.now())
    before = first.key
    again = subscribing.subscribe(aviv, timezone.now())
    assert (again.pk, Subscription.objects.count()) == (first.pk, 1)
    assert again.key != before
    assert before not in str(list(Subscription.objects.values()))
    assert len(sandbox.aviv.store.subscriptions()) == 1


def test_a_new_address_is_warned_of_until_a_new_subscription_replaces_the_old_one(sandbox, aviv):
    old = subscribing.subscribe(aviv, timezone.now())
    aviv.rotate_webhook_secret(timezone.now())
    assert "calls the one before" in subscribing.find_warnings(aviv, timezone.now())[0]
    new = subscribing.subscribe(aviv, timezone.now())
    assert new.remote_id != old.remote_id
    assert [row["subscriptionId"] for row in sandbox.aviv.store.subscriptions()] == [new.remote_id]
    assert Subscription.objects.get().url == subscribing.url_of(aviv)
    assert subscribing.find_warnings(aviv, timezone.now()) == []


def test_subscribing_again_forgets_one_that_vanished(sandbox, aviv):
    old = subscribing.subscribe(aviv, timezone.now())
    sandbox.aviv.store.delete_subscription(old.remote_id)
    subscribing.look(aviv, timezone.now())
    subscribing.subscribe(aviv, timezone.now())
    assert Subscription.objects.get().status == "ACTIVE"
    assert subscribing.find_warnings(aviv, timezone.now()) == []


def test_deliveries_with_another_key_are_warned_of(client, sandbox, aviv):
    subscribing.subscribe(aviv, timezone.now())
    deliver(client, aviv, {"leadId": "z"}, **{"X-Api-Key": "another"})
    assert "another key than our subscription's: 1." in subscribing.find_warnings(aviv, timezone.now())[0]


def test_no_delivery_that_comes_after_an_erasure_keeps_its_body(client, sandbox, aviv):
    gone, here = sandbox.add_aviv_lead(), sandbox.add_aviv_lead()
    pulling.pull(aviv, timezone.now())
    of_gone = Copy.objects.filter(remote_id=gone["metadata"]["leadId"])
    with transaction.atomic():
        erasing.erase_copies(aviv, of_gone.values_list("pk", flat=True), "remote", timezone.now())
    for data in (gone, gone, {"items": [here, gone]}, here):
        assert deliver(client, aviv, data).status_code == 202
    process(aviv)
    assert [row.body for row in Delivery.objects.order_by("id")] == [{}, {}, {}, here]
    assert gone["metadata"]["leadId"] not in str(list(Delivery.objects.values()))


def test_an_inactive_or_vanished_subscription_raises_a_warning(sandbox, aviv):
    now = timezone.now()
    row = subscribing.subscribe(aviv, now)
    assert subscribing.find_warnings(aviv, now) == []
    there = sandbox.aviv.store.subscriptions()[0]
    sandbox.aviv.store.keep_subscription(there | {"status": "INACTIVE"})
    watched = subscribing.look(aviv, now)
    assert [(one.status, one.row) for one in watched] == [("INACTIVE", row)]
    assert "inactive" in subscribing.find_warnings(aviv, now)[0]
    sandbox.aviv.store.delete_subscription(row.remote_id)
    subscribing.look(aviv, now)
    assert "no longer has" in subscribing.find_warnings(aviv, now)[0]
    subscribing.unsubscribe(aviv, row.remote_id)
    assert Subscription.objects.count() == 0


def test_a_silent_subscription_raises_a_warning(sandbox, aviv):
    subscribing.subscribe(aviv, timezone.now() - timedelta(days=2))
    sandbox.add_aviv_lead()
    pulling.pull(aviv, timezone.now())
    Lead.objects.update(first_seen_at=timezone.now() - timedelta(hours=2))
    assert "told of none" in subscribing.find_warnings(aviv, timezone.now())[0]


def test_leads_that_no_delivery_announced_are_counted(client, sandbox, aviv):
    subscribing.subscribe(aviv, timezone.now() - timedelta(days=2))
    announced, silent = sandbox.add_aviv_lead(), sandbox.add_aviv_lead()
    Delivery.objects.create(
        connection=aviv,
        received_at=timezone.now(),
        due_at=timezone.now(),
        body={},
        remote_id=announced["metadata"]["leadId"],
    )
    pulling.pull(aviv, timezone.now())
    Lead.objects.update(first_seen_at=timezone.now() - timedelta(hours=1))
    gaps = subscribing.find_gaps(aviv, timezone.now())
    assert (gaps.leads, gaps.unannounced) == (2, 1)
    assert Copy.objects.filter(remote_id=silent["metadata"]["leadId"]).exists()


def test_the_sweep_rings_for_pulls_and_subscriptions_of_aviv_alone(sandbox, aviv, leadpro):
    Subscription.objects.create(connection=aviv, remote_id="s", url="u", made_at=timezone.now())
    rung = {(job.task, job.ids.get("connection_id")) for job in sweeping.find_due(timezone.now())}
    assert {("pull", aviv.pk), ("watch_subscriptions", aviv.pk)} <= rung
    assert not rung & {("sync_reference", aviv.pk), ("refresh_due", aviv.pk), ("pull", leadpro.pk)}
    assert Window.objects.count() == 0
