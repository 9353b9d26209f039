"""The page of an AVIV connection, its subscriptions, and erasures that a person decides."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.models import Connection, Erasure, Heartbeat, Lead, Push, Run, Subscription
from tests.admin.pages import text
from tests.sync import avivs
from tests.sync.avivs import NOON, lead_object, sandbox_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def aviv(sandbox, settings):
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    return sandbox_connection(sandbox, "Lyon")


def page_of(account):
    return reverse("admin:leads_connection_change", args=[account.pk])


def act(client, account, verb, **data):
    return client.post(reverse(f"admin:leads_connection_{verb}", args=[account.pk]), data, follow=True)


def test_the_page_of_a_portal_shows_pulling_and_that_of_leadpro_does_not(manager, aviv, account):
    avivs.read(aviv, [lead_object(1)])
    page = text(manager.get(page_of(aviv)))
    assert "Start back-fill" in page
    assert "None was made from here" in page
    assert "Start back-fill" not in text(manager.get(page_of(account)))


def test_the_webhook_address_is_told_to_aviv_by_a_subscription_and_pasted_nowhere(manager, aviv, account):
    page = text(manager.get(page_of(aviv)))
    assert "nothing to paste" in page
    assert "Paste this" not in page
    assert "Paste this into Lead.pro's dashboard" in text(manager.get(page_of(account)))
    silent = Connection.objects.create(remote="alterestate", name="AlterEstate")
    assert "Webhook address" not in text(manager.get(page_of(silent)))
    listing = text(manager.get(reverse("admin:leads_connection_changelist")))
    assert "10 at once" in listing
    assert "60 a minute" in listing
    answer = act(manager, aviv, "rotate")
    assert "Subscribe again, so that AVIV calls it." in text(answer)


def test_a_back_fill_starts_with_a_day_and_leads_to_its_progress(manager, aviv, rung):
    since = (timezone.now() - timedelta(days=70)).date().isoformat()
    answer = act(manager, aviv, "backfill", since=since)
    run = Run.objects.get()
    assert (run.kind, run.total) == ("pull", 11)
    assert ("leads.continue_run", {"run_id": run.pk}) in rung
    assert answer.redirect_chain[-1][0] == reverse("admin:leads_run_change", args=[run.pk])
    assert "Nothing was started" in text(act(manager, aviv, "backfill", since="2999-01-01"))
    assert "Nothing was started" in text(act(manager, aviv, "backfill", since=""))


def test_a_subscription_is_made_shown_with_its_audit_and_ended(manager, aviv, sandbox):
    assert "Subscribed" in text(act(manager, aviv, "subscribe"))
    row = Subscription.objects.get()
    page = text(manager.get(page_of(aviv)))
    assert row.remote_id in page
    assert row.key not in page
    there = sandbox.aviv.store.subscriptions()[0]
    event = {"status": "FAILURE <b>", "httpStatus": 503, "more": {"a": 1}}
    sandbox.aviv.store.keep_subscription(there | {"events": [{"status": "SUCCESS"}, event]})
    listing = text(manager.get(reverse("admin:leads_connection_subscriptions", args=[aviv.pk])))
    assert row.remote_id in listing
    assert "made here" in listing
    for words in ("<th>httpStatus</th>", "FAILURE &lt;b&gt;", "SUCCESS", "503"):
        assert words in listing
    assert "was ended" in text(act(manager, aviv, "unsubscribe", subscription=row.remote_id))
    assert Subscription.objects.count() == 0
    assert sandbox.aviv.store.subscriptions() == []


def test_a_portals_lead_says_where_it_was_written_and_when_it_is_read_again(manager, aviv):
    Heartbeat.beat("sweep", timezone.now())
    avivs.read(aviv, [lead_object(1)])
    page = text(manager.get(reverse("admin:leads_lead_change", args=[Lead.objects.get().pk])))
    assert "SeLoger (SLG-FRA)" in page
    assert "read again together with all leads of its days, within 30 days" in page


def test_the_head_of_a_lead_that_went_to_aviv_too_tells_both(manager, aviv, mirror):
    lead, now = mirror(), timezone.now()
    Push.objects.create(
        lead=lead,
        connection=aviv,
        kind=Push.SUBMIT,
        state=Push.DONE,
        remote_reference="req-1",
        created_at=now,
        due_at=now,
        settled_at=now,
    )
    page = text(manager.get(reverse("admin:leads_lead_change", args=[lead.pk])))
    assert "In Lead.pro #18376" in page
    assert "Taken by AVIV Seeker Leads: req-1." in page


def test_a_remote_that_does_not_answer_is_told_in_words(manager, aviv, sandbox):
    sandbox.fault("status", status=503, times=None, path="/webhook/*")
    assert "Nothing else changed" in text(act(manager, aviv, "subscribe"))
    listing = text(manager.get(reverse("admin:leads_connection_subscriptions", args=[aviv.pk])))
    assert "What is known of them is kept." in listing


def test_an_inactive_subscription_is_warned_of(manager, visitor, aviv):
    Subscription.objects.create(
        connection=aviv, remote_id="s-1", url="u", status="INACTIVE", made_at=timezone.now()
    )
    for address in (page_of(aviv), reverse("admin:index")):
        assert "our webhook subscription is inactive" in text(manager.get(address))
    assert "subscription is inactive" not in text(visitor("agent", 375).get(reverse("admin:index")))


def test_only_administrators_open_any_of_it(visitor, aviv):
    agent = visitor("agent", 375)
    for verb in ("backfill", "subscribe", "unsubscribe"):
        assert agent.post(reverse(f"admin:leads_connection_{verb}", args=[aviv.pk])).status_code in {302, 403}
    assert agent.get(reverse("admin:leads_connection_subscriptions", args=[aviv.pk])).status_code in {
        302,
        403,
    }
    assert agent.get(reverse("admin:leads_erasure_changelist")).status_code in {302, 403}
    assert Run.objects.count() == Subscription.objects.count() == 0


@pytest.mark.parametrize(("decision", "left"), [("keep", 1), ("erase", 0)])
def test_a_person_decides_of_a_lead_that_was_handed_on(manager, aviv, decision, left):
    avivs.read(aviv, [lead_object(1)])
    lead = Lead.objects.get()
    row = Erasure.objects.create(
        connection=aviv,
        remote_hash="0" * 64,
        cause="remote",
        noticed_at=NOON,
        erased_at=NOON,
        lead=lead,
        places=["Lead.pro <b>"],
    )
    page = text(manager.get(reverse("admin:leads_erasure_changelist")))
    assert "Example1" in page
    assert "<b>" not in page
    answer = manager.post(
        reverse("admin:leads_erasure_decide", args=[row.pk]), {"decision": decision}, follow=True
    )
    assert "Nothing waits for a decision" in text(answer)
    assert Lead.objects.count() == left
    again = manager.post(
        reverse("admin:leads_erasure_decide", args=[row.pk]), {"decision": decision}, follow=True
    )
    assert "decided this meanwhile" in text(again)
