"""Webhook to delivery to refresh. A delivery is a hint: the lead is read again before the mirror changes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.errors import PermanentError, RateLimited, RemoteError
from integrations.leadpro.webhook import parse_hook
from leads.models import Cause, Connection, Delivery, Lane
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected
from leads.sync.refreshing import refresh_remote_id
from leads.sync.storing import UNCHANGED

MOST_TRIES = 8
BATCH = 200


def keep(connection: Connection, body: bytes, data: dict[str, Any], now: datetime) -> Delivery:
    """Store a delivery, whatever is in it. Nothing that can fail comes before this."""
    hook = parse_hook(data)
    return Delivery.objects.create(
        connection=connection,
        received_at=now,
        due_at=now,
        body=data,
        digest=hashlib.sha256(body).hexdigest(),
        event=hook.event[:60],
        remote_id=str(hook.lead_id or ""),
    )


def process_due(connection: Connection, until: datetime) -> float:
    """Read every lead that waiting deliveries name, once each. Seconds to wait before coming again (0: done)."""
    while timezone.now() < until:
        hints = _waiting_hints(connection, timezone.now())
        if not hints:
            return 0.0
        for remote_id, ids in hints.items():
            wait = _process(connection, remote_id, ids)
            if wait:
                return wait
            if timezone.now() >= until:
                return 0.1
    return 0.1


def _waiting_hints(connection: Connection, now: datetime) -> dict[str, list[int]]:
    hints: dict[str, list[int]] = defaultdict(list)
    rows = Delivery.objects.filter(connection=connection, state=Delivery.WAITING, due_at__lte=now).order_by(
        "id"
    )
    for pk, remote_id in rows.values_list("pk", "remote_id")[:BATCH]:
        hints[remote_id].append(pk)
    return hints


def _process(connection: Connection, remote_id: str, ids: list[int]) -> float:
    if not remote_id:
        _settle(ids, Delivery.FAILED, None, "The delivery names no lead. It is kept; nothing was read.")
        return 0.0
    try:
        stored = refresh_remote_id(connection, int(remote_id), Lane.HINT, Cause.WEBHOOK, patience=1.0)
    except BudgetSpent as error:
        return error.wait
    except (ConnectionPaused, NotConnected, RateLimited):
        return 30.0
    except PermanentError as error:
        _settle(ids, Delivery.FAILED, None, error.summary)
    except RemoteError as error:
        _try_later(ids, error.summary)
    else:
        _settle(ids, Delivery.DONE, stored.outcome != UNCHANGED, "")
    return 0.0


def _settle(ids: list[int], state: str, changed: bool | None, problem: str) -> None:
    """The first delivery gets the outcome; the others that named the same lead were answered by the same read."""
    now = timezone.now()
    with transaction.atomic():
        waiting = Delivery.objects.filter(pk__in=ids, state=Delivery.WAITING)
        waiting.filter(pk=ids[0]).update(
            state=state, changed_something=changed, problem=problem[:500], processed_at=now
        )
        rest = Delivery.REPEATED if state == Delivery.DONE else state
        waiting.exclude(pk=ids[0]).update(
            state=rest, changed_something=False if state == Delivery.DONE else None, processed_at=now
        )


def _try_later(ids: list[int], problem: str) -> None:
    now = timezone.now()
    Delivery.objects.filter(pk__in=ids, tries__gte=MOST_TRIES).update(
        state=Delivery.FAILED, problem=problem[:500], processed_at=now
    )
    for row in Delivery.objects.filter(pk__in=ids, state=Delivery.WAITING):
        later = now + timedelta(seconds=min(5 * 2**row.tries, 600))
        Delivery.objects.filter(pk=row.pk).update(tries=F("tries") + 1, due_at=later, problem=problem[:500])
