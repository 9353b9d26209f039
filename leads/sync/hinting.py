"""What AVIV's webhook says: there is something to pull. Nothing in it is believed, and its sender must prove itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from integrations.aviv.webhook import find_lead_ids, key_matches
from integrations.errors import PermanentError, RateLimited, RemoteError
from leads.models import Connection, Copy, Delivery, Erasure, Subscription, Window
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected
from leads.sync import erasing, pulling

NOT_OURS = "The key in this delivery is not that of our subscription. It is kept; nothing is read for it."
NEVER_CAME = "AVIV announced a lead that no pull has found."
#: A lead that was announced and is not shown yet is looked for once more, that much later.
NOT_YET = timedelta(seconds=60)
MOST_TRIES, BATCH = 8, 200
BUSY_WAIT, SHUT_WAIT = 1.0, 30.0


def parse(data: dict[str, Any]) -> tuple[str, str]:
    """(event, the id of the one lead it is about); empty where there is none."""
    ids = find_lead_ids(data)
    event = data.get("event")
    return event if isinstance(event, str) else "", ids[0][:100] if len(ids) == 1 else ""


def refuse(connection: Connection, proof: Mapping[str, str], body: bytes) -> str:
    """Why this delivery is not AVIV's, or nothing. Where no subscription was made here, its address is proof enough."""
    keys = [row.key for row in Subscription.objects.filter(connection=connection) if row.secret]
    matches = [key_matches(proof, body, key) for key in keys]
    return NOT_OURS if keys and not any(matches) else ""


def process_due(connection: Connection, until: datetime) -> float:
    """One pull for all deliveries that wait. Seconds to wait before coming again (0: done)."""
    rows = Delivery.objects.filter(connection=connection, state=Delivery.WAITING).order_by("due_at", "id")
    following = rows.values_list("due_at", flat=True).first()
    if following is None:
        return 0.0
    wait = (following - timezone.now()).total_seconds()
    if wait > 1.0 or timezone.now() + timedelta(seconds=max(wait, 0)) >= until:
        return max(wait, 0.1)
    time.sleep(max(0.0, wait))
    waiting = list(rows.filter(due_at__lte=timezone.now())[:BATCH])
    asked_at = timezone.now()
    Delivery.objects.filter(pk__in=[row.pk for row in waiting]).update(read_started_at=asked_at)
    return _pull(connection, waiting, asked_at, until)


def _pull(connection: Connection, waiting: Sequence[Delivery], asked_at: datetime, until: datetime) -> float:
    try:
        pulling.pull(connection, asked_at, deadline=until, patience=BUSY_WAIT)
    except pulling.Busy:
        return _put_back(waiting, BUSY_WAIT)
    except BudgetSpent as error:
        return _put_back(waiting, error.wait)
    except (ConnectionPaused, NotConnected, RateLimited):
        return _put_back(waiting, SHUT_WAIT)
    except PermanentError as error:
        _close(waiting, Delivery.FAILED, problem=error.summary)
        return 0.0
    except RemoteError as error:
        _try_later(waiting, error.summary)
        return 0.0
    head = Window.objects.filter(connection=connection, kind=Window.HEAD).first()
    if head is None or head.read_at is None or head.read_at < asked_at:
        return _put_back(waiting, 0.1)
    for row in waiting:
        _judge(connection, row)
    return 0.0


def _judge(connection: Connection, row: Delivery) -> None:
    """Whether what it announced is here now, and who was first to know."""
    if not row.remote_id:
        _forget_erased(connection, find_lead_ids(row.body))
        _close([row], Delivery.DONE)
        return
    copy = Copy.objects.filter(connection=connection, remote_id=row.remote_id).select_related("lead").first()
    if copy is not None:
        is_news = copy.lead.first_seen_at >= row.received_at
        _close([row], Delivery.DONE, changed=is_news, finding=Delivery.EARLY if is_news else Delivery.LATE)
    elif _forget_erased(connection, [row.remote_id]):
        _close([row], Delivery.DONE, changed=False)
    elif row.tries:
        _close([row], Delivery.FAILED, finding=Delivery.NOT_FOUND, problem=NEVER_CAME)
    else:
        later = timezone.now() + NOT_YET
        Delivery.objects.filter(pk=row.pk).update(tries=1, due_at=later, read_started_at=None)


def _forget_erased(connection: Connection, remote_ids: Sequence[str]) -> bool:
    """Whether one of them was erased here; then no delivery that names it keeps its body."""
    known = Erasure.objects.among(connection, remote_ids)
    erased = [remote_id for remote_id, row in known.items() if row.erased_at is not None]
    if erased:
        erasing.empty_deliveries(connection, erased)
    return bool(erased)


def _close(
    rows: Sequence[Delivery],
    state: str,
    *,
    changed: bool | None = None,
    finding: str = "",
    problem: str = "",
) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row in rows], state=Delivery.WAITING).update(
        state=state,
        changed_something=changed,
        finding=finding,
        problem=problem[:500],
        processed_at=timezone.now(),
    )


def _put_back(rows: Sequence[Delivery], wait: float) -> float:
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(read_started_at=None)
    return wait


def _try_later(rows: Sequence[Delivery], problem: str) -> None:
    _close([row for row in rows if row.tries >= MOST_TRIES], Delivery.FAILED, problem=problem)
    for row in rows:
        later = timezone.now() + timedelta(seconds=min(5 * 2**row.tries, 600))
        Delivery.objects.filter(pk=row.pk, state=Delivery.WAITING).update(
            tries=F("tries") + 1, due_at=later, problem=problem[:500], read_started_at=None
        )
