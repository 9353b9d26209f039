"""What tests ask of a house and do in it. Runs in a process of the house, beside its web server and its worker."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from leads import tasks
from leads.models import (
    ApiKey,
    Attempt,
    Change,
    Connection,
    Contact,
    Copy,
    Delivery,
    Erasure,
    Heartbeat,
    Lead,
    Office,
    Push,
    Run,
    RunItem,
    Schedule,
    Send,
    Status,
    Window,
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
    """Have every copy looked at again, and nobody looked up; how many copies there are."""
    Contact.objects.update(last_attempt_at=timezone.now() + timedelta(days=1))
    past = timezone.now() - timedelta(days=200)
    return Copy.objects.update(next_refresh_at=timezone.now() - timedelta(minutes=1), last_attempt_at=past)


def count_due() -> int:
    return Copy.objects.due(Connection.objects.get(), timezone.now()).count()


def sends_at() -> list[float]:
    """When the budget let calls through, oldest first."""
    return list(Send.objects.order_by("seq").values_list("at", flat=True))


def webhook_path() -> str:
    return f"/webhooks/{Connection.objects.get().webhook_secret}/"


def delivery_states() -> dict[str, int]:
    return dict(Counter(Delivery.objects.values_list("state", flat=True)))


def count_unread(since: float) -> int:
    """Copies that are due and were not read since then (Unix time)."""
    at = datetime.fromtimestamp(since, UTC)
    return Copy.objects.filter(next_refresh_at__lte=timezone.now(), as_of__lt=at).count()


def read_since(since: float) -> dict[str, Any]:
    """Lead.pro's id to what was read of it since then."""
    rows = Copy.objects.filter(as_of__gte=datetime.fromtimestamp(since, UTC))
    return dict(rows.values_list("remote_id", "raw"))


def intervals() -> dict[str, float]:
    """Lead.pro's id to the interval between looks, in business seconds."""
    return dict(Copy.objects.values_list("remote_id", "refresh_interval"))


def sent_by_lane() -> dict[str, int]:
    return dict(Counter(Send.objects.values_list("lane", flat=True)))


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


def mirrored_from_aviv() -> dict[str, Any]:
    """Remote ids of the copies, and how many rows hang on them."""
    ids = list(Copy.objects.filter(connection__remote="aviv").values_list("remote_id", flat=True))
    return {
        "ids": ids,
        "leads": Lead.objects.filter(origin="aviv").count(),
        "first_sights": Change.objects.filter(cause="pull", fields__has_key="created_at").count(),
        "erased": Change.objects.filter(cause="erased").count(),
        "run": list(Run.objects.filter(kind="pull").values_list("state", "done", "failed", "total")),
    }


def let_an_hour_pass() -> int:
    """What one read showed of erased people is an hour old now, and the newest six spans are to be read again."""
    newest = Window.objects.filter(kind=Window.SPAN).order_by("-since").values_list("pk", flat=True)[:6]
    Window.objects.filter(pk__in=list(newest)).update(due_at=timezone.now())
    long_ago = timezone.now() - timedelta(minutes=75)
    return Erasure.objects.filter(erased_at__isnull=True).update(noticed_at=long_ago)


def want_report() -> None:
    """Have the next sweep compute what the dashboard says, without waiting for its turn."""
    Schedule.objects.update(reported_at=None)


def rest_schedule() -> None:
    """Nothing that is known now is looked at by itself any more: what changes there, only a person's click finds."""
    Copy.objects.update(refresh_class=None)
    Contact.objects.update(refresh_class=None)
