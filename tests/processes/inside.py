"""What tests ask of a house and do in it. Runs in a process of the house, beside its web server and its worker."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from leads import tasks
from leads.models import (
    ApiKey,
    Attempt,
    Change,
    Connection,
    Copy,
    Heartbeat,
    Lead,
    Office,
    Push,
    Run,
    RunItem,
    Send,
    Status,
)
from leads.sync import bulk, pushing


def make_key() -> str:
    return ApiKey.make("tests", ["leads:read", "leads:write"], [], timezone.now())[1]


def save_lead(values: dict[str, Any], doorbell: bool = True) -> int:
    """As a form or an app does: the push's id."""
    connection = Connection.objects.get()
    push = pushing.request_create(values, connection=connection, actor="tests", now=timezone.now())
    if doorbell:
        tasks.ring(tasks.deliver_pushes, connection_id=connection.pk)
    return push.pk


def edit_lead(leadpro_id: int, changes: dict[str, Any], doorbell: bool = True) -> int:
    """The push's id."""
    lead = Lead.objects.get(leadpro_id=leadpro_id)
    push = pushing.request_update(lead, changes, actor="tests", now=timezone.now())
    if doorbell:
        tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
    return push.pk


def start_refresh(leadpro_ids: list[int], lane: str) -> int:
    """The run's id."""
    leads = Lead.objects.filter(leadpro_id__in=leadpro_ids).values_list("pk", flat=True)
    (run,) = bulk.start_refresh(leads, actor="tests", lane=lane, now=timezone.now())
    tasks.ring(tasks.continue_run, run_id=run.pk)
    return run.pk


def start_import(leadpro_ids: list[int]) -> int:
    """The run's id. Unlike ``import_leads`` it starts no other process."""
    keys = [{"leadpro_id": leadpro_id} for leadpro_id in leadpro_ids]
    run = bulk.start(
        Run.IMPORT, Connection.objects.get(), keys, actor="tests", lane="bulk", now=timezone.now()
    )
    tasks.ring(tasks.continue_run, run_id=run.pk)
    return run.pk


def run_counts(run_id: int) -> dict[str, Any]:
    run = Run.objects.get(pk=run_id)
    items = Counter(RunItem.objects.filter(run=run).values_list("state", flat=True))
    return {
        "state": run.state,
        "total": run.total,
        "done": run.done,
        "failed": run.failed,
        "items": dict(items),
        "is_held": run.lease_until is not None,
        "due_in": (run.due_at - timezone.now()).total_seconds(),
    }


def find_lead(leadpro_id: int) -> dict[str, Any] | None:
    found = Lead.objects.filter(leadpro_id=leadpro_id).first()
    return {"id": found.pk, "status": found.status} if found else None


def find_run_of(actor_has: str) -> int | None:
    """The newest run that this actor started."""
    return Run.objects.filter(actor__contains=actor_has).values_list("pk", flat=True).first()


def table_counts() -> dict[str, int]:
    return {
        "leads": Lead.objects.count(),
        "copies": Copy.objects.count(),
        "remote_ids": Lead.objects.exclude(leadpro_id=None).values("leadpro_id").distinct().count(),
        "first_sights": Change.objects.values("lead").distinct().count(),
        "changes": Change.objects.count(),
    }


def push_states() -> dict[str, int]:
    return dict(Counter(Push.objects.values_list("state", flat=True)))


def push_rows() -> list[dict[str, Any]]:
    """Oldest first."""
    names = (
        "id",
        "kind",
        "state",
        "attempts",
        "token",
        "remote_id",
        "problem_code",
        "deaths",
        "rounds",
        "lead_id",
    )
    return [*Push.objects.order_by("pk").values(*names)]


def attempt_outcomes(push_id: int) -> list[str]:
    return list(Attempt.objects.filter(push_id=push_id).order_by("pk").values_list("outcome", flat=True))


def heartbeat_age() -> float | None:
    at = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    return None if at is None else (timezone.now() - at).total_seconds()


def reference_counts() -> list[int]:
    return [Office.objects.count(), Status.objects.count()]


def make_due() -> int:
    """Have every copy looked at again; how many there are."""
    return Copy.objects.update(next_refresh_at=timezone.now() - timedelta(minutes=1))


def count_due() -> int:
    return Copy.objects.due(Connection.objects.get(), timezone.now()).count()


def sends_at() -> list[float]:
    """When the budget let calls through, oldest first."""
    return list(Send.objects.order_by("seq").values_list("at", flat=True))


def hurry() -> int:
    """Spare a healing house its long waits: breakers close, what backs off is due, and a person clicks "Try again".

    How many clicks it took.
    """
    Connection.objects.update(breaker={}, not_before=None)
    parked = list(Push.objects.filter(state=Push.NEEDS_ATTENTION))
    for push in parked:
        pushing.retry(push, "tests", timezone.now())
    Push.objects.filter(state=Push.WAITING).update(due_at=timezone.now())
    tasks.ring(tasks.deliver_pushes, connection_id=Connection.objects.get().pk)
    return len(parked)
