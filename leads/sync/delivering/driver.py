"""Runs the engine for real: Django's store, the wall clock, and the connection's client in the lane of pushes."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils import timezone

from integrations.rest import Answer
from integrations.uptime import uptime
from leads.models import Connection, Copy, Lane, Push, Remote, Status
from leads.remotes import (
    BudgetSpent,
    ConnectionPaused,
    NotConnected,
    open_alterestate,
    open_aviv,
    open_leadpro,
)
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import engine
from leads.sync.delivering.engine import Delivered
from leads.sync.delivering.ports import (
    Call,
    Create,
    Desk,
    Get,
    LookUp,
    NotTried,
    Patch,
    Probe,
    Reply,
    Rules,
    Submit,
)
from leads.sync.outbox import Outbox
from leads.sync.restoring import stop_where_not_ours

T = TypeVar("T")

#: A read may wait this long for the budget, seconds.
PATIENCE = 5.0
#: What a send keeps of its window for connecting and writing, seconds.
SPARE = 0.5
#: How old the connection's state may be when it is asked whether it is paused, seconds.
STALE = 1.0


class SharedClock:
    """The time that all workers share: the database server's, or this machine's with SQLite. It never jumps."""

    def __init__(self) -> None:
        self._began = uptime()
        self._start = _database_now()

    def now(self) -> datetime:
        """Aware."""
        return self._start + timedelta(seconds=uptime() - self._began)

    def monotonic(self) -> float:
        """This machine's own clock, the one that write deadlines are kept by."""
        return uptime()


def _database_now() -> datetime:
    database = connections["default"]
    if database.vendor != "postgresql":
        return timezone.now()
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def deliver_due(connection: Connection, *, until: datetime | None = None, limit: int = 1000) -> Delivered:
    """Send what is due at this connection, until nothing is or ``until`` has come. Counts by the state they end in.

    Any number of processes may do so at once. Raises only when the database fails.
    """
    if not _is_open(connection):
        return Delivered()
    desk = make_desk(connection)
    if until is not None:
        # The caller's clock may differ from the one that all workers share.
        until = desk.clock.now() + (until - timezone.now())
    crashpoint("deliver:before_claim")
    return run(engine.deliver_many(desk, until=until, limit=limit), connection)


def deliver_push(push_id: int) -> None:
    """Work on this push now, due or not. Nothing happens where somebody is at it already. Safe to repeat."""
    connection = Push.objects.select_related("connection").get(pk=push_id).connection
    if _is_open(connection):
        run(engine.deliver_one(make_desk(connection), push_id), connection)


def _is_open(connection: Connection) -> bool:
    if stop_where_not_ours(timezone.now()):
        return False
    connection.refresh_from_db()
    return connection.can_call and not connection.is_paused


def make_desk(connection: Connection) -> Desk:
    """The engine's tools for one connection."""
    return Desk(
        Outbox(connection),
        SharedClock(),
        make_rules(connection),
        random.SystemRandom(),
        outages=(DatabaseError, InterfaceError),
    )


def make_rules(connection: Connection) -> Rules:
    """Settings, and what probes and experience taught about this connection."""
    return Rules(
        send_window=timedelta(seconds=settings.PUSH_SEND_WINDOW_SECONDS),
        settle=timedelta(seconds=connection.settle_seconds()),
        lease=timedelta(seconds=settings.PUSH_LEASE_SECONDS),
        max_attempts=settings.PUSH_MAX_ATTEMPTS,
        give_up=timedelta(hours=settings.PUSH_GIVE_UP_HOURS),
        name=connection.get_remote_display(),
        refuses_duplicates=bool(connection.setting("refuses_duplicates")),
        status_by=str(connection.setting_in_use("status_by")),
        find_statuses=lambda name: _find_statuses(connection, name),
        lookup_has_found=lambda: connection.lookup_has_found or bool(connection.learnt("absent_is_404")),
        absence_counts=lambda: connection.learnt("lookup_children") is not False,
        lookup_shows_children=lambda: connection.learnt("lookup_children") is True,
        lookup_shows_meta=lambda: connection.learnt("lookup_meta") is True,
        shows_answers=lambda: _shows_answers(connection),
    )


def _find_statuses(connection: Connection, name: str) -> list[int]:
    rows = Status.objects.filter(connection=connection, name=name, is_gone=False)
    return list(rows.values_list("status_id", flat=True))


def _shows_answers(connection: Connection) -> bool:
    """Asked only where an unclear answer is missing, so a scan is affordable."""
    shown = Copy.objects.filter(connection=connection, raw__has_key="questionnaire")
    return any(
        raw.get("questionnaire") for raw in shown.values_list("raw", flat=True).iterator(chunk_size=200)
    )


def run(steps: Generator[Call, Any, T], connection: Connection) -> T:
    """Make the calls that the engine asks for, and hand it the outcomes."""
    caller = _Caller(connection)
    try:
        call = next(steps)
        while True:
            try:
                reply = caller.make(call)
            except Exception as error:  # noqa: BLE001 - the engine decides what it means
                call = steps.throw(error)
            else:
                call = steps.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result


class _Caller:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._fresh_at = time.monotonic()

    def make(self, call: Call) -> Reply | None:
        """One call. What was not even tried for reasons of our own is told as such."""
        if time.monotonic() - self._fresh_at > STALE:
            self.connection.refresh_from_db()
            self._fresh_at = time.monotonic()
        try:
            return self._make(call)
        except BudgetSpent as spent:
            raise NotTried(spent.summary, spent.wait) from None
        except (ConnectionPaused, NotConnected) as shut:
            raise NotTried(shut.summary) from None

    def _make(self, call: Call) -> Reply | None:
        if self.connection.remote != Remote.LEADPRO:
            return self._submit(call)
        remote = open_leadpro(self.connection, Lane.PUSH, patience=_patience(call))
        match call:
            case Create(payload, write_before, True):
                return _reply(remote.create_valuation(dict(payload), write_before=write_before))
            case Create(payload, write_before):
                return _reply(remote.create_lead(dict(payload), write_before=write_before))
            case Patch(lead_id, payload, write_before):
                remote.update_lead(lead_id, dict(payload), write_before=write_before)
            case Get(lead_id):
                return _reply(remote.get_lead(lead_id))
            case LookUp(by, value):
                return _reply(remote.find_leads(**{by: value}))
            case Probe():
                remote.get_offices()
        return None

    def _submit(self, call: Call) -> Reply | None:
        """A remote that takes leads and shows none: all that it can be asked harmlessly is nothing."""
        if not isinstance(call, Submit):
            return None
        opens = open_aviv if self.connection.remote == Remote.AVIV else open_alterestate
        remote = opens(self.connection, Lane.PUSH, patience=_patience(call))
        started_at = timezone.now()
        answer = remote.create_lead(dict(call.payload), write_before=call.write_before)
        return Reply(answer, started_at)


def _patience(call: Call) -> float:
    """A send waits as long as its window allows: to come too late wastes the attempt and the read before it."""
    if isinstance(call, Create | Submit | Patch):
        return max(0.0, call.write_before - uptime() - SPARE)
    return PATIENCE


def _reply(answer: Answer) -> Reply:
    return Reply(answer.data, answer.started_at, answer.status)
