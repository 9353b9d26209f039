"""Offices and statuses of every Lead.pro connection, read now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from integrations.errors import RemoteError
from leads.management.plain import PlainCommand
from leads.models import Connection, Lane
from leads.sync.referencing import sync_reference


class Command(PlainCommand):
    """See the module."""

    help = "Read offices and statuses of every Lead.pro connection."

    def handle(self, *args: Any, **options: Any) -> None:
        offices = statuses = failed = 0
        connections = [row for row in Connection.objects.leadpro() if row.is_connected]
        if not connections:
            raise CommandError(
                "No Lead.pro connection has a key. Set LEADPRO_API_KEY, or add one in the admin."
            )
        for connection in connections:
            try:
                counts = sync_reference(connection, Lane.PERSON, patience=60)
            except RemoteError as problem:
                failed += 1
                self.tell(f"{connection.name}: {problem.summary} The last lists are kept.")
                continue
            offices, statuses = offices + counts[0], statuses + counts[1]
            connection.refresh_from_db()
            if connection.statuses_problem:
                self.tell(f"{connection.name}: statuses were not read: {connection.statuses_problem}")
        self.print_counts(connections=len(connections), offices=offices, statuses=statuses, failed=failed)
        if failed:
            raise CommandError(f"{failed} of {len(connections)} connections could not be read.")
