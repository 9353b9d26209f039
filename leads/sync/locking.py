"""Row locks, taken in one order everywhere: the lead, then its pushes, then its conflicts."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models
from django.db.models import QuerySet

from leads.models import Lead

M = TypeVar("M", bound=models.Model)


def lock(rows: QuerySet[M]) -> QuerySet[M]:
    """The same rows, locked until the transaction ends. On SQLite the transaction itself is the lock."""
    return rows.select_for_update() if connections[rows.db].features.has_select_for_update else rows


def lock_lead(lead_id: int) -> Lead:
    """The lead, locked."""
    return lock(Lead.objects.filter(pk=lead_id)).get()
