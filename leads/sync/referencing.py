"""Offices, statuses and stages of a Lead.pro account, as listed by Lead.pro."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.errors import RemoteError
from leads.models import Connection, Lane, Office, Stage, Status
from leads.remotes import ConnectionPaused, NotConnected, open_leadpro
from leads.sync import learning

#: How often the sweep lists them again.
EVERY_SECONDS = 3600.0


def sync_reference(
    connection: Connection, lane: str = Lane.BULK, *, patience: float = 5.0
) -> tuple[int, int]:
    """List offices and statuses again: (offices, statuses). Repeatable; what is gone is marked, not deleted.

    Raises RemoteError where the offices cannot be read. The statuses' address is a guess, so a failure there is only
    noted on the connection and the last list is kept.
    """
    remote = open_leadpro(connection, lane, patience=patience)
    offices = remote.get_offices()
    try:
        statuses, problem = remote.get_statuses(), ""
    except (ConnectionPaused, NotConnected):
        raise
    except RemoteError as error:
        statuses, problem = None, error.summary[:500]
    now = timezone.now()
    with transaction.atomic():
        _store_offices(connection, offices, now)
        if statuses is not None:
            _store_statuses(connection, statuses, now)
        Connection.objects.filter(pk=connection.pk).update(reference_synced_at=now, statuses_problem=problem)
    learning.forget(connection)
    return len(offices), len(statuses) if statuses is not None else Status.objects.filter(
        connection=connection, is_gone=False
    ).count()


def _store_offices(connection: Connection, rows: list[Any], now: datetime) -> None:
    for row in rows:
        Office.objects.update_or_create(
            connection=connection,
            office_id=row.id,
            defaults={"name": row.name, "is_gone": False, "seen_at": now},
        )
    Office.objects.filter(connection=connection, seen_at__lt=now).update(is_gone=True)


def _store_statuses(connection: Connection, rows: list[Any], now: datetime) -> None:
    for row in rows:
        stage = None
        if row.stage_id is not None:
            stage, _ = Stage.objects.get_or_create(connection=connection, stage_id=row.stage_id)
        Status.objects.update_or_create(
            connection=connection,
            status_id=row.id,
            defaults={
                "name": row.name,
                "stage": stage,
                "is_predefined": row.is_predefined,
                "is_gone": False,
                "seen_at": now,
            },
        )
    Status.objects.filter(connection=connection, seen_at__lt=now).update(is_gone=True)
