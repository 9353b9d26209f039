"""Somebody has a lead before them now: its next look comes first."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from leads.models import Connection, Copy
from leads.models.durability import allow_losing_this

log = logging.getLogger("leads.wanting")

#: How long a lead stays wanted after a page or an app asked for it.
PAGE_SECONDS, APP_SECONDS = 120.0, 60.0
#: However often somebody asks, a lead is written at most once in this time.
WRITE_EVERY = timedelta(seconds=60)
#: The interval that puts a copy into the first class, in business seconds.
FIRST_INTERVAL = 60.0


def want(lead_ids: Iterable[int], now: datetime, seconds: float, *, by_app: bool = False) -> set[int]:
    """Have these leads looked at first, for so many seconds; the connections that have something to read now.

    Nothing happens to leads of paused connections, to gone leads and to those that no schedule looks at. An app that
    reads all leads in turn must not push aside what people look at, so apps may want no more leads at a time than
    half a minute's budget reads. A hint: where the database is busy it is dropped.
    """
    span = timedelta(seconds=seconds)
    copies = [
        copy
        for copy in _not_asked_lately(lead_ids, now, span)
        if not (by_app and is_crowded(copy.connection, now))
    ]
    if not copies:
        return set()
    try:
        with transaction.atomic():
            allow_losing_this()
            for copy in copies:
                _come_first(copy, now, span)
    except DatabaseError as fault:
        log.warning("a wanted lead was not noted", extra={"fault": type(fault).__name__})
        return set()
    return {copy.connection_id for copy in copies}


def _not_asked_lately(lead_ids: Iterable[int], now: datetime, span: timedelta) -> Iterable[Copy]:
    """Most calls end here, without a write and without waiting for one."""
    rows = Copy.objects.filter(
        ~Q(wanted_until__gt=now + span - WRITE_EVERY),
        lead_id__in=list(lead_ids),
        refresh_class__isnull=False,
        gone_at__isnull=True,
        connection__state=Connection.OK,
    )
    return rows.select_related("connection").defer("raw").order_by("pk")


def _come_first(copy: Copy, now: datetime, span: timedelta) -> None:
    floor = timedelta(seconds=settings.REFRESH_FLOOR_SECONDS)
    Copy.objects.filter(pk=copy.pk).update(
        wanted_until=now + span,
        refresh_class=0,
        refresh_interval=FIRST_INTERVAL,
        next_refresh_at=max(now, (copy.last_attempt_at or copy.seen_at) + floor),
    )


def is_crowded(connection: Connection, now: datetime) -> bool:
    """Whether half a minute's budget of this connection's copies is wanted already. Looks at the first class only."""
    most = max(1, int(connection.setting("requests_per_minute") or 1) // 2)
    first = Copy.objects.filter(connection=connection, refresh_class=0, wanted_until__gt=now)
    return len(first.values_list("pk", flat=True)[:most]) >= most
