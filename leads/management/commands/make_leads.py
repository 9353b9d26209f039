"""Invented leads for benchmarks and demos, stored as if Lead.pro had shown them. No remote is asked."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.management.plain import PlainCommand
from leads.management.progress import Progress
from leads.models import Cause, Connection, Copy, Office, Remote
from leads.sync.storing import Seen, store

NAME = "Invented leads"
BATCH = 500


class Command(PlainCommand):
    """See the module."""

    help = "N realistic invented leads, at a connection of their own that has no key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, metavar="N")
        parser.add_argument(
            "--seed", type=int, default=None, help="of everything random; another one each time"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        count = options["count"]
        if count < 1:
            raise CommandError("N must be 1 or more.")
        connection, _ = Connection.objects.get_or_create(
            remote=Remote.LEADPRO, name=NAME, from_environment=False
        )
        newest = (
            Copy.objects.filter(connection=connection)
            .order_by("-id")
            .values_list("remote_id", flat=True)
            .first()
        )
        last_id = int(newest or 0)
        seed = last_id + 1 if options["seed"] is None else options["seed"]
        progress = Progress(count, sys.stderr)
        stored = 0
        for batch in iter_batches(invent_payloads(count, seed, last_id)):
            now = timezone.now()
            store(
                connection,
                [Seen(payload, now) for payload in batch],
                Cause.IMPORT,
                now=now,
                actor="make_leads",
            )
            store_offices(connection, batch)
            stored += len(batch)
            progress.show(stored, last=stored == count)
        self.print_counts(leads=stored)


def invent_payloads(count: int, seed: int, last_id: int) -> Iterator[dict[str, Any]]:
    """Payloads as Lead.pro would show them, oldest first, with ids above ``last_id``."""
    shift: int | None = None
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(leads=count, seed=seed, state=str(Path(folder) / "s")) as box,
    ):
        for payload in box.leadpro.store.iter_all():
            if shift is None:
                shift = max(0, last_id + 1 - int(payload["id"]))
            parent = payload["parent_id"]
            yield payload | {
                "id": payload["id"] + shift,
                "parent_id": None if parent is None else parent + shift,
            }


def iter_batches(payloads: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """In lists of at most BATCH."""
    rest = iter(payloads)
    while batch := list(islice(rest, BATCH)):
        yield batch


def store_offices(connection: Connection, payloads: list[dict[str, Any]]) -> None:
    """The offices that these leads name."""
    named = {payload["office_id"]: payload["office_name"] for payload in payloads if payload["office_id"]}
    known = set(Office.objects.filter(connection=connection).values_list("office_id", flat=True))
    Office.objects.bulk_create(
        Office(connection=connection, office_id=int(pk), name=name or "", seen_at=timezone.now())
        for pk, name in named.items()
        if int(pk) not in known
    )
