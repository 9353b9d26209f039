"""Runs: slices, crashes, pauses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Cause, Connection, Copy, Lane, Lead, Run, RunItem
from leads.sync import bulk, refreshing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mirrored(sandbox: Sandbox, leadpro: Connection) -> list[int]:
    """Three leads that are here and there; their ids here."""
    ids = []
    for n in range(3):
        there = sandbox.add_lead(email=f"p{n}@example.org")["id"]
        ids.append(refreshing.refresh_remote_id(leadpro, there, Lane.BULK, Cause.IMPORT).lead_id)
    sandbox.clear_log()
    return ids


def test_a_refresh_of_many_reads_each_once_and_counts_them(sandbox: Sandbox, mirrored: list[int]) -> None:
    (run,) = bulk.start_refresh(mirrored, actor="ada", now=timezone.now())
    run = bulk.continue_run(run.pk)
    assert (run.state, run.total, run.done, run.failed) == ("done", 3, 3, 0)
    assert len(sandbox.log) == 3
    assert bulk.continue_run(run.pk).state == "done" and len(sandbox.log) == 3


def test_leads_that_are_only_here_are_left_out(leadpro: Connection) -> None:
    now = timezone.now()
    lead = Lead.objects.create(listed_at=now, first_seen_at=now, changed_at=now)
    assert bulk.start_refresh([lead.pk], actor="ada", now=now) == []


def test_a_run_that_was_cut_off_goes_on_when_its_claim_has_lapsed(
    sandbox: Sandbox, mirrored: list[int]
) -> None:
    (run,) = bulk.start_refresh(mirrored, actor="ada", now=timezone.now())
    assert run.claim(timezone.now(), bulk.find_lease())
    assert bulk.continue_run(run.pk).done == 0, "somebody else holds it"
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert bulk.continue_run(run.pk).done == 3


def test_a_paused_run_stops_and_goes_on_and_a_cancelled_one_does_not(
    sandbox: Sandbox, mirrored: list[int]
) -> None:
    (run,) = bulk.start_refresh(mirrored, actor="ada", now=timezone.now())
    assert run.pause()
    assert bulk.continue_run(run.pk).done == 0
    assert run.resume(timezone.now())
    run = bulk.continue_run(
        run.pk, on_progress=lambda r: Run.objects.get(pk=r.pk).cancel(timezone.now()) or None
    )
    assert (run.state, run.done) == ("cancelled", 1)
    assert not Run.objects.get(pk=run.pk).resume(timezone.now())


def test_a_failing_remote_is_tried_again_later_and_then_said(sandbox: Sandbox, mirrored: list[int]) -> None:
    sandbox.fault("status", status=500, times=None)
    (run,) = bulk.start_refresh(mirrored[:1], actor="ada", now=timezone.now())
    run = bulk.continue_run(run.pk)
    assert (
        run.state == "running"
        and run.due_at > timezone.now() - timedelta(seconds=1)
        and run.lease_until is None
    )
    RunItem.objects.update(due_at=timezone.now())
    Run.objects.update(due_at=timezone.now())
    run = bulk.continue_run(run.pk)
    assert (run.state, run.failed) == ("done", 1)
    assert RunItem.objects.get().problem
    assert Copy.objects.count() == 3


def test_a_shut_remote_makes_the_run_wait_and_no_item_fails(leadpro: Connection, mirrored: list[int]) -> None:
    leadpro.pause("credentials", "The key is refused.", timezone.now())
    (run,) = bulk.start_refresh(mirrored, actor="ada", now=timezone.now())
    run = bulk.continue_run(run.pk)
    assert (run.state, run.done, run.failed, run.problem) == ("running", 0, 0, "The key is refused.")
    assert run.due_at > timezone.now() + timedelta(seconds=20)
