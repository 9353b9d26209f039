"""What every command of the project shares: plain words for foreseeable faults, and counts as the last line."""

from __future__ import annotations

import logging
import time
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from integrations.errors import RemoteError
from leads.models import Connection, Remote, Run
from leads.models.encryption import UnreadableSecret
from leads.sync import bulk
from leads.sync.importing import UnusableFile

from .progress import Progress

FORESEEN = (RemoteError, UnusableFile, UnreadableSecret)


class PlainCommand(BaseCommand):
    """A command whose foreseeable faults are one line on stderr, without a traceback."""

    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Wrong arguments are one line too, without the usage that --help shows."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        told = parser.error

        def error(message: str) -> NoReturn:
            if not getattr(self, "_called_from_command_line", False):
                told(message)
            parser.exit(2, f"{subcommand}: {message}. See: manage.py {subcommand} --help\n")

        parser.error = error  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run it; what can be foreseen becomes a CommandError, which Django prints as one line."""
        if options.get("verbosity", 1) < 2:
            logging.disable(logging.ERROR)
        try:
            return super().execute(*args, **options)
        except FORESEEN as problem:
            raise CommandError(getattr(problem, "summary", "") or str(problem)) from problem
        except DatabaseError as problem:
            raise CommandError(name_database_problem(problem)) from problem
        except KeyboardInterrupt:
            raise CommandError("Stopped. What was done so far is kept.", returncode=130) from None
        finally:
            logging.disable(logging.NOTSET)

    def tell(self, line: str) -> None:
        """A line for people, on stderr, so that stdout can be read by programs."""
        self.stderr.write(line, self.style.NOTICE)

    def print_counts(self, **counts: int) -> None:
        """The last line."""
        self.stdout.write(" ".join(f"{name}={number}" for name, number in counts.items()))


def name_database_problem(problem: DatabaseError) -> str:
    """A sentence. The database's own words are cut to their first line, which holds no row."""
    words = str(problem).strip().splitlines()
    first = words[0] if words else type(problem).__name__
    if "no such table" in first or "does not exist" in first or "no such column" in first:
        return "The database is not ready for this version. Run: manage.py bootstrap"
    return f"The database does not answer as it should: {first[:200]}"


def add_connection_option(parser: CommandParser) -> None:
    """``--connection ID``, for accounts beside the environment's."""
    parser.add_argument(
        "--connection", type=int, metavar="ID", help="a Lead.pro connection other than the default"
    )


def get_leadpro(pk: int | None) -> Connection:
    """The Lead.pro connection named, or the default one; CommandError where there is none."""
    if pk is not None:
        named = Connection.objects.filter(pk=pk, remote=Remote.LEADPRO).first()
        if named is None:
            raise CommandError(f"There is no Lead.pro connection {pk}.")
        return named
    default = Connection.objects.default()
    if default is None:
        raise CommandError("There is no Lead.pro connection yet. Run: manage.py bootstrap")
    return default


def finish_run(run: Run, progress: Progress) -> Run:
    """Work on a run in the foreground until it is finished. CommandError where somebody has to act first."""
    while True:
        run = bulk.continue_run(run.pk, on_progress=progress.show_run)
        if run.is_finished:
            progress.show_run(run, last=True)
            return run
        if run.state == Run.PAUSED:
            raise CommandError(
                f"Run {run.pk} was paused; nothing is lost. Resume it in the admin, or start this again."
            )
        connection = Connection.objects.get(pk=run.connection_id)
        if connection.is_paused or not connection.is_connected:
            why = connection.reason or f"{connection.name} is not connected: no key is set."
            raise CommandError(f"{why} Run {run.pk} is kept and goes on when the connection works.")
        progress.show_run(run)
        seconds = (run.due_at - timezone.now()).total_seconds()
        time.sleep(min(max(seconds, 0.2), 2.0))
