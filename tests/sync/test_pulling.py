"""Pulling from the sandbox's AVIV over real sockets: every lead once, whatever the pages leave open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.errors import Refused, RemoteError
from leads.models import Connection, Copy, Heartbeat, Lead, Window
from leads.remotes import ConnectionPaused
from leads.sync import pulling
from leads.sync.claiming import Claim
from tests.sync.avivs import assert_kept_to_the_rules, mirrored_ids, pages, sandbox_connection, shown_ids

pytestmark = pytest.mark.django_db(transaction=True)
DAY = 86_400


@pytest.fixture
def aviv(sandbox):
    return sandbox_connection(sandbox)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Faults are tried again at once."""
    monkeypatch.setattr(pulling, "LONGEST_PAUSE", 0.02)


def pull(account, **options):
    return pulling.pull(Connection.objects.get(pk=account.pk), timezone.now(), **options)


def test_a_lead_that_arrives_is_here_after_the_next_pull(sandbox, aviv):
    sandbox.add_aviv_lead(lastName="Example")
    assert pull(aviv)["created"] == 1
    assert Lead.objects.get().last_name == "Example"
    sandbox.add_aviv_lead(lastName="Invented")
    counts = pull(aviv)
    assert (counts["created"], counts["unchanged"]) == (1, 1)
    assert mirrored_ids() == shown_ids(sandbox)
    assert sandbox.aviv_stats(sandbox.log)["tokens_issued"] == 1


def test_the_first_pull_goes_thirty_days_back_in_windows_of_less_than_seven_days(sandbox, aviv):
    now = timezone.now().timestamp()
    for days in (29, 20, 10, 1):
        sandbox.add_aviv_lead(ingested_at=now - days * DAY)
    sandbox.add_aviv_lead(ingested_at=now - 31 * DAY)
    assert pull(aviv)["created"] == 4
    assert_kept_to_the_rules(sandbox)
    head = Window.objects.get(kind=Window.HEAD)
    assert (head.begun_at, head.start) == (None, "")
    assert head.until >= head.read_at


def test_a_lead_that_is_shown_late_is_caught_by_the_overlap(sandbox, aviv):
    pull(aviv)
    sandbox.add_aviv_lead(ingested_at=timezone.now().timestamp() - 47 * 3600)
    assert pull(aviv)["created"] == 1


def test_after_a_long_rest_nothing_in_between_is_missed(sandbox, aviv):
    pull(aviv)
    long_ago = timezone.now() - timedelta(days=40)
    Window.objects.filter(kind=Window.HEAD).update(
        since=long_ago - timedelta(days=2), until=long_ago, read_at=long_ago
    )
    for days in range(0, 40, 3):
        sandbox.add_aviv_lead(ingested_at=timezone.now().timestamp() - days * DAY - 1)
    assert pull(aviv)["created"] == 14
    assert_kept_to_the_rules(sandbox)


def test_a_fault_that_stays_is_raised_and_what_was_read_is_kept(sandbox, aviv):
    sandbox.seed_aviv(2, 250)
    sandbox.fault("status", status=503, times=None, path="/leads", skip=7)
    with pytest.raises(RemoteError):
        pull(aviv)
    kept = Copy.objects.count()
    assert kept == 200
    sandbox.clear_faults()
    counts = pull(aviv)
    assert counts["created"] == 50
    assert Heartbeat.objects.get(name=f"pull:{aviv.pk}").until is None


def test_an_erasure_is_noticed_by_reading_again_an_hour_apart(sandbox, aviv):
    lead = sandbox.add_aviv_lead(ingested_at=timezone.now().timestamp() - 20 * DAY)
    pull(aviv)
    sandbox.erase_aviv(lead["metadata"]["leadId"])
    Window.objects.filter(kind=Window.SPAN).update(due_at=timezone.now())
    assert pull(aviv)["suspected"] == 1
    later = Window.objects.get(kind=Window.SPAN).due_at - timezone.now()
    assert timedelta(minutes=59) < later < timedelta(minutes=62)
    an_hour_passes()
    assert pull(aviv)["erased"] == 1
    assert Lead.objects.count() == 0
    assert pull(aviv)["created"] == 0


@pytest.mark.parametrize("reading", [{"erasure_form": "absent"}, {"erasure_takes_email": True}], ids=str)
def test_an_erasure_is_noticed_in_every_form(sandbox, aviv, reading):
    sandbox.set_aviv_readings(**reading)
    lead = sandbox.add_aviv_lead()
    pull(aviv)
    sandbox.erase_aviv(lead["metadata"]["leadId"])
    assert pull(aviv)["suspected"] == 1
    an_hour_passes()
    assert pull(aviv)["erased"] == 1


def an_hour_passes():
    """Everything remembered is an hour and a quarter older."""
    from leads.models import Erasure

    Erasure.objects.update(noticed_at=timezone.now() - timedelta(minutes=75))
    Window.objects.filter(kind=Window.SPAN).update(due_at=timezone.now() - timedelta(minutes=14))


def test_two_pulls_never_run_for_one_connection(sandbox, aviv):
    claim = Claim.take(aviv, timezone.now())
    with pytest.raises(pulling.Busy):
        pull(aviv)
    assert pages(sandbox) == []
    claim.release()
    assert pull(aviv)["pages"] > 0


def test_a_dead_pull_is_taken_over_when_its_claim_lapses(sandbox, aviv, settings):
    settings.PUSH_LEASE_SECONDS = 1.0
    assert Claim.take(aviv, timezone.now()) is not None
    began = timezone.now()
    assert pull(aviv, patience=None)["pages"] > 0
    assert timezone.now() - began >= timedelta(seconds=0.9)


def test_a_refused_key_pauses_the_connection_and_a_pull_says_so(sandbox, aviv):
    sandbox.set_aviv_client("somebody", "else")
    with pytest.raises(RemoteError):
        pull(aviv)
    with pytest.raises(ConnectionPaused):
        pull(aviv)
    assert len(sandbox.requests(path="/token")) <= 2


def test_a_refusal_of_the_newest_window_is_raised(sandbox, aviv):
    sandbox.fault("status", status=400, times=None, path="/leads")
    with pytest.raises(Refused):
        pull(aviv)


def test_a_span_that_is_refused_comes_again_later_and_keeps_no_other_waiting(sandbox, aviv):
    now = timezone.now().timestamp()
    leads = [sandbox.add_aviv_lead(ingested_at=now - days * DAY) for days in (20, 12)]
    pull(aviv)
    sandbox.erase_aviv(leads[1]["metadata"]["leadId"])
    Window.objects.filter(kind=Window.SPAN).update(due_at=timezone.now())
    sandbox.fault("status", status=400, path="/leads", skip=1)
    assert pull(aviv)["suspected"] == 1
    refused = Window.objects.exclude(problem="").get()
    assert timedelta(hours=11) < refused.due_at - timezone.now() <= timedelta(hours=12)
    Window.objects.filter(pk=refused.pk).update(due_at=timezone.now())
    pull(aviv)
    refused.refresh_from_db()
    assert (refused.problem, refused.rows) == ("", 1)


def test_a_lead_past_its_time_goes_also_while_aviv_does_not_answer(sandbox, aviv, monkeypatch):
    monkeypatch.setattr(pulling, "MOST_FAILURES", 0)
    sandbox.add_aviv_lead()
    pull(aviv)
    Copy.objects.update(expires_at=timezone.now())
    sandbox.fault("status", status=503, times=None, path="/leads")
    with pytest.raises(RemoteError):
        pull(aviv)
    assert Lead.objects.count() == 0


def test_two_intermediaries_see_their_own_leads(sandbox):
    sandbox.set_aviv_readings(intermediary="required")
    north = sandbox_connection(sandbox, "North", intermediary_id="north")
    south = sandbox_connection(sandbox, "South", intermediary_id="south")
    sandbox.add_aviv_lead(agency="north", lastName="Northern")
    sandbox.add_aviv_lead(agency="south", lastName="Southern")
    pull(north)
    pull(south)
    seen = Copy.objects.values_list("connection__name", "lead__last_name").order_by("connection__name")
    assert list(seen) == [("North", "Northern"), ("South", "Southern")]


def test_the_sweep_rings_when_the_newest_reading_is_old_or_a_span_is_due(sandbox, aviv):
    now = timezone.now()
    assert pulling.is_due(aviv, now)
    sandbox.add_aviv_lead()
    pull(aviv)
    now = timezone.now()
    assert not pulling.is_due(aviv, now)
    assert pulling.is_due(aviv, now + timedelta(seconds=50))
    Window.objects.filter(kind=Window.SPAN).update(due_at=now)
    assert pulling.is_due(aviv, now)
