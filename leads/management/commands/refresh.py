"""Read leads from Lead.pro into the mirror, in the foreground."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from integrations.errors import NotFound, PermanentError, RemoteError
from leads.management.plain import PlainCommand, add_connection_option, finish_run, get_leadpro
from leads.management.progress import Progress
from leads.models import Cause, Connection, Copy, Lane, Run
from leads.remotes import ConnectionPaused, NotConnected
from leads.sync import bulk
from leads.sync.refreshing import look_up, refresh_remote_id
from leads.sync.rounds import refresh_due

#: The foreground waits for the budget rather than give up.
PATIENCE = 120.0


class Command(PlainCommand):
    """See the module."""

    help = "Read leads from Lead.pro into the mirror, in the foreground."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", metavar="N", dest="ids", help="Lead.pro's ids")
        parser.add_argument("--email", help="everybody with this e-mail address")
        parser.add_argument("--phone", help="everybody with this phone number, in any spelling")
        parser.add_argument("--first-name", help="narrows --email and --phone")
        parser.add_argument("--last-name", help="narrows --email and --phone")
        parser.add_argument("--due", action="store_true", help="what is due to be looked at again")
        parser.add_argument("--all", action="store_true", help="every lead of the connection")
        add_connection_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        ways = [
            bool(options["ids"]),
            bool(options["email"] or options["phone"]),
            options["due"],
            options["all"],
        ]
        if sum(ways) != 1:
            raise CommandError("Say what to read: --id, or --email/--phone, or --due, or --all.")
        connection = get_leadpro(options["connection"])
        if options["ids"]:
            self._refresh_ids(connection, options["ids"])
        elif options["due"]:
            self._refresh_due(connection)
        elif options["all"]:
            self._refresh_all(connection)
        else:
            self._look_up(connection, options)

    def _refresh_ids(self, connection: Connection, ids: list[int]) -> None:
        counts = Counter(created=0, changed=0, unchanged=0, missing=0, failed=0)
        progress = Progress(len(ids), sys.stderr)
        for number, leadpro_id in enumerate(ids, start=1):
            counts[self._refresh_id(connection, leadpro_id)] += 1
            progress.show(number, last=number == len(ids))
        self.print_counts(**counts)
        if counts["missing"] or counts["failed"]:
            raise CommandError(
                f"{counts['missing'] + counts['failed']} of {len(ids)} leads could not be read."
            )

    def _refresh_id(self, connection: Connection, leadpro_id: int) -> str:
        try:
            stored = refresh_remote_id(connection, leadpro_id, Lane.PERSON, Cause.REFRESH, patience=PATIENCE)
        except NotFound:
            self.tell(f"Lead {leadpro_id}: Lead.pro has no lead with this id. What is here is kept.")
            return "missing"
        except (NotConnected, ConnectionPaused):
            raise
        except RemoteError as problem:
            again = "" if isinstance(problem, PermanentError) else " Try again later."
            self.tell(f"Lead {leadpro_id}: {problem.summary}{again}")
            return "failed"
        return "unchanged" if stored.outcome == "older" else stored.outcome

    def _look_up(self, connection: Connection, options: dict[str, Any]) -> None:
        contact = {name: options[name] for name in ("email", "phone", "first_name", "last_name")}
        found = look_up(connection, Lane.PERSON, **contact, patience=PATIENCE)
        if not found:
            self.tell("Lead.pro knows nobody by this contact.")
        self.print_counts(found=len(found))

    def _refresh_due(self, connection: Connection) -> None:
        counts = Counter(created=0, changed=0, unchanged=0, missing=0, failed=0)
        before = -1
        while sum(counts.values()) != before:
            before = sum(counts.values())
            until = timezone.now() + timedelta(minutes=5)
            counts.update(refresh_due(connection, until, least=1.0).counts)
        self.print_counts(**counts)
        if counts["failed"]:
            raise CommandError(
                f"{counts['failed']} leads could not be read; they are tried again when next due."
            )

    def _refresh_all(self, connection: Connection) -> None:
        ids = (
            Copy.objects.filter(connection=connection)
            .order_by("last_attempt_at", "id")
            .values_list("lead_id", flat=True)
        )
        keys = [{"lead": lead_id} for lead_id in ids.iterator()]
        if not keys:
            self.tell("There are no leads of this connection yet.")
            self.print_counts(total=0, done=0, failed=0)
            return
        run = bulk.start(
            Run.REFRESH,
            connection,
            keys,
            actor="refresh --all",
            lane=Lane.BULK,
            now=timezone.now(),
            name="all leads",
        )
        run = finish_run(run, Progress(run.total, sys.stderr))
        self.print_counts(total=run.total, done=run.done, failed=run.failed)
        if run.failed:
            raise CommandError(f"{run.failed} leads could not be read. Run {run.pk} in the admin says why.")
