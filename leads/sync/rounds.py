"""Spends the schedule's part of the budget: chooses the next most valuable reads and makes them, until time is up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RemoteError
from leads.models import Cause, Connection, Copy, Lane, Run
from leads.models.budget import limit
from leads.sync import auditing, bulk, choosing, correlating, pricing
from leads.sync.choosing import AUDIT, Choice
from leads.sync.discovering import look_for_more
from leads.sync.freshness import lateness
from leads.sync.refreshing import SHUT, refresh_remote_id
from leads.sync.storing import OLDER, UNCHANGED

#: How many reads one claim takes: some seconds' worth, and at most so many.
SPAN, BATCH = 5.0, 20
#: After so many failures in a row it is the server, not the leads: the rest waits for the next sweep.
FAILURES_IN_A_ROW = 3
#: A budget that is shut for longer is for the sweep to try again.
LONGEST_REST = 61.0
#: Of an office that was changed as a whole: how many leads are read at once, and how long until it is done again.
MOST_OF_OFFICE, OFFICE_PAUSE = 5_000, timedelta(hours=6)
PLAN = ("refresh_interval", "refresh_class", "next_refresh_at", "demand", "failures")


@dataclass(frozen=True, slots=True)
class Swept:
    """What was read, by outcome, and whether to come again at once because only the time was up."""

    counts: Counter[str]
    wait: float = 0.0
    goes_on: bool = False


@dataclass(slots=True)
class _Failures:
    """Those in a row: their plans as they were, in case it is the server."""

    plans: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    n: int = 0


def refresh_due(
    connection: Connection, until: datetime, *, least: float = 0.0, patience: bool = True
) -> Swept:
    """Read what is worth the most, one after the other, until the time is up or nothing may be read.

    Waits for the budget within its time where ``patience`` is given. With ``least`` only looks that late; 1 is due.
    Nothing is written where nothing may be read.
    """
    counts: Counter[str] = Counter()
    failures = _Failures()
    while (now := timezone.now()) < until:
        batch = _choose(connection, now, least)
        if not batch:
            return Swept(counts)
        for position, choice in enumerate(batch):
            left = (until - timezone.now()).total_seconds()
            try:
                outcome = _read(connection, choice, failures, max(0.0, left) if patience else 0.0)
            except SHUT as error:
                choosing.give_back(batch[position:], now)
                return _rest(counts, getattr(error, "wait", 0.0), left if patience else 0.0)
            counts[outcome] += 1
            if failures.n >= FAILURES_IN_A_ROW:
                choosing.give_back(batch[position + 1 :], now)
                _blame_server(connection, failures)
                return Swept(counts)
            if timezone.now() >= until:
                choosing.give_back(batch[position + 1 :], now)
                break
        pricing.flush_if_due()
        _read_offices(connection, timezone.now())
    return Swept(counts, goes_on=True)


def _rest(counts: Counter[str], wait: float, left: float) -> Swept:
    """The budget's next call is after our time: sleep it out, so that whoever comes next gets that call."""
    goes_on = 0 < left < wait <= LONGEST_REST
    if goes_on:
        time.sleep(left)
    return Swept(counts, wait, goes_on)


def _blame_server(connection: Connection, failures: _Failures) -> None:
    """So many in a row: the leads are not to blame, so after the outage they are as urgent as they were."""
    for pk, plan in failures.plans:
        for demand in Copy.objects.filter(pk=pk, failures__gt=0).values_list("demand", flat=True):
            Copy.objects.filter(pk=pk).update(**plan)
            pricing.note_demand(connection.pk, plan["demand"] - demand)


def _read_offices(connection: Connection, now: datetime) -> None:
    """Where many leads of an office have changed at once, its others are read as bulk work, youngest first."""
    for office, since in correlating.take_struck(connection.pk).items():
        name = f"Office {office or '(none)'}: many leads changed at once"
        same = Run.objects.filter(connection=connection, kind=Run.REFRESH, name=name)
        if same.filter(Q(created_at__gt=now - OFFICE_PAUSE) | Q(ended_at__isnull=True)).exists():
            continue
        unseen = Copy.objects.filter(
            connection=connection,
            lead__office_id=office,
            seen_at__lt=since,
            missing_since__isnull=True,
            refresh_class__isnull=False,
        ).order_by("-lead__listed_at", "-lead_id")
        keys = [{"lead": pk} for pk in unseen.values_list("lead_id", flat=True)[:MOST_OF_OFFICE]]
        if keys:
            bulk.start(Run.REFRESH, connection, keys, actor="schedule", lane=Lane.BULK, now=now, name=name)


def _choose(connection: Connection, now: datetime, least: float) -> list[Choice]:
    k = max(1, min(BATCH, int(limit(connection, now) * SPAN / 60)))
    clock = pricing.load_model(connection, now).clock
    late: Callable[[float, datetime], float] = partial(_lateness, clock, now)
    return choosing.choose(connection, k, now, late, least=least)


def _lateness(clock: Any, now: datetime, interval: float, last_attempt_at: datetime) -> float:
    return lateness(clock, interval, last_attempt_at, now)


def _read(connection: Connection, choice: Choice, failures: _Failures, patience: float) -> str:
    """Make one read: its outcome. Raises what is in SHUT."""
    before = (
        Copy.objects.filter(pk=choice.pk).values("remote_id", *PLAN).first() if choice.model is Copy else None
    )
    try:
        if choice.model is not Copy:
            outcome = look_for_more(connection, choice.pk, timezone.now(), patience=patience)
        elif before is None:
            outcome = UNCHANGED
        else:
            outcome = _refresh(connection, choice, before.pop("remote_id"), patience)
    except SHUT:
        raise
    except NotFound:
        failures.plans, failures.n = [], 0
        return "missing"
    except PermanentError:
        failures.plans, failures.n = [], 0
        return "failed"
    except RemoteError:
        failures.n += 1
        failures.plans += [(choice.pk, before)] if before else []
        return "failed"
    failures.plans, failures.n = [], 0
    return outcome


def _refresh(connection: Connection, choice: Choice, remote_id: str, patience: float) -> str:
    read = partial(
        refresh_remote_id, connection, int(remote_id), Lane.SCHEDULE, Cause.REFRESH, patience=patience
    )
    if choice.why != AUDIT:
        return read().outcome
    model = pricing.load_model(connection, timezone.now())
    expected = auditing.expect(choice.pk, model, timezone.now())
    try:
        outcome = read().outcome
    except NotFound:
        if expected is not None:
            auditing.record(connection, expected, True, timezone.now())
        raise
    if expected is not None and outcome != OLDER:
        auditing.record(connection, expected, outcome != UNCHANGED, timezone.now())
    return outcome
