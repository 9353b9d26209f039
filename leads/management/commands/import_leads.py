"""Start a mirror from a CSV file: each row becomes a fetch. Resumable; bad rows never stop the rest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from leads import tasks
from leads.management.plain import PlainCommand, add_connection_option, finish_run, get_leadpro
from leads.management.progress import Progress
from leads.sync.importing import Imported, start_import, write_errors


class Command(PlainCommand):
    """See the module."""

    help = "Fetch every lead named in a CSV file by leadpro_id, email or phone. Run it again to go on after a stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column holds leadpro_id, email, phone, first_name or last_name; may be repeated",
        )
        parser.add_argument("--background", action="store_true", help="leave the fetching to the worker")
        add_connection_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        connection = get_leadpro(options["connection"])
        begun = start_import(
            path, connection, mapping=parse_mapping(options["map"]), actor="import_leads", now=timezone.now()
        )
        self._say_start(begun, path)
        if options["background"]:
            tasks.ring(tasks.continue_run, run_id=begun.run.pk)
            self.print_counts(run=begun.run.pk, total=begun.total, bad_rows=begun.bad_rows)
            return
        try:
            run = finish_run(begun.run, Progress(begun.total, sys.stderr))
        finally:
            failed = write_errors(begun.run, path)
        if failed:
            self.tell(f"{failed} rows could not be imported; {name_errors(path)} says which and why.")
        self.print_counts(total=run.total, done=run.done, failed=run.failed, bad_rows=begun.bad_rows)

    def _say_start(self, begun: Imported, path: Path) -> None:
        if begun.resumed:
            self.tell(f"Going on with the import of {path.name} where it stopped.")
        if begun.bad_rows:
            write_errors(begun.run, path)
            self.tell(
                f"{begun.bad_rows} rows cannot be used as they are; {name_errors(path)} lists them by line."
            )


def name_errors(path: Path) -> str:
    """Where the bad rows are listed."""
    return f"{path.name.removesuffix('.csv')}.errors.csv"


def parse_mapping(texts: list[str]) -> dict[str, str]:
    """``leadpro_id=Lead ID`` as a dictionary; CommandError for anything else."""
    mapping = {}
    for text in texts:
        field, mark, column = text.partition("=")
        if not mark or not field.strip() or not column.strip():
            raise CommandError(f"--map {text!r} is not FIELD=COLUMN, as in --map leadpro_id='Lead ID'.")
        mapping[field.strip()] = column.strip()
    return mapping
