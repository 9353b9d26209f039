"""Where remotes send their webhooks: a line per connection that can receive."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from leads.management.plain import PlainCommand
from leads.models import Connection, Remote


class Command(PlainCommand):
    """See the module."""

    help = "A line per connection that can receive webhooks: remote, name, path. Put PUBLIC_BASE_URL before the path."

    def handle(self, *args: Any, **options: Any) -> None:
        receiving = Connection.objects.filter(remote__in=(Remote.LEADPRO, Remote.AVIV))
        for connection in receiving.order_by("-remote", "-from_environment", "id"):
            path = reverse("webhook", kwargs={"secret": connection.webhook_secret})
            self.stdout.write(f"{connection.remote} {connection.name} {path}")
