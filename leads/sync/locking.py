"""Row locks, taken in one order everywhere: the lead, then its pushes, then its conflicts."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models
from django.db.models import QuerySet

from leads.models import Lead

M = TypeVar("M", bound=models.Model)


def lock(rows: QuerySet[M]) -> QuerySet[M]:
    """The same rows, locked until the transaction ends. On SQLite the transaction itself is the lock.

    Rows that are only fetched beside them stay free: a connection's row that is locked holds up every save of a push.
    """
    features = connections[rows.db].features
    if not features.has_select_for_update:
        return rows
    is_alone = not rows.query.select_related or not features.has_select_for_update_of
    return rows.select_for_update() if is_alone else rows.select_for_update(of=("self",))


def lock_lead(lead_id: int) -> Lead:
    """The lead, locked."""
    return lock(Lead.objects.filter(pk=lead_id)).get()
