"""Deliver due pushes in the foreground, until none is due."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Min
from django.utils import timezone

from leads.management.plain import PlainCommand
from leads.models import Connection, Push
from leads.sync import pushing

#: A push that waits longer than this for its next try is left to the sweep.
LONGEST_WAIT = 60.0


class Command(PlainCommand):
    """See the module."""

    help = "Deliver due pushes in the foreground until none is due. Safe beside running workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="one pass over what is due now, without waiting"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connections = [row for row in Connection.objects.leadpro() if row.is_connected and not row.is_paused]
        self._tell_paused(Connection.objects.filter(state=Connection.PAUSED))
        counts: Counter[str] = Counter()
        while True:
            for connection in connections:
                counts.update(pushing.deliver_due(connection))
            connections = self._keep_open(connections)
            wait = find_wait(connections, timezone.now())
            if options["once"] or wait is None or wait > LONGEST_WAIT:
                break
            time.sleep(max(wait, 0.2))
        self._print_counts(counts)
        if not connections:
            raise CommandError("No connection can send: none has a key, or all are paused.")

    def _print_counts(self, settled: Counter[str]) -> None:
        """What was settled by this run, and what is on its way now."""
        left = Counter(Push.objects.on_their_way().values_list("state", flat=True))
        self.print_counts(
            done=settled[Push.DONE],
            waiting=left[Push.WAITING] + left[Push.SENDING],
            unclear=left[Push.UNCLEAR],
            needs_attention=settled[Push.NEEDS_ATTENTION],
            left=left.total(),
        )

    def _keep_open(self, connections: list[Connection]) -> list[Connection]:
        """Those that can still send. One that paused under way is named, not waited for: nothing there is due."""
        rows = Connection.objects.filter(pk__in=[row.pk for row in connections])
        self._tell_paused(rows.filter(state=Connection.PAUSED))
        return list(rows.exclude(state=Connection.PAUSED))

    def _tell_paused(self, rows: Iterable[Connection]) -> None:
        for row in rows:
            self.tell(f"{row.name} is paused, so nothing more is sent there: {row.reason}")


def find_wait(connections: list[Connection], now: datetime) -> float | None:
    """Seconds until the next push of these connections is due; None where none is on its way."""
    rows = Push.objects.on_their_way().filter(connection__in=connections)
    due = rows.exclude(state=Push.SENDING).aggregate(at=Min("due_at"))["at"]
    return None if due is None else max(0.0, (due - now).total_seconds())
