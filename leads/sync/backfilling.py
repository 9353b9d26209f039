"""A back-fill of years: a run over windows of seven days, newest first. It can be paused, and resumes after a crash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.errors import Refused, RemoteError, UnexpectedPayload
from leads.models import Connection, Lane, Run, Window
from leads.sync import pulling
from leads.sync.claiming import Claim
from leads.sync.pulling import Pull, Stopped
from leads.sync.spans import cut, next_second
from leads.sync.taking import Overtaken

#: When a run comes again that found another pull at work, or the remote shut.
BUSY_WAIT, SHUT_WAIT = timedelta(seconds=1), timedelta(seconds=30)


def start(
    connection: Connection, since: datetime, until: datetime | None, *, actor: str, now: datetime
) -> Run:
    """A run over everything ingested between two moments (``until`` None: until now), or the one begun before.

    One transaction. The caller works on it with ``continue_run`` or rings for somebody who does.
    """
    named = f"{connection.pk} {since.isoformat()} {until.isoformat() if until else 'now'}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    open_runs = Run.objects.filter(kind=Run.PULL, digest=digest).exclude(state__in=(Run.DONE, Run.CANCELLED))
    begun = open_runs.order_by("-id").first()
    if begun is not None:
        begun.resume(now)
        begun.refresh_from_db()
        return begun
    spans = list(cut(since, min(until or next_second(now), next_second(now))))
    with transaction.atomic():
        run = Run.objects.create(
            kind=Run.PULL,
            connection=connection,
            lane=Lane.BULK,
            name=f"AVIV leads since {timezone.localtime(since):%d %b %Y %H:%M}",
            digest=digest,
            actor=actor,
            total=len(spans),
            created_at=now,
            due_at=now,
        )
        Window.objects.bulk_create(
            Window(connection=connection, kind=Window.RUN, run=run, since=begin, until=end, due_at=now)
            for begin, end in spans
        )
    return run


def continue_run(
    run_id: int,
    *,
    until: datetime | None = None,
    patience: float | None = 0.0,
    on_page: Callable[[Counter[str]], None] | None = None,
) -> tuple[Run, Counter[str]]:
    """Work on a back-fill until the time is up, it is finished, paused or cancelled, or the remote is shut.

    Safe to call from anywhere, any number of times. The newest leads are read in between when their time has come.
    Returns the run as it stands (``problem`` says why it rests, ``due_at`` when to come again) and what was read.
    """
    run = Run.objects.select_related("connection").get(pk=run_id)
    counts: Counter[str] = Counter()
    if not run.claim(timezone.now(), _lease()):
        return run, counts
    try:
        claim = pulling.wait_for_claim(run.connection, patience)
    except pulling.Busy as error:
        run.release(timezone.now(), timezone.now() + BUSY_WAIT, error.summary)
        run.refresh_from_db()
        return run, counts
    try:
        counts = _work(run, claim, until, on_page)
    finally:
        claim.release()
    run.refresh_from_db()
    return run, counts


def _work(
    run: Run, claim: Claim, until: datetime | None, on_page: Callable[[Counter[str]], None] | None
) -> Counter[str]:
    pull = Pull(
        run.connection,
        claim,
        lane=run.lane,
        deadline=until,
        go_on=lambda: run.keep(timezone.now(), _lease()),
        on_page=on_page,
    )
    try:
        while window := _next(run):
            now = timezone.now()
            if _head_is_due(run.connection, now):
                pull.read_head(now)
            _read(run, pull, window)
    except (Stopped, Overtaken):
        run.release(timezone.now())
    except RemoteError as error:
        run.release(timezone.now(), timezone.now() + SHUT_WAIT, error.summary)
    else:
        _settle_head(run)
        run.finish(timezone.now())
    return pull.counts


def _next(run: Run) -> Window | None:
    return run.windows.filter(read_at__isnull=True, due_at__isnull=False).order_by("-since").first()


def _read(run: Run, pull: Pull, window: Window) -> None:
    """One window. Where the remote refuses it for good, it is marked, and the run goes on with the others."""
    try:
        pull.read(window)
    except (Refused, UnexpectedPayload) as error:
        with transaction.atomic():
            marked = Window.objects.filter(pk=window.pk, due_at__isnull=False)
            if marked.update(due_at=None, problem=error.summary[:500]):
                Run.objects.filter(pk=run.pk).update(failed=F("failed") + 1)


def _head_is_due(connection: Connection, now: datetime) -> bool:
    """Between the windows of a back-fill; before the first reading of all, the back-fill comes first."""
    head = pulling.head_of(connection, now)
    return head.read_at is not None and now - head.read_at >= pulling.EVERY


def _settle_head(run: Run) -> None:
    """A back-fill that came up to the present was the first reading of the newest leads too."""
    if run.failed or run.windows.filter(problem__gt="").exists():
        return
    newest = run.windows.order_by("-until").first()
    if newest is not None and newest.until >= run.created_at:
        pulling.head_of(run.connection, timezone.now())
        Window.objects.filter(
            connection=run.connection, kind=Window.HEAD, read_at__isnull=True, begun_at__isnull=True
        ).update(since=newest.since, until=newest.until, read_at=run.created_at)


def _lease() -> timedelta:
    return timedelta(seconds=settings.PUSH_LEASE_SECONDS)
