"""Webhook to delivery to refresh. A delivery is a hint: the lead is read again before the mirror changes.

A read answers the deliveries that had arrived when it began, whoever made it, and no later one: what happened after
the remote was asked may not be in the answer.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RateLimited, RemoteError
from integrations.leadpro.webhook import parse_hook
from leads.models import Cause, Change, Connection, Copy, Delivery, Lane, Remote, tallying
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected
from leads.sync import hinting
from leads.sync.refreshing import refresh_remote_id
from leads.sync.storing import CHANGED, CREATED

#: A hint waits so long for others about the same lead: fifty in a second are one read.
GATHER = timedelta(seconds=1)
MOST_TRIES = 8
#: A lead that is said to be new and is not there yet is asked for once more, that much later.
NOT_YET = timedelta(seconds=60)
#: What others found within this time before a hint, the hint came too late for.
LATELY = timedelta(hours=6)
BATCH = 200
SHUT_WAIT = 30.0


def keep(
    connection: Connection,
    body: bytes,
    data: dict[str, Any],
    now: datetime,
    proof: Mapping[str, str] | None = None,
) -> Delivery:
    """Store a delivery, whatever is in it. Nothing that can fail comes before this.

    ``proof``: the headers and query values it came with; one that fails it is kept as failed. One whose very bytes
    wait already, unread, is kept as repeated: the read that is to come answers both.
    """
    event, remote_id = _parse(connection, data)
    problem = hinting.refuse(connection, proof or {}, body) if connection.remote == Remote.AVIV else ""
    digest = hashlib.sha256(body).hexdigest()
    with transaction.atomic():
        same = Delivery.objects.filter(connection=connection, digest=digest, state=Delivery.WAITING)
        is_repeated = not problem and bool(
            same.filter(read_started_at__isnull=True).update(waiting_since=now)
        )
        return Delivery.objects.create(
            connection=connection,
            received_at=now,
            waiting_since=now,
            due_at=now + GATHER,
            body=data,
            digest=digest,
            event=event[:60],
            remote_id=remote_id,
            state=Delivery.FAILED if problem else Delivery.REPEATED if is_repeated else Delivery.WAITING,
            problem=problem,
            processed_at=now if is_repeated or problem else None,
            changed_something=False if is_repeated else None,
        )


def _parse(connection: Connection, data: dict[str, Any]) -> tuple[str, str]:
    """(event, the remote's id of the lead); empty where there is none."""
    if connection.remote == Remote.AVIV:
        return hinting.parse(data)
    if connection.remote != Remote.LEADPRO:
        return "", ""
    hook = parse_hook(data)
    return hook.event, str(hook.lead_id or "")


def replay(ids: Iterable[int], now: datetime) -> int:
    """Have these deliveries answered by a new read, whatever became of them. How many there are. Repeatable."""
    chosen = Delivery.objects.filter(pk__in=list(ids))
    return chosen.update(
        state=Delivery.WAITING,
        waiting_since=now,
        due_at=now,
        read_started_at=None,
        processed_at=None,
        changed_something=None,
        finding="",
        tries=0,
        problem="",
    )


def is_pressing(connection: Connection, now: datetime) -> bool:
    """Whether a delivery is due, or will be in a moment."""
    return _waiting(connection).filter(due_at__lte=now + GATHER).exists()


def process_due(connection: Connection, until: datetime) -> float:
    """Read every lead that waiting deliveries name, once each. Seconds to wait before coming again (0: done)."""
    if connection.remote == Remote.AVIV:
        return hinting.process_due(connection, until)
    while (now := timezone.now()) < until:
        hints = _due_hints(connection, now)
        if not hints:
            following = _waiting(connection).order_by("due_at").values_list("due_at", flat=True).first()
            if following is None:
                return 0.0
            wait = (following - now).total_seconds()
            if wait > GATHER.total_seconds():
                return wait
            time.sleep(max(0.0, min(wait, (until - now).total_seconds())))
        for remote_id, ids in hints.items():
            wait = _process(connection, remote_id, ids, until)
            if wait:
                return wait
            if timezone.now() >= until:
                return 0.1
    return 0.1


def _waiting(connection: Connection) -> QuerySet[Delivery]:
    return Delivery.objects.filter(connection=connection, state=Delivery.WAITING)


def _due_hints(connection: Connection, now: datetime) -> dict[str, list[int]]:
    """Remote id to all that waits for it, due or not, in the order in which they are due."""
    due = _waiting(connection).filter(due_at__lte=now).order_by("due_at", "id")
    remote_ids = list(dict.fromkeys(due.values_list("remote_id", flat=True)[:BATCH]))
    hints: dict[str, list[int]] = {remote_id: [] for remote_id in remote_ids}
    rows = _waiting(connection).filter(remote_id__in=remote_ids).order_by("id")
    for pk, remote_id in rows.values_list("pk", "remote_id"):
        hints[remote_id].append(pk)
    return {remote_id: ids for remote_id, ids in hints.items() if ids}


def _process(connection: Connection, remote_id: str, ids: list[int], until: datetime) -> float:
    if not remote_id:
        _settle(
            connection,
            ids,
            Delivery.FAILED,
            problem="The delivery names no lead. It is kept; nothing was read.",
        )
        return 0.0
    since = _begin(ids)
    read = Copy.objects.filter(connection=connection, remote_id=remote_id)
    # A stamp ahead of now is no read that came later: a clock was wrong.
    if read.filter(as_of__gt=since, as_of__lte=timezone.now()).exists():
        _settle_unread(connection, remote_id, ids, since)
        return 0.0
    patience = max(0.0, (until - timezone.now()).total_seconds())
    try:
        stored = refresh_remote_id(connection, int(remote_id), Lane.HINT, Cause.WEBHOOK, patience=patience)
    except BudgetSpent as error:
        return _put_back(ids, error.wait)
    except (ConnectionPaused, NotConnected, RateLimited):
        return _put_back(ids, SHUT_WAIT)
    except NotFound as error:
        _note_absence(connection, remote_id, ids, error.summary)
    except PermanentError as error:
        _settle(connection, ids, Delivery.FAILED, problem=error.summary)
    except RemoteError as error:
        _try_later(ids, error.summary)
    else:
        is_news = stored.outcome in {CREATED, CHANGED}
        finding = Delivery.EARLY if is_news else _judge(connection, remote_id, ids)
        _settle(connection, ids, Delivery.DONE, changed=is_news, finding=finding)
    return 0.0


def _begin(ids: list[int]) -> datetime:
    """When the last of these arrived. From now on no other can join them."""
    rows = Delivery.objects.filter(pk__in=ids)
    rows.update(read_started_at=timezone.now())
    since: datetime = rows.aggregate(at=Max(Coalesce("waiting_since", "received_at")))["at"]
    return since


def _settle_unread(connection: Connection, remote_id: str, ids: list[int], since: datetime) -> None:
    """Somebody began to read the lead after the last of these arrived: another hint, a look or a push."""
    if _changes(connection, remote_id, since).filter(cause=Cause.WEBHOOK).exists():
        _settle(connection, ids, Delivery.REPEATED, changed=False)
    else:
        _settle(connection, ids, Delivery.DONE, changed=False, finding=_judge(connection, remote_id, ids))


def _changes(connection: Connection, remote_id: str, since: datetime) -> QuerySet[Change]:
    return Change.objects.filter(
        lead__copies__connection=connection, lead__copies__remote_id=remote_id, at__gte=since
    )


def _judge(connection: Connection, remote_id: str, ids: list[int]) -> str:
    """Late where a look or a push had found a change of this lead lately, else empty."""
    arrived = Delivery.objects.filter(pk__in=ids).order_by("id").values_list("received_at", flat=True)[0]
    found = _changes(connection, remote_id, arrived - LATELY).exclude(cause=Cause.WEBHOOK)
    return Delivery.LATE if found.exists() else Delivery.EMPTY


def _settle(
    connection: Connection,
    ids: list[int],
    state: str,
    *,
    changed: bool | None = None,
    finding: str = "",
    problem: str = "",
) -> None:
    """The first delivery gets the outcome; the others that named the same lead were answered by the same read."""
    now = timezone.now()
    with transaction.atomic():
        waiting = Delivery.objects.filter(pk__in=ids, state=Delivery.WAITING)
        waiting.filter(pk=ids[0]).update(
            state=state, changed_something=changed, finding=finding, problem=problem[:500], processed_at=now
        )
        rest = Delivery.REPEATED if state == Delivery.DONE else state
        waiting.exclude(pk=ids[0]).update(
            state=rest, changed_something=None if state == Delivery.FAILED else False, processed_at=now
        )
    if finding:
        tallying.count(connection, f"hint:{finding}")
        tallying.flush_if_due()


def _put_back(ids: list[int], wait: float) -> float:
    """Nothing was read; those who come meanwhile may join."""
    Delivery.objects.filter(pk__in=ids).update(read_started_at=None)
    return wait


def _note_absence(connection: Connection, remote_id: str, ids: list[int], problem: str) -> None:
    """An unknown lead may be too new to be read; a known one was remembered as missing by the read."""
    tried = Delivery.objects.filter(pk__in=ids).aggregate(most=Max("tries"))["most"]
    known = Copy.objects.filter(connection=connection, remote_id=remote_id).exists()
    if not tried and not known:
        Delivery.objects.filter(pk__in=ids).update(
            tries=1, due_at=timezone.now() + NOT_YET, problem=problem[:500], read_started_at=None
        )
        return
    _settle(connection, ids, Delivery.FAILED, finding=Delivery.NOT_FOUND, problem=problem)


def _try_later(ids: list[int], problem: str) -> None:
    now = timezone.now()
    Delivery.objects.filter(pk__in=ids, tries__gte=MOST_TRIES).update(
        state=Delivery.FAILED, problem=problem[:500], processed_at=now
    )
    by_tries: dict[int, list[int]] = defaultdict(list)
    rows = Delivery.objects.filter(pk__in=ids, state=Delivery.WAITING)
    for pk, tries in rows.values_list("pk", "tries"):
        by_tries[tries].append(pk)
    for tries, group in by_tries.items():
        later = now + timedelta(seconds=min(5 * 2**tries, 600))
        Delivery.objects.filter(pk__in=group).update(
            tries=F("tries") + 1, due_at=later, problem=problem[:500], read_started_at=None
        )
