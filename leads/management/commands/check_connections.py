"""One call to each connected remote: a table of what works and what does not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from leads.management.plain import PlainCommand
from leads.models import Connection
from leads.models.encryption import UnreadableSecret
from leads.remotes import check_connection


class Command(PlainCommand):
    """See the module."""

    help = (
        "One call to each connected remote. A connection paused for its key or address resumes if that works."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        rows, failed = [], 0
        for connection in Connection.objects.order_by("id"):
            state, words = self._check(connection)
            failed += state in {"fails", "paused"}
            rows.append((connection.remote, connection.name, state, words))
        for line in render_table([("remote", "name", "state", ""), *rows]):
            self.stdout.write(line)
        if not rows:
            raise CommandError("There is no connection yet. Run: manage.py bootstrap")
        if failed:
            raise CommandError(f"{failed} of {len(rows)} connections do not work.")

    def _check(self, connection: Connection) -> tuple[str, str]:
        try:
            if not connection.is_connected:
                return "-", "Not connected: no key is set."
            works, words = check_connection(connection, timezone.now())
        except UnreadableSecret as problem:
            return "fails", str(problem)
        if works is None:
            return "untried", words
        if works and connection.is_paused:
            return "paused", f"{words} But: {connection.reason}"
        return ("works" if works else "fails"), words


def render_table(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines with aligned columns."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
