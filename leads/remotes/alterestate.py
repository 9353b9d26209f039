"""AlterEstate: pause, health, then the call. It shows nothing, so nothing can be looked up or tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.alterestate.client import AlterEstateClient, is_about_related
from integrations.alterestate.payloads import without_related
from integrations.errors import CredentialsRefused, RemoteError
from integrations.verdicts import Submitted
from leads.models import Connection
from leads.remotes.doors import (
    Clients,
    guard_of,
    note_failure,
    refuse_inside_transaction,
    refuse_when_shut,
    taking_notes,
    wait_for_budget,
)

UNKNOWN_USER = (
    "AlterEstate does not know the user named in related, so it assigned this lead by its own rules."
)

_clients: Clients[AlterEstateClient] = Clients()


def _client(connection: Connection) -> AlterEstateClient:
    how = {
        "base_url": connection.setting("base_url"),
        "api_key": connection.setting("api_key"),
        "timeout": settings.HTTP_TIMEOUT_SECONDS,
        "total": settings.HTTP_TOTAL_SECONDS,
    }
    return _clients.get(
        connection,
        tuple(how.values()),
        lambda: AlterEstateClient(**how, address_guard=guard_of(connection, how["base_url"])),
    )


@dataclass(slots=True)
class AlterEstate:
    """An AlterEstate client that keeps budget and health of its connection. Raises RemoteError and nothing else.

    ``patience``: seconds it may wait in all for the budget before it raises BudgetSpent.
    """

    connection: Connection
    lane: str
    patience: float = 0.0

    def create_lead(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Submitted:
        """POST /leads/. Not repeatable. Refused for its ``related``, it goes once more without, and the note says."""
        try:
            return self._call(payload, write_before)
        except RemoteError as error:
            if not is_about_related(error, payload):
                raise
        taken = self._call(without_related(payload), write_before)
        return replace(taken, note=f"{taken.note} {UNKNOWN_USER}", warning=UNKNOWN_USER)

    def _call(self, payload: Mapping[str, Any], write_before: float | None) -> Submitted:
        refuse_inside_transaction()
        refuse_when_shut(self.connection)
        self.patience = wait_for_budget(self.connection, self.lane, self.patience)
        try:
            taken = _client(self.connection).create_lead(payload, write_before=write_before)
        except RemoteError as error:
            with taking_notes():
                self._note(error)
            raise
        with taking_notes():
            self.connection.note_success(timezone.now())
        return taken

    def _note(self, error: RemoteError) -> None:
        now = timezone.now()
        note_failure(self.connection, error, now)
        if isinstance(error, CredentialsRefused):
            # One call is all it has, so a refusal of that one is a refusal of the key.
            self.connection.pause("credentials", error.summary, now)


def open_alterestate(connection: Connection, lane: str, *, patience: float = 0.0) -> AlterEstate:
    """A client for this connection that calls in this lane."""
    return AlterEstate(connection, str(lane), patience)


def check_connection(connection: Connection, now: datetime) -> tuple[bool | None, str]:
    """What is known without a call, because every call would make a lead: (None, a sentence) before the first one.

    A pause ends where a new key was entered; whether that one works, the next lead shows.
    """
    if connection.is_paused and connection.reason_code == "credentials" and connection.has_new_key:
        connection.resume("credentials")
    if connection.is_paused:
        return False, connection.reason or f"{connection.name} is paused."
    if connection.last_success_at is None:
        return None, "Connected, never tried: AlterEstate offers nothing to read. The first lead will show."
    when = timezone.localtime(connection.last_success_at).strftime("%d %b %Y, %H:%M")
    return None, f"Connected; it last took a lead on {when}. AlterEstate offers nothing to read."
