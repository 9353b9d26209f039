"""Health pages. /livez: the process answers. /readyz: so does its database. /workz: work is getting done."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from kombu import Connection as BrokerConnection

from leads.models import Connection, Heartbeat, Push

HEARTBEAT_LIMIT = timedelta(seconds=90)
PUSH_LIMIT = timedelta(minutes=5)


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """503 without a reachable and migrated database; remotes and broker do not matter to a web node."""
    try:
        unapplied = find_unapplied()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    if unapplied:
        return JsonResponse({"status": "unavailable", "database": "not migrated"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok"})


def find_unapplied() -> int:
    """How many migrations are still to be applied; raises DatabaseError. Asked once for all once it is none."""
    if cache.get("leadmirror.migrated"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return 0
    executor = MigrationExecutor(connection)
    unapplied = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not unapplied:
        cache.set("leadmirror.migrated", True, 60)
    return unapplied


def workz(request: HttpRequest) -> JsonResponse:
    """503 when the sweep has not run for 90 s or a push that nothing holds back has been due for 5 minutes."""
    now = timezone.now()
    try:
        beat = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
        late = count_late_pushes(now)
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": "unreachable"}, status=503)
    is_beating = beat is not None and now - beat <= HEARTBEAT_LIMIT
    body = {
        "status": "ok" if is_beating and not late else "unavailable",
        "sweep": beat.isoformat() if beat else None,
        "late_pushes": late,
        "broker": ask_broker(),
    }
    return JsonResponse(body, status=200 if body["status"] == "ok" else 503)


def count_late_pushes(now: datetime) -> int:
    """Pushes due for too long at connections that may call: not paused, not told to wait, breaker not open."""
    free = [
        row.pk
        for row in Connection.objects.filter(state=Connection.OK)
        if not _is_held(row.not_before, now) and not _is_open(row, now)
    ]
    since = now - PUSH_LIMIT
    waiting = Q(state__in=(Push.WAITING, Push.UNCLEAR), due_at__lt=since)
    deserted = Q(state=Push.SENDING, lease_until__lt=since)
    return Push.objects.filter(waiting | deserted, connection__in=free).count()


def _is_held(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


def _is_open(row: Connection, now: datetime) -> bool:
    until = row.breaker.get("open_until")
    return bool(until) and datetime.fromisoformat(until) > now


def ask_broker() -> str:
    """Whether the broker answers, for people; losing it loses nothing."""
    try:
        options = getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {})
        with BrokerConnection(
            settings.CELERY_BROKER_URL, connect_timeout=1, transport_options=options
        ) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    except Exception:  # noqa: BLE001 - each transport has faults of its own, and none of them matters here
        return "unreachable"
    return "ok"
