"""Django's migrate, and ids go on where they were: here, so that no way to a new version leaves it out."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from leads.models.installation import keeping_ids


class Command(migrate.Command):
    """See the module."""

    def handle(self, *args: Any, **options: Any) -> None:
        with keeping_ids(options["database"]):
            super().handle(*args, **options)
