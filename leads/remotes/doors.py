"""What every remote's door shares: why nothing was sent, and the rule that no call is made inside a transaction."""

from __future__ import annotations

import time
from uuid import uuid4

from django.db import connection as database
from django.utils import timezone

from integrations.errors import TransientError
from leads.models import Connection, budget


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
