"""Celery tasks: load by id and one call into sync. They are doorbells; the sweep finds what is due without them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.app.task import Task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from leads.models import Connection, Heartbeat, Run
from leads.sync import bulk, pushing, receiving, referencing, refreshing, sweeping

log = logging.getLogger("leads.tasks")

#: No task works longer than this at a stretch, so that a person's click finds a free thread soon.
SLICE = timedelta(seconds=10)


def ring(task: Task[..., Any], **ids: int) -> None:
    """Publish a doorbell once the transaction is committed. A sick broker costs seconds at most, never the work."""

    def publish() -> None:
        try:
            task.apply_async(kwargs=ids, ignore_result=True)
        except Exception as fault:  # noqa: BLE001 - whatever the broker does, the row is saved and the sweep finds it
            log.warning(
                "doorbell not published", extra={"task_name": task.name, "fault": type(fault).__name__}
            )

    transaction.on_commit(publish)


@shared_task(name="leads.sweep")
def sweep() -> None:
    """Every 15 s: ring for whatever is due."""
    now = timezone.now()
    Heartbeat.beat("sweep", now)
    for job in sweeping.find_due(now):
        ring(BY_NAME[job.task], **job.ids)


@shared_task(name="leads.deliver_pushes")
def deliver_pushes(*, connection_id: int) -> None:
    """Send what waits for this connection."""
    pushing.deliver_due(Connection.objects.get(pk=connection_id), until=timezone.now() + SLICE)


@shared_task(name="leads.refresh_due")
def refresh_due(*, connection_id: int) -> None:
    """Read what is due, one worker at a time, until just before the next sweep."""
    now, job = timezone.now(), f"refresh:{connection_id}"
    span = timedelta(seconds=settings.SWEEP_SECONDS - 1)
    if not Heartbeat.claim(job, now, span + timedelta(seconds=2 * settings.HTTP_TOTAL_SECONDS)):
        return
    try:
        refreshing.refresh_due(Connection.objects.get(pk=connection_id), now + span)
    finally:
        Heartbeat.release(job)


@shared_task(name="leads.process_deliveries")
def process_deliveries(*, connection_id: int) -> None:
    """Read the leads that webhooks hinted at, one worker at a time."""
    now, job = timezone.now(), f"hints:{connection_id}"
    if not Heartbeat.claim(job, now, SLICE + timedelta(seconds=2 * settings.HTTP_TOTAL_SECONDS)):
        return
    try:
        receiving.process_due(Connection.objects.get(pk=connection_id), now + SLICE)
    finally:
        Heartbeat.release(job)


@shared_task(name="leads.continue_run")
def continue_run(*, run_id: int) -> None:
    """Work on a run for a while, then make room and ring again."""
    run = bulk.continue_run(run_id, until=timezone.now() + SLICE)
    if run.state == Run.RUNNING and run.lease_until is None and run.due_at <= timezone.now():
        ring(continue_run, run_id=run_id)


@shared_task(name="leads.sync_reference")
def sync_reference(*, connection_id: int) -> None:
    """List offices and statuses again, at most once a minute however many beats ask for it."""
    if Heartbeat.claim(f"reference:{connection_id}", timezone.now(), timedelta(minutes=1)):
        referencing.sync_reference(Connection.objects.get(pk=connection_id))


@shared_task(name="leads.check_connection")
def check_connection(*, connection_id: int) -> None:
    """Ask a paused connection whether it works again."""
    sweeping.check(Connection.objects.get(pk=connection_id))


BY_NAME: dict[str, Task[..., Any]] = {
    "deliver_pushes": deliver_pushes,
    "refresh_due": refresh_due,
    "process_deliveries": process_deliveries,
    "continue_run": continue_run,
    "sync_reference": sync_reference,
    "check_connection": check_connection,
}
