"""What every remote's door shares: its clients, why nothing was sent, and what an answer says of the connection."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection as database
from django.utils import timezone

from integrations.addresses import guard_for, parse_networks
from integrations.errors import RateLimited, RemoteError, TransientError, WrongAddress
from leads.models import Connection, budget
from leads.models.connection import ENDS_BY_ITSELF

log = logging.getLogger("leads.remotes")
Client = TypeVar("Client")


class ConnectionPaused(TransientError):
    """Nothing was sent: the connection waits for somebody."""


class NotConnected(TransientError):
    """Nothing was sent: there are no credentials."""


class BudgetSpent(TransientError):
    """Nothing was sent: the request budget is used up for ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(
            "The request budget of this connection is used up just now. It will be tried again by itself."
        )
        self.wait = wait


class InsideTransaction(AssertionError):
    """A remote must never be called while a database transaction is open."""


def refuse_inside_transaction() -> None:
    """Raise InsideTransaction where a database transaction is open."""
    if any(not getattr(block, "_from_testcase", False) for block in database.atomic_blocks):
        raise InsideTransaction("HTTP inside a database transaction.")


def refuse_when_shut(connection: Connection) -> None:
    """Raise NotConnected without a key, ConnectionPaused while it waits for somebody."""
    if not connection.is_connected:
        raise NotConnected(f"{connection.name} is not connected: no key is set.")
    if connection.is_paused:
        raise ConnectionPaused(connection.reason or f"{connection.name} is paused.")


class Clients(Generic[Client]):
    """A client per connection, so that its sockets stay open; a new one where what it is made of has changed."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[tuple[Any, ...], Client]] = {}

    def get(self, connection: Connection, recipe: tuple[Any, ...], make: Callable[[], Client]) -> Client:
        """The client of this recipe; whether the address is guarded belongs to every recipe."""
        recipe = (connection.from_environment, *recipe)
        known = self._made.get(connection.pk)
        if known is None or known[0] != recipe:
            known = self._made[connection.pk] = recipe, make()
        return known[1]

    def clear(self) -> None:
        """Forget them: for tests whose ids come again."""
        self._made.clear()


def guard_of(connection: Connection, url: str) -> Callable[[str], None] | None:
    """The guard for an address. One from the environment is the operator's own; one typed in the admin must be https
    and public.
    """
    if connection.from_environment:
        return None
    return guard_for(url, parse_networks(settings.ALLOWED_PRIVATE_NETWORKS))


@contextmanager
def taking_notes() -> Iterator[None]:
    """Around what is noted once an answer is here: a database that fails then must not take the answer away with it."""
    try:
        yield
    except DatabaseFault as fault:
        log.warning(
            "an answer is here, what it says of the connection was not noted: %s", type(fault).__name__
        )


def note_failure(
    connection: Connection, error: RemoteError, now: datetime, *, may_pause: bool = True
) -> None:
    """What a failed call says of the connection, but for a refused key: what that means, each remote knows."""
    connection.note_problem(error.summary, now)
    if isinstance(error, RateLimited):
        connection.slow_down(error.retry_after, now)
    elif isinstance(error, WrongAddress) and may_pause:
        connection.pause("address", error.summary, now)


def note_works(connection: Connection, now: datetime) -> None:
    """A check came through: a pause over key or address ends."""
    connection.note_success(now)
    if connection.is_paused:
        connection.resume(*ENDS_BY_ITSELF)


def wait_for_budget(connection: Connection, lane: str, patience: float) -> float:
    """Take one call, sleeping at most ``patience`` seconds in all; the seconds of patience that are left.

    Raises BudgetSpent where that is not enough. While it sleeps, lanes below let it go first.
    """
    name = uuid4().hex
    while (wait := budget.take(connection, lane, timezone.now(), waiter=name, patience=patience)) > 0:
        if wait > patience:
            raise BudgetSpent(wait)
        patience -= wait
        time.sleep(wait)
    return patience


def turn_of(connection: Connection) -> float:
    """Seconds within which a paced lane's turn comes round, with one other before it."""
    return 2 * budget.MINUTE / budget.limit(connection, timezone.now()) + 1.0
