"""Reads leads from Lead.pro into the mirror: by id and by contact. Reads may always be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RateLimited, RemoteError, UnexpectedPayload
from integrations.leadpro.phones import spellings
from leads.models import Cause, Connection, Contact, Copy, Remote, tallying
from leads.models.keys import email_key, phone_key
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected, open_leadpro
from leads.sync import pricing
from leads.sync.contacts import note_look
from leads.sync.freshness import backoff
from leads.sync.missing import mark_missing
from leads.sync.observing import plan_columns
from leads.sync.storing import CREATED, Seen, Stored, store

#: What stops everything, because it says nothing about the lead that was asked for.
SHUT = (BudgetSpent, ConnectionPaused, NotConnected, RateLimited)


class NotThere(PermanentError):
    """The lead is only here: there is nothing at Lead.pro to read."""


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
    """Not "unchanged": what is believed of the copy and when it was seen stay, and it is asked for ever later."""
    copy = Copy.objects.filter(connection=connection, remote_id=str(leadpro_id)).defer("raw").first()
    if copy is None or isinstance(error, SHUT):
        return
    now = timezone.now()
    if isinstance(error, NotFound):
        mark_missing(copy, asked_at, now)
        return
    plan = backoff(copy.failures + 1, now, pricing.load_model(connection, now).price)
    planned = plan_columns(plan) if copy.refresh_class is not None else {}
    Copy.objects.filter(pk=copy.pk).update(failures=F("failures") + 1, last_attempt_at=now, **planned)
    if planned:
        pricing.note_demand(connection.pk, plan.demand - copy.demand)
    tallying.count(connection, "read:failed")


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

    See ``find_person``.
    """
    names = {k: v for k, v in {"first_name": first_name, "last_name": last_name}.items() if v}
    found = find_person(
        connection, lane, email=email, phone=phone, names=names, patience=patience, cause=cause, actor=actor
    )
    return [row.lead_id for row in found]


def find_person(
    connection: Connection,
    lane: str,
    *,
    email: str | None = None,
    phone: str | None = None,
    names: Mapping[str, str] | None = None,
    patience: float = 0.0,
    cause: Cause = Cause.LOOKUP,
    actor: str = "",
) -> list[Stored]:
    """Ask Lead.pro for a person's leads and mirror them: what became of each, lowest Lead.pro id first.

    A phone number is asked for as it is spelt, then in national form, then in E.164, until something is found:
    Lead.pro does not normalise. Raises RemoteError; a failed look-up is never an empty list. Whoever asks, the
    schedule counts it as a look at this person, unless ``names`` narrow it.
    """
    remote = open_leadpro(connection, lane, patience=patience)
    found: dict[int, Stored] = {}

    def ask(**contact: str) -> list[Stored]:
        answer = remote.find_leads(**contact, **(names or {}))
        seen = [Seen(payload, answer.started_at) for payload in answer.data]
        rows = store(connection, seen, cause, now=timezone.now(), actor=actor) if seen else []
        found.update({row.leadpro_id: row for row in rows})
        return rows

    def note(by: str, key: str, asked_at: datetime, rows: list[Stored]) -> None:
        if not names:
            discovered = sum(row.outcome == CREATED for row in rows)
            note_look(connection, by, key, asked_at, leads=len(rows), discovered=discovered)

    if email:
        asked_at = timezone.now()
        note(Contact.EMAIL, email_key(email), asked_at, ask(email=email))
    asked_at, rows = timezone.now(), []
    for spelling in spellings(phone) if phone else ():
        rows = ask(phone=spelling)
        if rows:
            break
    if phone:
        note(Contact.PHONE, phone_key(phone), asked_at, rows)
    return [found[n] for n in sorted(found)]
