"""Make an installation ready: migrations, the environment's connection, the first superuser. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from leads.management.plain import PlainCommand
from leads.models import Access, Budget, Connection, Remote


class Command(PlainCommand):
    """See the module."""

    help = "Migrations, roles, the connection from the environment, the first superuser. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.stdout.write("Database: migrated.")
        connection = prepare_connection()
        state = "connected" if connection.is_connected else "not connected (LEADPRO_API_KEY is not set)"
        self.stdout.write(f"{connection.name}: {state}.")
        for other in prepare_others():
            state = "connected" if other.is_connected else "not connected (its credentials are not set)"
            self.stdout.write(f"{other.name}: {state}.")
        self._prepare_superuser()

    def _prepare_superuser(self) -> None:
        name, password = settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD
        users = get_user_model().objects
        if not name:
            if not users.filter(is_superuser=True).exists():
                self.stdout.write(
                    "No superuser: set ADMIN_USERNAME and ADMIN_PASSWORD, or run createsuperuser."
                )
            return
        user = users.filter(username=name).first()
        if user is None:
            if not password:
                raise CommandError(f"ADMIN_PASSWORD is not set, so {name} was not made. The rest is ready.")
            user = users.create_superuser(name, settings.ADMIN_EMAIL, password)
            self.stdout.write(f"Superuser {name}: made.")
        else:
            self.stdout.write(f"Superuser {name}: there already; the password was left alone.")
        Access.objects.get_or_create(user=user, defaults={"role": Access.ADMIN})


def prepare_connection() -> Connection:
    """The environment's Lead.pro connection and its budget, made or brought up to date. Repeatable."""
    values = {
        "base_url": settings.LEADPRO_BASE_URL,
        "statuses_path": settings.LEADPRO_STATUSES_PATH,
        "status_by": settings.LEADPRO_STATUS_BY,
        "requests_per_minute": max(1, settings.LEADPRO_REQUESTS_PER_MINUTE),
        "lead_url": settings.LEADPRO_LEAD_URL,
    }
    connection, _ = Connection.objects.update_or_create(
        remote=Remote.LEADPRO,
        from_environment=True,
        defaults=values,
        create_defaults={"name": "Lead.pro", **values},
    )
    Budget.objects.get_or_create(connection=connection)
    return connection


def prepare_others() -> list[Connection]:
    """The environment's connections at AVIV and AlterEstate, where it has credentials for them or once had.

    Repeatable. All that they are set to stays in the environment; the row is for their health and their copies.
    """
    wanted = {
        Remote.AVIV: (settings.AVIV_BASE_URL, _has_aviv()),
        Remote.ALTERESTATE: (settings.ALTERESTATE_BASE_URL, bool(settings.ALTERESTATE_API_KEY)),
    }
    known = Connection.objects.filter(from_environment=True).values_list("remote", flat=True)
    return [
        Connection.objects.update_or_create(
            remote=remote,
            from_environment=True,
            defaults={"base_url": base_url},
            create_defaults={"name": str(remote.label), "base_url": base_url},
        )[0]
        for remote, (base_url, has_credentials) in wanted.items()
        if has_credentials or remote in known
    ]


def _has_aviv() -> bool:
    by_client = settings.AVIV_CLIENT_ID and settings.AVIV_CLIENT_SECRET
    return bool(by_client or settings.AVIV_BEARER_TOKEN)
