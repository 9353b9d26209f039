"""The remotes as one local server, for development and demos."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import CommandError

from integrations.sandbox.__main__ import main
from leads.management.plain import PlainCommand


class Command(PlainCommand):
    """Hands everything to the sandbox's own command line."""

    help = "The remotes as one local server."

    def run_from_argv(self, argv: list[str]) -> None:
        """The sandbox reads its own options; SANDBOX_PORT counts where --port is not given."""
        port = os.environ.get("SANDBOX_PORT")
        given = ["--port", port] if port and not any(text.startswith("--port") for text in argv[2:]) else []
        sys.exit(main([*given, *argv[2:]], prog=f"{argv[0]} sandbox"))

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError("Start the sandbox from the command line.")
