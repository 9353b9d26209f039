"""Back-fills from the sandbox's AVIV over real sockets: paused, resumed, cancelled, through faults, each lead once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from leads.models import Change, Copy, Heartbeat, Run, Window
from leads.sync import backfilling, pulling
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


def backfill(account, days):
    now = timezone.now()
    run = backfilling.start(account, now - timedelta(days=days), None, actor="ada", now=now)
    return backfilling.continue_run(run.pk)


@pytest.mark.parametrize("order", ["ascending", "descending", "by_id", "arrival"])
@pytest.mark.parametrize("bounds", ["both", "min", "max", "neither"])
def test_a_back_fill_finds_every_lead_once_under_every_order_and_bounds(sandbox, aviv, order, bounds):
    sandbox.set_aviv_readings(order=order, bounds=bounds)
    sandbox.seed_aviv(20, 1000)
    run, counts = backfill(aviv, 20)
    assert (run.state, run.done, run.total) == (Run.DONE, 3, 3)
    assert counts["created"] == 1000
    assert mirrored_ids() == shown_ids(sandbox)
    assert_kept_to_the_rules(sandbox)


@pytest.mark.parametrize(
    "reading",
    [
        {"links_last": "null"},
        {"links_last": "none", "next_when": "full"},
        {"links_form": "relative"},
        {"next_when": "full"},
        {"next_when": "full", "empty": "404"},
        {"empty": "404", "unknown_start": "empty"},
        {"empty": "204"},
        {"partial_206": True},
        {"page_metadata": "absent"},
        {"error_body": "envelope"},
        {"extra_fields": True, "ttl_key": "ttl"},
        {"rate_rule": "recent", "limit_says_when": True},
        {"intermediary": "optional", "shows_is_owner": False},
    ],
    ids=str,
)
def test_a_back_fill_finds_every_lead_once_under_every_form_of_a_page(sandbox, aviv, reading):
    sandbox.set_aviv_readings(**reading)
    sandbox.seed_aviv(15, 300)
    run, counts = backfill(aviv, 60)
    assert run.state == Run.DONE, run.problem
    assert counts["created"] == 300
    assert mirrored_ids() == shown_ids(sandbox)
    assert_kept_to_the_rules(sandbox)


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 500},
        {"action": "rate_limit", "retry_after": 1},
        {"action": "drop"},
        {"action": "drop_after"},
        {"action": "truncated"},
        {"action": "html"},
        {"action": "empty"},
        {"action": "bad_json"},
        {"action": "wrong_shape"},
    ],
    ids=lambda fault: fault["action"] + str(fault.get("status", "")),
)
def test_a_fault_on_the_way_costs_a_retry_and_no_lead(sandbox, aviv, fault):
    sandbox.seed_aviv(10, 450)
    sandbox.fault(**fault, method="GET", path="/leads", skip=2)
    run, counts = backfill(aviv, 10)
    assert (run.state, run.failed, run.problem) == (Run.DONE, 0, "")
    assert counts["created"] == 450
    assert mirrored_ids() == shown_ids(sandbox)
    assert Change.objects.count() == 450


def test_a_window_goes_on_where_it_stood_and_a_stale_cursor_is_not_trusted(sandbox, aviv):
    sandbox.seed_aviv(2, 250)
    run = backfilling.start(aviv, timezone.now() - timedelta(days=3), None, actor="ada", now=timezone.now())
    stop_after(run, 1)
    assert Window.objects.get(kind=Window.RUN).seen == 100
    sandbox.clear_log()
    stop_after(run, 1)
    assert [bool(entry.query.get("start")) for entry in pages(sandbox)] == [True]
    Window.objects.filter(kind=Window.RUN).update(paged_at=timezone.now() - timedelta(hours=2))
    sandbox.clear_log()
    run, counts = backfilling.continue_run(run.pk)
    assert [bool(entry.query.get("start")) for entry in pages(sandbox)] == [False, True, True]
    assert (run.state, counts["created"], counts["unchanged"]) == (Run.DONE, 50, 200)


def stop_after(run, number):
    """Work for so many pages, then pause and make ready to resume."""

    def paused(counts: Counter[str]) -> None:
        if counts["pages"] == number:
            Run.objects.get(pk=run.pk).pause()

    stopped, _ = backfilling.continue_run(run.pk, on_page=paused)
    assert stopped.state == Run.PAUSED
    stopped.resume(timezone.now())


def test_a_cancelled_back_fill_reads_no_more(sandbox, aviv):
    sandbox.seed_aviv(30, 300)
    run = backfilling.start(aviv, timezone.now() - timedelta(days=30), None, actor="ada", now=timezone.now())
    run.cancel(timezone.now())
    run, counts = backfilling.continue_run(run.pk)
    assert (run.state, counts.total()) == (Run.CANCELLED, 0)
    assert pages(sandbox) == []


def test_the_same_back_fill_asked_for_again_goes_on(sandbox, aviv):
    since, now = timezone.now() - timedelta(days=30), timezone.now()
    first = backfilling.start(aviv, since, None, actor="ada", now=now)
    again = backfilling.start(aviv, since, None, actor="bob", now=now + timedelta(hours=1))
    assert first.pk == again.pk


def test_the_lead_to_go_on_from_may_be_gone(sandbox, aviv):
    sandbox.set_aviv_readings(empty="404", unknown_start="empty")
    sandbox.seed_aviv(2, 250)

    def lose(counts: Counter[str]) -> None:
        if counts["pages"] == 1:
            sandbox.delete_aviv(Window.objects.get(kind=Window.RUN).start)

    run = backfilling.start(aviv, timezone.now() - timedelta(days=3), None, actor="ada", now=timezone.now())
    run, _ = backfilling.continue_run(run.pk, on_page=lose)
    assert run.state == Run.DONE
    assert set(mirrored_ids()) >= set(shown_ids(sandbox))


def test_a_period_that_aviv_refuses_is_marked_and_the_rest_is_read(sandbox, aviv):
    sandbox.seed_aviv(2, 50)
    sandbox.fault("status", status=400, path="/leads", skip=1)
    run, counts = backfill(aviv, 20)
    assert (run.state, run.done, run.failed) == (Run.DONE, 2, 1)
    assert counts["created"] == 50
    assert Window.objects.exclude(problem="").get().problem


def test_a_worker_whose_claim_was_taken_over_stores_nothing_more(sandbox, aviv):
    sandbox.seed_aviv(2, 250)
    run = backfilling.start(aviv, timezone.now() - timedelta(days=3), None, actor="ada", now=timezone.now())

    def lose(counts: Counter[str]) -> None:
        Heartbeat.objects.update(until=timezone.now() + timedelta(seconds=77))

    run, counts = backfilling.continue_run(run.pk, on_page=lose)
    assert counts["pages"] == 1
    assert Copy.objects.count() == 100
    assert run.state == Run.RUNNING
