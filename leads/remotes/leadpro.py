"""Lead.pro: budget, pause, health, then the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from integrations.errors import CredentialsRefused, RemoteError, TransientError
from integrations.leadpro.client import LeadProClient
from integrations.leadpro.probing import Look
from integrations.rest import Answer
from leads.models import Connection, Lane
from leads.remotes.doors import (
    Clients,
    guard_of,
    note_failure,
    note_works,
    refuse_inside_transaction,
    refuse_when_shut,
    taking_notes,
    turn_of,
    wait_for_budget,
)

T = TypeVar("T")

#: How long a check waits for its one call, seconds: people go first, so it is soon.
CHECK_PATIENCE = 10.0

_clients: Clients[LeadProClient] = Clients()


def _client(connection: Connection) -> LeadProClient:
    how = {
        "base_url": connection.setting("base_url"),
        "api_key": connection.setting("api_key"),
        "statuses_path": connection.setting_in_use("statuses_path"),
        "empty_object_is_nobody": connection.learnt("lookup_nobody") == "object",
        "timeout": settings.HTTP_TIMEOUT_SECONDS,
        "total": settings.HTTP_TOTAL_SECONDS,
    }
    return _clients.get(
        connection,
        tuple(how.values()),
        lambda: LeadProClient(**how, address_guard=guard_of(connection, how["base_url"])),
    )


@dataclass(slots=True)
class LeadPro:
    """A Lead.pro client that keeps the budget and the health of its connection. Raises RemoteError and nothing else.

    ``patience``: seconds it may wait in all for the budget before it raises BudgetSpent. A second call of the same
    errand waits for its turn even then: giving up would throw away what the first one cost, and begin again.
    """

    connection: Connection
    lane: str
    patience: float = 0.0
    _has_called: bool = False

    def create_lead(self, payload: dict[str, Any], *, write_before: float | None = None) -> Answer:
        """POST /leads. Not repeatable."""
        return self._call(lambda c: c.create_lead(payload, write_before=write_before))

    def create_valuation(self, payload: dict[str, Any], *, write_before: float | None = None) -> Answer:
        """POST /leads/valuation. Not repeatable."""
        return self._call(lambda c: c.create_valuation(payload, write_before=write_before))

    def update_lead(
        self, lead_id: int, payload: dict[str, Any], *, write_before: float | None = None
    ) -> None:
        """PATCH /leads/<id>. Not repeatable: answers are appended."""
        return self._call(lambda c: c.update_lead(lead_id, payload, write_before=write_before))

    def get_lead(self, lead_id: int) -> Answer:
        """GET /leads/<id>."""
        return self._call(lambda c: c.get_lead(lead_id))

    def find_leads(self, **contact: str | None) -> Answer:
        """GET /person/leads by email or phone, with optional first_name and last_name."""
        answer = self._call(lambda c: c.find_leads(**contact))
        if answer.data and not self.connection.lookup_has_found:
            self.connection.lookup_has_found = True
            with taking_notes():
                Connection.objects.filter(pk=self.connection.pk).update(lookup_has_found=True)
        return answer

    def get_offices(self) -> list[Any]:
        """GET /offices."""
        return self._call(lambda c: c.get_offices())

    def get_statuses(self) -> list[Any]:
        """GET the statuses; their address is a guess, so a failure here pauses nothing."""
        return self._call(lambda c: c.get_statuses(), pauses=False)

    def look(self, method: str, path: str, *, is_guess: bool = False, **request: Any) -> Look:
        """A raw look, for probing: any 2xx or 4xx is a finding. A guess pauses nothing. A write is not repeatable."""
        return self._call(lambda c: c.look(method, path, is_guess=is_guess, **request), pauses=not is_guess)

    def _call(self, send: Callable[[LeadProClient], T], pauses: bool = True) -> T:
        refuse_inside_transaction()
        refuse_when_shut(self.connection)
        self._wait_for_budget()
        client = _client(self.connection)
        try:
            answer = send(client)
        except RemoteError as error:
            is_denied = False
            with taking_notes():
                is_denied = self._note(error, client, pauses)
            if is_denied:
                # The key works: to wait for a new one would be to wait for ever.
                summary = (
                    f"{self.connection.name} does not allow this ({error.status}), though the key works."
                )
                raise TransientError(summary, status=error.status, excerpt=error.excerpt) from None
            raise
        with taking_notes():
            self.connection.note_success(timezone.now())
        return answer

    def _wait_for_budget(self) -> None:
        turn = turn_of(self.connection) if self._has_called else 0.0
        left = wait_for_budget(self.connection, self.lane, max(self.patience, turn))
        self.patience, self._has_called = min(self.patience, left), True

    def _note(self, error: RemoteError, client: LeadProClient, pauses: bool) -> bool:
        """Remember the failure. Whether it was this one thing that was refused, and not the key."""
        now = timezone.now()
        note_failure(self.connection, error, now, may_pause=pauses)
        if not isinstance(error, CredentialsRefused) or not pauses:
            return False
        works = self._does_key_work(client)
        if works is False:
            since = timezone.localtime(now).strftime("%H:%M")
            self.connection.pause(
                "credentials",
                f"{self.connection.name} refuses our key since {since}. Nothing is lost; enter a new key to go on.",
                now,
            )
        return works is True

    def _does_key_work(self, client: LeadProClient) -> bool | None:
        """One more call tells a refused key from one refused thing. None where it told nothing."""
        try:
            wait_for_budget(self.connection, Lane.PERSON, CHECK_PATIENCE)
            client.get_offices()
        except CredentialsRefused:
            return False
        except RemoteError:
            return None
        return True


def open_leadpro(connection: Connection, lane: str, *, patience: float = 0.0) -> LeadPro:
    """A client for this connection that calls in this lane."""
    return LeadPro(connection, str(lane), patience)


def check_connection(connection: Connection, now: datetime) -> tuple[bool, str]:
    """One call past any pause: (works, a sentence). A connection paused for key or address resumes when it works."""
    Connection.objects.filter(pk=connection.pk).update(last_probe_at=now)
    if not connection.is_connected:
        return False, "Not connected: no key is set."
    refuse_inside_transaction()
    try:
        wait_for_budget(connection, Lane.PERSON, CHECK_PATIENCE)
        offices = _client(connection).get_offices()
    except RemoteError as error:
        connection.note_problem(error.summary, now)
        return False, error.summary
    note_works(connection, now)
    return True, f"Works: {len(offices)} offices."
