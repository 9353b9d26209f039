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
from leads.sync import (
    backfilling,
    bulk,
    choosing,
    erasing,
    forwarding,
    pulling,
    pushing,
    receiving,
    referencing,
    reporting,
    rescaling,
    rounds,
    subscribing,
    sweeping,
)

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
    """Read what is worth the most, one worker at a time, then make room and ring again while there is more."""
    now, job = timezone.now(), f"refresh:{connection_id}"
    span = timedelta(seconds=settings.SWEEP_SECONDS - 1)
    is_left = Heartbeat.was_left(job, now)
    if not Heartbeat.claim(job, now, span + timedelta(seconds=2 * settings.HTTP_TOTAL_SECONDS)):
        return
    try:
        connection = Connection.objects.get(pk=connection_id)
        if is_left:
            choosing.take_back(connection, now)
        swept = rounds.refresh_due(connection, now + span)
    finally:
        Heartbeat.release(job)
    if swept.goes_on:
        ring(refresh_due, connection_id=connection_id)


@shared_task(name="leads.recount_schedule")
def recount_schedule(*, connection_id: int) -> None:
    """Sum from scratch what is otherwise kept by adding differences, and put all intervals on one price."""
    now = timezone.now()
    if Heartbeat.claim(f"recount:{connection_id}", now, timedelta(minutes=10)):
        rescaling.recount(Connection.objects.get(pk=connection_id), now)


@shared_task(name="leads.process_deliveries")
def process_deliveries(*, connection_id: int) -> None:
    """Read the leads that webhooks hinted at, one worker at a time."""
    now, job = timezone.now(), f"hints:{connection_id}"
    if not Heartbeat.claim(job, now, SLICE + timedelta(seconds=2 * settings.HTTP_TOTAL_SECONDS)):
        return
    try:
        connection = Connection.objects.get(pk=connection_id)
        wait = receiving.process_due(connection, now + SLICE)
    finally:
        Heartbeat.release(job)
    _ring_for_rules()
    # What arrived while the claim was being let go rang in vain.
    if wait < 1 and receiving.is_pressing(connection, timezone.now()):
        ring(process_deliveries, connection_id=connection_id)


@shared_task(name="leads.forward_leads")
def forward_leads() -> None:
    """Hold what is new against the forwarding rules and hand over what is due, one worker at a time."""
    now = timezone.now()
    if not Heartbeat.claim("forwarding", now, 3 * SLICE):
        return
    try:
        forwarding.forward_news(now + SLICE)
    finally:
        Heartbeat.release("forwarding")
    for connection in Connection.objects.all():
        if sweeping.has_work_for_pushes(connection, timezone.now()):
            ring(deliver_pushes, connection_id=connection.pk)


def _ring_for_rules() -> None:
    """A lead that has just arrived goes on at once."""
    if forwarding.has_work(timezone.now()):
        ring(forward_leads)


@shared_task(name="leads.continue_run")
def continue_run(*, run_id: int) -> None:
    """Work on a run for a while, then make room and ring again."""
    until = timezone.now() + SLICE
    if Run.objects.filter(pk=run_id, kind=Run.PULL).exists():
        run, _ = backfilling.continue_run(run_id, until=until)
    else:
        run = bulk.continue_run(run_id, until=until)
    if run.state == Run.RUNNING and run.lease_until is None and run.due_at <= timezone.now():
        ring(continue_run, run_id=run_id)


@shared_task(name="leads.pull")
def pull(*, connection_id: int) -> None:
    """Pull portal leads, one worker at a time, then make room and ring again while there is more."""
    if pulling.pull_due(Connection.objects.get(pk=connection_id), timezone.now() + SLICE):
        ring(pull, connection_id=connection_id)
    _ring_for_rules()


@shared_task(name="leads.expire_leads")
def expire_leads(*, connection_id: int) -> None:
    """Erase what a portal wants deleted by now, also where it is not read any more."""
    erasing.expire_all(Connection.objects.get(pk=connection_id), timezone.now() + SLICE)


@shared_task(name="leads.watch_subscriptions")
def watch_subscriptions(*, connection_id: int) -> None:
    """Ask how our webhook subscriptions are."""
    subscribing.watch_due(Connection.objects.get(pk=connection_id), timezone.now())


@shared_task(name="leads.sync_reference")
def sync_reference(*, connection_id: int) -> None:
    """List offices and statuses again, at most once a minute however many beats ask for it."""
    if Heartbeat.claim(f"reference:{connection_id}", timezone.now(), timedelta(minutes=1)):
        # Two calls, which must end within the minute; an hourly job can wait its turn.
        referencing.sync_reference(Connection.objects.get(pk=connection_id), patience=25.0)


@shared_task(name="leads.check_connection")
def check_connection(*, connection_id: int) -> None:
    """Ask a paused connection whether it works again."""
    sweeping.check(Connection.objects.get(pk=connection_id))


@shared_task(name="leads.make_report")
def make_report(*, connection_id: int) -> None:
    """Compute what the dashboard says about freshness, one worker at a time, where nobody just did."""
    now, job = timezone.now(), f"report:{connection_id}"
    connection = Connection.objects.get(pk=connection_id)
    if not reporting.is_due(connection, now) or not Heartbeat.claim(job, now, timedelta(minutes=5)):
        return
    try:
        reporting.keep_report(connection, now)
    finally:
        Heartbeat.release(job)


BY_NAME: dict[str, Task[..., Any]] = {
    "deliver_pushes": deliver_pushes,
    "refresh_due": refresh_due,
    "recount_schedule": recount_schedule,
    "process_deliveries": process_deliveries,
    "continue_run": continue_run,
    "forward_leads": forward_leads,
    "pull": pull,
    "expire_leads": expire_leads,
    "sync_reference": sync_reference,
    "watch_subscriptions": watch_subscriptions,
    "check_connection": check_connection,
    "make_report": make_report,
}
