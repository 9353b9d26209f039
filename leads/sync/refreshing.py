"""Reads leads from Lead.pro into the mirror: by id, by contact, and what is due. Reads may always be repeated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.models import F
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RateLimited, RemoteError, UnexpectedPayload
from integrations.leadpro.phones import spellings
from leads.models import Cause, Connection, Copy, Lane, Remote
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected, open_leadpro
from leads.sync import freshness
from leads.sync.missing import mark_missing
from leads.sync.storing import Seen, Stored, store

#: How many due copies one claim takes.
BATCH = 20
#: After so many failures in a row it is the server, not the leads: the rest waits for the next sweep.
FAILURES_IN_A_ROW = 3
LONGEST_BACKOFF = timedelta(days=7)
#: What stops a sweep, because it says nothing about the lead that was asked for.
SHUT = (BudgetSpent, ConnectionPaused, NotConnected, RateLimited)


class NotThere(PermanentError):
    """The lead is only here: there is nothing at Lead.pro to read."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: reads by outcome, and seconds until the budget allows more (0: nothing more is due)."""

    counts: Counter[str]
    wait: float = 0.0


def refresh_lead(lead_id: int, lane: str, *, patience: float = 0.0, cause: Cause = Cause.REFRESH) -> Stored:
    """Read the lead's Lead.pro copy again. Raises NotThere where there is none, else RemoteError."""
    copy = (
        Copy.objects.filter(lead_id=lead_id, connection__remote=Remote.LEADPRO)
        .select_related("connection")
        .first()
    )
    if copy is None:
        raise NotThere("This lead is only here: Lead.pro has not got it yet, so there is nothing to read.")
    return refresh_remote_id(copy.connection, int(copy.remote_id), lane, cause, patience=patience)


def refresh_remote_id(
    connection: Connection,
    leadpro_id: int,
    lane: str,
    cause: Cause,
    *,
    patience: float = 0.0,
    actor: str = "",
) -> Stored:
    """Read one lead by Lead.pro's id and store it. A 404 is remembered on the copy, then raised as NotFound."""
    asked_at = timezone.now()
    try:
        answer = open_leadpro(connection, lane, patience=patience).get_lead(leadpro_id)
        if isinstance(answer.data, dict) and str(answer.data.get("id")) != str(leadpro_id):
            raise UnexpectedPayload(
                "Lead.pro answered with another lead than the one asked for. Nothing was changed."
            )
        return store(
            connection, [Seen(answer.data, answer.started_at)], cause, now=timezone.now(), actor=actor
        )[0]
    except RemoteError as error:
        _note_failure(connection, leadpro_id, error, asked_at)
        raise


def _note_failure(connection: Connection, leadpro_id: int, error: RemoteError, asked_at: datetime) -> None:
    copy = Copy.objects.filter(connection=connection, remote_id=str(leadpro_id)).first()
    if copy is None or isinstance(error, SHUT):
        return
    now = timezone.now()
    if isinstance(error, NotFound):
        mark_missing(copy, asked_at, now)
        return
    later = now + min(timedelta(minutes=2 ** min(copy.failures, 14)), LONGEST_BACKOFF)
    Copy.objects.filter(pk=copy.pk).update(
        failures=F("failures") + 1, last_attempt_at=now, next_refresh_at=later
    )


def look_up(
    connection: Connection,
    lane: str,
    *,
    email: str | None = None,
    phone: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    patience: float = 0.0,
    cause: Cause = Cause.LOOKUP,
    actor: str = "",
) -> list[int]:
    """Ask Lead.pro for a person's leads and mirror them; the ids of the leads here, lowest Lead.pro id first.

    A phone number is asked for as it is spelt, then in national form, then in E.164, until something is found:
    Lead.pro does not normalise. Raises RemoteError; a failed look-up is never an empty list.
    """
    remote = open_leadpro(connection, lane, patience=patience)
    names = {k: v for k, v in {"first_name": first_name, "last_name": last_name}.items() if v}
    found: dict[int, int] = {}

    def ask(**contact: str) -> bool:
        answer = remote.find_leads(**contact, **names)
        seen = [Seen(payload, answer.started_at) for payload in answer.data]
        rows = store(connection, seen, cause, now=timezone.now(), actor=actor) if seen else []
        found.update({row.leadpro_id: row.lead_id for row in rows})
        return bool(rows)

    if email:
        ask(email=email)
    for spelling in spellings(phone) if phone else ():
        if ask(phone=spelling):
            break
    return [found[n] for n in sorted(found)]


def refresh_due(connection: Connection, until: datetime) -> Swept:
    """Read what is due, oldest look first, until the time is up, nothing is due or the budget is spent."""
    counts: Counter[str] = Counter()
    failures = 0
    while timezone.now() < until:
        batch = _claim_due(connection, timezone.now())
        if not batch:
            return Swept(counts)
        for position, copy in enumerate(batch):
            try:
                outcome = refresh_remote_id(
                    connection, int(copy.remote_id), Lane.SCHEDULE, Cause.REFRESH
                ).outcome
                failures = 0
            except SHUT as error:
                _give_back(batch[position:])
                return Swept(counts, getattr(error, "wait", 0.0))
            except RemoteError as error:
                outcome = "missing" if isinstance(error, NotFound) else "failed"
                failures = 0 if isinstance(error, PermanentError) else failures + 1
            counts[outcome] += 1
            if failures >= FAILURES_IN_A_ROW or timezone.now() >= until:
                _give_back(batch[position + 1 :])
                return Swept(counts)
    return Swept(counts)


def _claim_due(connection: Connection, now: datetime) -> list[Copy]:
    """The next copies to read, marked so that no other worker takes them for a minute."""
    with transaction.atomic():
        due = Copy.objects.due(connection, now)
        if connections[due.db].features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        batch = list(due.only("id", "remote_id", "last_attempt_at", "next_refresh_at")[:BATCH])
        Copy.objects.filter(pk__in=[c.pk for c in batch]).update(
            last_attempt_at=now, next_refresh_at=now + freshness.FLOOR
        )
    return batch


def _give_back(batch: list[Copy]) -> None:
    """Not read after all: due again at once, in the old order."""
    for copy in batch:
        Copy.objects.filter(pk=copy.pk, seen_at__lt=F("last_attempt_at")).update(
            last_attempt_at=copy.last_attempt_at, next_refresh_at=copy.next_refresh_at
        )
