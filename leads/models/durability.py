"""What may be lost when the power goes: only what the next read brings back."""

from __future__ import annotations

from django.db import connection


def allow_losing_this() -> None:
    """Let PostgreSQL commit this transaction without waiting for the disk. Never where a person wrote something.

    A crash of our own process loses nothing either way; a power cut loses at most the last moments of "seen at".
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO OFF")
