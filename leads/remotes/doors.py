"""What every remote's door shares: why nothing was sent, and the rule that no call is made inside a transaction."""

from __future__ import annotations

from django.db import connection as database

from integrations.errors import TransientError


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
