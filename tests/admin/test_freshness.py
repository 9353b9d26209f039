"""What the pages say about freshness: no more than is known."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.models import Audit, Copy, Delivery, Heartbeat, Schedule, Tally
from leads.sync import reporting
from tests.admin.conftest import HOSTILE, NOTTINGHAM
from tests.admin.pages import bells_but_readers, list_of, messages_of, page_of, text


@pytest.fixture(autouse=True)
def _worker(db):
    Heartbeat.beat("sweep", timezone.now())


@pytest.fixture
def audit(account):
    def make(band, n, stale, believed=0.95):
        for k in range(n):
            Audit.objects.create(
                connection=account, at=timezone.now(), band=band, believed=believed, was_stale=k < stale
            )

    return make


def words_of(answer):
    """The page as somebody reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text(answer)))


def tally(account, measure, count, bucket=0):
    hour = int(timezone.now().timestamp() // 3600)
    Tally.objects.create(connection=account, hour=hour, measure=measure, bucket=bucket, count=count)


def test_before_the_first_report_nothing_is_claimed(manager, account):
    page = words_of(manager.get("/admin/"))
    assert "Not computed yet: a worker does that within minutes of its start." in page
    assert "believed" not in page


def test_the_dashboard_shows_the_report_and_computes_none(manager, account, mirror, audit):
    mirror(1)
    audit("hot", 40, 4)
    audit("cold", 3, 0)
    for measure, count in (("read:unchanged", 90), ("read:changed", 10), ("sent:schedule", 72)):
        tally(account, measure, count)
    reporting.keep_report(account, timezone.now())
    Audit.objects.all().delete()
    Tally.objects.all().delete()
    page = words_of(manager.get("/admin/"))
    assert "90.0 % (76.9–96.0 %), 40 audits" in page
    assert "not measured yet: 3 of 30 audits" in page
    assert "100 90.0 % found nothing new" in page
    assert "72 of 86,400 calls" in page
    assert "Audits agree with the belief" in page
    assert "Lead.pro has no list of leads." in page
    assert "none ever The address has not been pasted into Lead.pro" in page


def test_too_few_changes_give_no_delay(manager, account):
    tally(account, "delay", 29, bucket=3)
    reporting.keep_report(account, timezone.now())
    assert "not known yet 29 of 30 changes found by looking" in words_of(manager.get("/admin/"))
    tally(account, "delay", 1, bucket=6)
    reporting.keep_report(account, timezone.now())
    page = words_of(manager.get("/admin/"))
    assert "within 16 min for half of 30 changes found in 7 days, 16 min for nine of ten" in page


def test_an_old_report_is_called_old(manager, account):
    reporting.keep_report(account, timezone.now() - timedelta(hours=2))
    page = words_of(manager.get("/admin/"))
    assert "These figures are old: no worker has computed them since 2 h ago." in page


def test_a_report_of_another_shape_is_not_read(manager, account):
    Schedule.objects.create(connection=account, report={"shape": 99, "expected": HOSTILE})
    assert "Not computed yet" in words_of(manager.get("/admin/"))


@pytest.mark.parametrize("role", ["leader", "agent"])
def test_figures_over_all_offices_are_for_administrators(visitor, account, mirror, role):
    mirror(1)
    reporting.keep_report(account, timezone.now())
    assert "Freshness" not in words_of(visitor(role, NOTTINGHAM).get("/admin/"))


LOOKS = [
    (
        {"next_refresh_at": timedelta(hours=2, seconds=30)},
        "Seen 3 min ago · will be looked at again within about 2 h",
    ),
    (
        {"next_refresh_at": timedelta(hours=-2)},
        "Seen 3 min ago · will be looked at again as soon as its turn comes",
    ),
    (
        {"next_refresh_at": timedelta(hours=2, seconds=30), "failures": 3},
        "Seen 3 min ago · the last 3 looks failed, will be looked at again within about 2 h",
    ),
    (
        {"next_refresh_at": timedelta(hours=20, seconds=30), "missing_since": timedelta(hours=-4)},
        "Seen 3 min ago · not found 4 h ago , will be looked at again within about 20 h",
    ),
    (
        {"next_refresh_at": timedelta(days=29, hours=1), "gone_at": timedelta(days=-1)},
        "Last seen 3 min ago · will be looked at again within about 29 days",
    ),
    ({"refresh_class": None}, "Seen 3 min ago · Lead.pro tells of changes itself; not looked at one by one"),
]


@pytest.mark.parametrize(("columns", "words"), LOOKS)
def test_a_leads_page_says_when_it_was_seen_and_when_it_is_looked_at_again(
    manager, mirror, monkeypatch, columns, words
):
    lead, now = mirror(), timezone.now()
    monkeypatch.setattr("leads.sync.wanting.want", lambda *_, **__: set())
    given = {k: now + v if isinstance(v, timedelta) else v for k, v in columns.items()}
    Copy.objects.update(**{"seen_at": now - timedelta(minutes=3, seconds=5), **given})
    assert words in words_of(manager.get(page_of(lead)))


def test_a_paused_connection_promises_no_look(manager, mirror, account):
    lead = mirror()
    account.pause("person", "Paused by hand.", timezone.now())
    assert "· not looked at again while Lead.pro is paused" in words_of(manager.get(page_of(lead)))
    account.resume()
    account.set_secret("")
    account.save()
    assert "· not looked at again while Lead.pro is not connected" in words_of(manager.get(page_of(lead)))


def test_nobody_looks_while_no_worker_runs(manager, mirror):
    lead = mirror()
    Heartbeat.objects.update(at=timezone.now() - timedelta(seconds=91))
    assert "· not looked at again while no worker runs" in words_of(manager.get(page_of(lead)))


def test_a_lead_whose_page_is_open_is_wanted(manager, mirror, account, rung):
    lead = mirror()
    before = timezone.now()
    manager.get(page_of(lead))
    copy = Copy.objects.get()
    assert copy.refresh_class == 0
    assert timedelta(seconds=119) < copy.wanted_until - before < timedelta(seconds=125)
    assert rung == [("leads.refresh_due", {"connection_id": account.pk})]
    manager.get(reverse("admin:leads_lead_live", args=[lead.pk]))
    assert len(rung) == 1
    Copy.objects.update(wanted_until=None, refresh_class=9)
    manager.get(reverse("admin:leads_lead_live", args=[lead.pk]))
    assert Copy.objects.get().refresh_class == 0


@pytest.fixture
def deliver(account):
    def make(number=1, **fields):
        now = timezone.now()
        return Delivery.objects.create(
            **{
                "connection": account,
                "received_at": now,
                "due_at": now,
                "body": {"data": {"id": 18376}},
                "digest": str(number),
                "remote_id": "18376",
                "state": "done",
                "finding": "empty",
                "processed_at": now,
                **fields,
            }
        )

    return make


def test_the_connections_page_says_that_nothing_ever_arrived(manager, account, deliver):
    page = words_of(manager.get(page_of(account)))
    assert "Nothing has ever arrived at this address." in page
    assert f"/webhooks/{account.webhook_secret}/" in page
    deliver(finding="early")
    deliver(state="failed", finding="not_found")
    page = words_of(manager.get(page_of(account)))
    assert "Webhooks arrive: the last one just now" in page
    assert "in 7 days 2 told us first 1 came late 0 nothing new 0 not found 1 waiting 0 failed 1" in page


def test_the_connections_page_shows_what_its_budget_went_for(manager, account):
    tally(account, "sent:push", 5)
    counted_at = timezone.now()
    reporting.keep_report(account, counted_at)
    page = words_of(manager.get(page_of(account)))
    assert "5 of 86,400 calls" in page
    assert "pushes 5" in page
    assert f"counted at {timezone.localtime(counted_at):%H:%M}" in page


def test_a_delivery_is_replayed_by_its_button(manager, account, deliver, mirror, rung):
    lead, delivery = mirror(), deliver()
    page = manager.get(page_of(delivery))
    assert page_of(lead) in text(page)
    answer = manager.post(reverse("admin:leads_delivery_replay", args=[delivery.pk]), follow=True)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.finding, delivery.processed_at) == ("waiting", "", None)
    assert rung == [("leads.process_deliveries", {"connection_id": account.pk})]
    assert messages_of(answer) == [
        "1 delivery waits again. Leads are read anew; nothing is taken from a body."
    ]


def test_many_deliveries_are_replayed_from_the_list_up_to_a_limit(
    manager, account, deliver, rung, monkeypatch
):
    rows = [deliver(n) for n in range(3)]
    data = {"action": "replay_selected", "_selected_action": [r.pk for r in rows[:2]], "index": "0"}
    manager.post(list_of("delivery"), data)
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == [
        "waiting",
        "waiting",
        "done",
    ]
    assert bells_but_readers(rung) == [("leads.process_deliveries", {"connection_id": account.pk})]
    monkeypatch.setattr("leads.admin.delivery.MOST_REPLAYED", 1)
    answer = manager.post(list_of("delivery"), data, follow=True)
    assert messages_of(answer)[-1:] == ["Choose at most 1 at a time. None of these was replayed."]
    assert len(rung) == 1


def test_only_administrators_replay(visitor, manager, deliver, rung):
    delivery = deliver()
    url = reverse("admin:leads_delivery_replay", args=[delivery.pk])
    assert visitor("leader", NOTTINGHAM).post(url).status_code == 403
    assert manager.get(url).status_code == 405
    assert manager.post(reverse("admin:leads_delivery_replay", args=[delivery.pk + 1])).status_code == 404
    assert rung == []
