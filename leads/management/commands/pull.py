"""Pull AVIV leads in the foreground: what is new, or a back-fill of any length."""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from integrations.errors import RemoteError
from leads.management.plain import PlainCommand
from leads.management.progress import Progress
from leads.models import Connection, Remote, Run
from leads.sync import backfilling, pulling
from leads.sync.claiming import Claim

COUNTS = (
    "windows",
    "pages",
    "created",
    "changed",
    "unchanged",
    "suspected",
    "erased",
    "kept_out",
    "unusable",
)
#: How often in a row a whole pull may fail before the command gives up, and the longest rest between.
MOST_FAILURES, LONGEST_REST = 5, 30.0


class Command(PlainCommand):
    """See the module."""

    help = (
        "Pull AVIV leads: without options what is new since the last pull (the first time: 30 days). With --since"
        " everything ingested from then on, in windows of seven days; interrupted, the same command goes on."
        " Safe beside running workers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", metavar="ISO", help="read everything ingested since, such as 2025-01-31"
        )
        parser.add_argument("--until", metavar="ISO", help="and before; now, unless said")
        parser.add_argument(
            "--connection", type=int, metavar="ID", help="one AVIV connection; all, unless said"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        since, until = read_instant("--since", options["since"]), read_instant("--until", options["until"])
        if until is not None and since is None:
            raise CommandError("--until needs --since: from when on is it to be read?")
        if since is not None and since >= min(until or now, now):
            raise CommandError("--since must be before --until, and in the past.")
        counts: Counter[str] = Counter()
        failed = 0
        for connection in find_connections(options["connection"]):
            self._tell_where_busy(connection)
            if since is not None:
                more, refused = self._backfill(connection, since, until)
                counts.update(more)
                failed += refused
            if until is None:
                counts.update(self._pull(connection, now))
        self.print_counts(**{name: counts[name] for name in COUNTS})
        if failed:
            raise CommandError(
                f"AVIV refused {failed} periods. The run's page in the admin says which, and why."
            )

    def _pull(self, connection: Connection, now: datetime) -> Counter[str]:
        """What is new; faults that pass are tried again."""
        for failures in range(MOST_FAILURES):
            try:
                return pulling.pull(connection, now, patience=None)
            except RemoteError as error:
                if not pulling.is_passing(error) or failures == MOST_FAILURES - 1:
                    raise
                self.tell(f"{error.summary} Trying again.")
                time.sleep(min(2.0**failures, LONGEST_REST))
        raise AssertionError("unreachable")

    def _backfill(
        self, connection: Connection, since: datetime, until: datetime | None
    ) -> tuple[Counter[str], int]:
        run = backfilling.start(connection, since, until, actor="pull", now=timezone.now())
        progress = Progress(run.total, sys.stderr)
        counts: Counter[str] = Counter()
        failures = 0
        show = partial(self._show, progress, run)
        while not run.is_finished:
            run, read = backfilling.continue_run(run.pk, patience=None, on_page=show)
            counts.update(read)
            failures = 0 if read["pages"] or not run.problem else failures + 1
            if not run.is_finished:
                self._rest(run, failures)
        progress.show_run(run, last=True)
        if run.state == Run.CANCELLED:
            raise CommandError(f"Run {run.pk} was cancelled. What was read is kept.")
        return counts, run.failed

    def _show(self, progress: Progress, run: Run, _counts: Counter[str]) -> None:
        progress.show_run(run)

    def _rest(self, run: Run, failures: int) -> None:
        """Wait for the next try, or say why there is none."""
        connection = Connection.objects.get(pk=run.connection_id)
        if run.state == Run.PAUSED:
            raise CommandError(f"Run {run.pk} was paused; nothing is lost. Give the same command to go on.")
        if connection.is_paused or failures >= MOST_FAILURES:
            why = connection.reason or run.problem
            raise CommandError(f"{why} What was read is kept; the same command goes on from there.")
        if run.problem:
            self.tell(f"{run.problem} Trying again.")
            Run.objects.filter(pk=run.pk, lease_until__isnull=True).update(due_at=timezone.now())
            time.sleep(min(2.0**failures, LONGEST_REST))
        else:
            time.sleep(0.2)

    def _tell_where_busy(self, connection: Connection) -> None:
        claim = Claim.take(connection, timezone.now())
        if claim is None:
            self.tell(f"Another pull for {connection.name} is at work. Waiting for it.")
        else:
            claim.release()


def find_connections(pk: int | None) -> list[Connection]:
    """The AVIV connections to pull from; CommandError where there is none that could be asked."""
    rows = Connection.objects.filter(remote=Remote.AVIV).order_by("-from_environment", "id")
    if pk is not None:
        rows = rows.filter(pk=pk)
        if not rows:
            raise CommandError(f"There is no AVIV connection {pk}.")
    connected = [row for row in rows if row.is_connected]
    if not connected:
        raise CommandError(
            "AVIV is not connected. Set AVIV_CLIENT_ID and AVIV_CLIENT_SECRET (or AVIV_BEARER_TOKEN) and run"
            " manage.py bootstrap, or add a connection in the admin."
        )
    for row in connected:
        if row.is_paused:
            raise CommandError(row.reason or f"{row.name} is paused.")
    return connected


def read_instant(option: str, text: str | None) -> datetime | None:
    """The moment that an option names; a date is its first moment, in the time zone of the settings."""
    if text is None:
        return None
    try:
        day = parse_date(text) if len(text) <= 10 else None
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001 - made aware below
    except ValueError:
        found = None
    if found is None:
        raise CommandError(
            f"{option} is {text!r}, which is no date or time such as 2026-01-31 or 2026-01-31T09:00Z."
        )
    aware = found if timezone.is_aware(found) else timezone.make_aware(found)
    if aware < timezone.now() - timedelta(days=3660):
        raise CommandError(f"{option} is more than ten years ago; AVIV keeps leads for three.")
    return aware
