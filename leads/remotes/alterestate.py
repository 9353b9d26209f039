"""AlterEstate: pause, health, then the call. It shows nothing, so nothing can be looked up or tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from integrations.addresses import guard_for, parse_networks
from integrations.alterestate.client import AlterEstateClient, is_about_related
from integrations.alterestate.payloads import without_related
from integrations.errors import CredentialsRefused, RateLimited, RemoteError, WrongAddress
from integrations.verdicts import Submitted
from leads.models import Connection
from leads.remotes.doors import ConnectionPaused, NotConnected, refuse_inside_transaction, wait_for_budget

UNKNOWN_USER = (
    "AlterEstate does not know the user named in related, so it assigned this lead by its own rules."
)

_clients: dict[int, tuple[tuple[Any, ...], AlterEstateClient]] = {}


def _client(connection: Connection) -> AlterEstateClient:
    base_url, api_key = connection.setting("base_url"), connection.setting("api_key")
    timeout, total = settings.HTTP_TIMEOUT_SECONDS, settings.HTTP_TOTAL_SECONDS
    recipe = (base_url, connection.from_environment, api_key, timeout, total)
    known = _clients.get(connection.pk)
    if known is None or known[0] != recipe:
        # URLs from the environment are the operator's own; one typed in the admin must be https and public.
        guard = None
        if not connection.from_environment:
            guard = guard_for(base_url, parse_networks(settings.ALLOWED_PRIVATE_NETWORKS))
        client = AlterEstateClient(
            base_url=base_url, api_key=api_key, timeout=timeout, total=total, address_guard=guard
        )
        known = _clients[connection.pk] = recipe, client
    return known[1]


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
        if not self.connection.is_connected:
            raise NotConnected(f"{self.connection.name} is not connected: no key is set.")
        if self.connection.is_paused:
            raise ConnectionPaused(self.connection.reason or f"{self.connection.name} is paused.")
        self.patience = wait_for_budget(self.connection, self.lane, self.patience)
        try:
            taken = _client(self.connection).create_lead(payload, write_before=write_before)
        except RemoteError as error:
            self._note(error)
            raise
        self.connection.note_success(timezone.now())
        return taken

    def _note(self, error: RemoteError) -> None:
        now = timezone.now()
        self.connection.note_problem(error.summary, now)
        if isinstance(error, RateLimited):
            self.connection.slow_down(error.retry_after, now)
        elif isinstance(error, WrongAddress):
            self.connection.pause("address", error.summary, now)
        elif isinstance(error, CredentialsRefused):
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
        connection.resume()
    if connection.is_paused:
        return False, connection.reason or f"{connection.name} is paused."
    if connection.last_success_at is None:
        return None, "Connected, never tried: AlterEstate offers nothing to read. The first lead will show."
    when = timezone.localtime(connection.last_success_at).strftime("%d %b %Y, %H:%M")
    return None, f"Connected; it last took a lead on {when}. AlterEstate offers nothing to read."
