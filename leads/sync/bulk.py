"""Runs over many leads: started by a face, worked on in slices by whoever comes, resumed after a crash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RateLimited, RemoteError
from leads.models import Cause, Connection, Copy, Lane, Remote, Run, RunItem, budget
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected
from leads.sync import referencing
from leads.sync.refreshing import look_up, refresh_lead, refresh_remote_id

BATCH = 20
#: Seconds that an item may wait for the budget before the run rests until the sweep: longer than the pace.
PATIENCE = 5.0
#: A person who waits is told soon; bulk work is patient.
MOST_TRIES, MOST_TRIES_OF_A_PERSON = 6, 2
#: Where the remote is shut for everything, the run waits so long before it asks again.
SHUT_WAIT = 30.0
CAUSES = {Run.IMPORT: Cause.IMPORT, Run.REFRESH: Cause.REFRESH, Run.LOOKUP: Cause.LOOKUP}


def start(
    kind: str,
    connection: Connection,
    keys: Sequence[Mapping[str, Any]],
    *,
    actor: str,
    lane: str,
    now: datetime,
    name: str = "",
) -> Run:
    """A run with one item per key, in one transaction. The caller rings ``continue_run``."""
    with transaction.atomic():
        run = Run.objects.create(
            kind=kind,
            connection=connection,
            lane=lane,
            name=name,
            actor=actor,
            total=len(keys),
            created_at=now,
            due_at=now,
        )
        RunItem.objects.bulk_create(
            [RunItem(run=run, number=n, key=dict(key)) for n, key in enumerate(keys, start=1)],
            batch_size=1000,
        )
        if lane == Lane.PERSON:
            budget.announce(connection, f"click:{run.pk}", now)
    return run


def start_refresh(
    lead_ids: Iterable[int], *, actor: str, lane: str = Lane.PERSON, now: datetime
) -> list[Run]:
    """Read these leads from Lead.pro again: one run per connection. Leads that are only here are left out."""
    by_connection: dict[int, list[dict[str, int]]] = defaultdict(list)
    rows = Copy.objects.filter(lead_id__in=list(lead_ids), connection__remote=Remote.LEADPRO).order_by(
        "lead_id"
    )
    for lead_id, connection_id in rows.values_list("lead_id", "connection_id"):
        by_connection[connection_id].append({"lead": lead_id})
    connections = Connection.objects.in_bulk(by_connection)
    return [
        start(Run.REFRESH, connections[pk], keys, actor=actor, lane=lane, now=now)
        for pk, keys in sorted(by_connection.items())
    ]


def start_lookup(
    connection: Connection,
    contacts: Sequence[Mapping[str, str]],
    *,
    actor: str,
    lane: str = Lane.PERSON,
    now: datetime,
) -> Run:
    """Look people up at Lead.pro; each contact is {"email"?, "phone"?, "first_name"?, "last_name"?}."""
    return start(Run.LOOKUP, connection, contacts, actor=actor, lane=lane, now=now)


def start_reference(connection: Connection, *, actor: str, now: datetime) -> Run:
    """List offices and statuses again."""
    return start(Run.REFERENCE, connection, [{}], actor=actor, lane=Lane.PERSON, now=now)


def continue_run(
    run_id: int, *, until: datetime | None = None, on_progress: Callable[[Run], None] | None = None
) -> Run:
    """Work on a run until the time is up, it is finished, paused or cancelled, or the remote is shut.

    Safe to call from anywhere, any number of times: only the holder of the claim works, and an item that was cut off
    by a crash is simply read again. Returns the run as it stands; ``due_at`` says when to come again.
    """
    run = Run.objects.select_related("connection").get(pk=run_id)
    if not run.claim(timezone.now(), find_lease()):
        return run
    while run.keep(timezone.now(), find_lease()):
        batch = list(_waiting(run, timezone.now())[:BATCH])
        if not batch:
            _rest(run)
            break
        if not _work(run, batch, until, on_progress):
            break
    run.refresh_from_db()
    return run


def find_lease() -> timedelta:
    """How long the one who works on a run may be silent: over a look-up by three spellings, and the budget."""
    return timedelta(seconds=3 * settings.HTTP_TOTAL_SECONDS + PATIENCE)


def _waiting(run: Run, now: datetime) -> Any:
    rows = run.items.filter(state=RunItem.WAITING)
    return rows.filter(Q(due_at__isnull=True) | Q(due_at__lte=now)).order_by("order", "number")


def _rest(run: Run) -> None:
    """Nothing is due: finished, or the failed ones have to wait for their next try."""
    now = timezone.now()
    following = (
        run.items.filter(state=RunItem.WAITING).order_by("due_at").values_list("due_at", flat=True).first()
    )
    if following is None:
        run.finish(now)
    else:
        run.release(now, following)


def _work(
    run: Run, batch: list[RunItem], until: datetime | None, on_progress: Callable[[Run], None] | None
) -> bool:
    """Do a batch; False when the run is to stop for now."""
    for item in batch:
        now = timezone.now()
        if until is not None and now >= until:
            run.release(now)
            return False
        wait = _do_item(run, item)
        if wait is not None:
            run.release(timezone.now(), timezone.now() + timedelta(seconds=wait[0]), wait[1])
            return False
        if on_progress is not None:
            on_progress(run)
        if not run.keep(timezone.now(), find_lease()):
            return False
    return True


def _do_item(run: Run, item: RunItem) -> tuple[float, str] | None:
    """Do one item. A tuple (seconds, sentence) when nothing can be done for now by anybody."""
    try:
        found = _fetch(run, item.key)
    except BudgetSpent as error:
        return error.wait, ""
    except (ConnectionPaused, NotConnected) as error:
        return SHUT_WAIT, error.summary
    except RateLimited as error:
        return error.retry_after or SHUT_WAIT, error.summary
    except NotFound:
        _settle(run, item, RunItem.FAILED, "not_found", "Lead.pro has no lead with this id.")
    except PermanentError as error:
        _settle(run, item, RunItem.FAILED, "refused", error.summary)
    except RemoteError as error:
        _try_later(run, item, error)
    else:
        if found:
            _settle(run, item, RunItem.DONE, found=found)
        elif run.kind == Run.IMPORT:
            _settle(run, item, RunItem.FAILED, "not_found", "Lead.pro knows nobody by this contact.")
        else:
            _settle(run, item, RunItem.DONE)
    return None


def _fetch(run: Run, key: dict[str, Any]) -> int:
    """Read what the key names; how many leads that was."""
    patience = PATIENCE
    if run.kind == Run.REFERENCE:
        return sum(referencing.sync_reference(run.connection, run.lane, patience=patience))
    cause = CAUSES[run.kind]
    if "lead" in key:
        refresh_lead(key["lead"], run.lane, patience=patience, cause=cause)
        return 1
    if "leadpro_id" in key:
        refresh_remote_id(
            run.connection, key["leadpro_id"], run.lane, cause, patience=patience, actor=run.actor
        )
        return 1
    return len(look_up(run.connection, run.lane, **key, patience=patience, cause=cause, actor=run.actor))


def _settle(run: Run, item: RunItem, state: str, code: str = "", problem: str = "", found: int = 0) -> None:
    """Item and counts move together, once."""
    with transaction.atomic():
        moved = RunItem.objects.filter(pk=item.pk, state=RunItem.WAITING).update(
            state=state, problem_code=code, problem=problem[:500], found=found
        )
        if moved:
            column = "done" if state == RunItem.DONE else "failed"
            Run.objects.filter(pk=run.pk).update(**{column: F(column) + 1})


def _try_later(run: Run, item: RunItem, error: RemoteError) -> None:
    most = MOST_TRIES_OF_A_PERSON if run.lane == Lane.PERSON else MOST_TRIES
    if item.tries + 1 >= most:
        _settle(run, item, RunItem.FAILED, "failing", error.summary)
        return
    later = timezone.now() + timedelta(seconds=min(2**item.tries, 60))
    RunItem.objects.filter(pk=item.pk).update(tries=F("tries") + 1, due_at=later, problem=error.summary[:500])
