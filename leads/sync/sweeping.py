"""Finds what is due, in rows: the answer to every doorbell that was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from leads.models import Connection, Delivery, Push, Remote, Run
from leads.models.connection import ENDS_BY_ITSELF
from leads.remotes import check_connection
from leads.sync import choosing, erasing, forwarding, pulling, referencing, reporting, rescaling, subscribing
from leads.sync.restoring import stop_where_not_ours

#: How often a connection that is paused over its key or address is tried.
PROBE_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Job:
    """A task to ring for, by name, and its ids."""

    task: str
    ids: dict[str, int]


def find_due(now: datetime) -> Iterator[Job]:
    """Everything that should be worked on now: a few index probes. Nothing, where this database is not ours."""
    if stop_where_not_ours(now):
        return
    for connection in Connection.objects.all():
        if reporting.is_due(connection, now):
            yield Job("make_report", {"connection_id": connection.pk})
        if erasing.has_expired(connection, now):
            yield Job("expire_leads", {"connection_id": connection.pk})
        if not connection.can_call:
            continue
        if connection.is_paused:
            if _is_worth_a_try(connection, now):
                yield Job("check_connection", {"connection_id": connection.pk})
            continue
        yield from _due_at(connection, now)
    if forwarding.has_work(now):
        yield Job("forward_leads", {})
    for run_id in Run.objects.due(now).order_by("id").values_list("pk", flat=True)[:50]:
        yield Job("continue_run", {"run_id": run_id})


def _is_worth_a_try(connection: Connection, now: datetime) -> bool:
    """A pause over key or address is tried every few minutes, and at once where a new key was put in."""
    if connection.reason_code not in ENDS_BY_ITSELF:
        return False
    return connection.has_new_key or _is_older(connection.last_probe_at, PROBE_EVERY, now)


def _due_at(connection: Connection, now: datetime) -> Iterator[Job]:
    ids = {"connection_id": connection.pk}
    if has_work_for_pushes(connection, now):
        yield Job("deliver_pushes", ids)
    if Delivery.objects.filter(connection=connection, state=Delivery.WAITING, due_at__lte=now).exists():
        yield Job("process_deliveries", ids)
    for task, is_due in WATCHED.get(Remote(connection.remote), {}).items():
        if is_due(connection, now):
            yield Job(task, ids)


def _is_reference_due(connection: Connection, now: datetime) -> bool:
    return _is_older(connection.reference_synced_at, timedelta(seconds=referencing.EVERY_SECONDS), now)


#: What each remote needs by the clock: task to when it is due.
WATCHED: dict[Remote, dict[str, Callable[[Connection, datetime], bool]]] = {
    Remote.LEADPRO: {
        "sync_reference": _is_reference_due,
        "refresh_due": choosing.has_work,
        "recount_schedule": rescaling.is_due,
    },
    Remote.AVIV: {"pull": pulling.is_due, "watch_subscriptions": subscribing.is_due},
}


def has_work_for_pushes(connection: Connection, now: datetime) -> bool:
    """Whether a push is due, or was left behind by a worker that died."""
    mine = Push.objects.filter(connection=connection)
    return mine.due(now).exists() or mine.filter(state=Push.SENDING, lease_until__lt=now).exists()


def check(connection: Connection) -> None:
    """One call past the pause; the connection resumes by itself when it works."""
    check_connection(connection, timezone.now())


def _is_older(at: datetime | None, than: timedelta, now: datetime) -> bool:
    return at is None or now - at >= than
