"""Make a key for the REST API and print it, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from leads.management.plain import PlainCommand
from leads.models import ApiKey
from leads.models.key import SCOPES


class Command(PlainCommand):
    """See the module."""

    help = "Make a key for the REST API and print it, once: only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="who uses it")
        parser.add_argument("--scopes", required=True, help=f"comma-separated: {', '.join(SCOPES)}")
        parser.add_argument("--offices", default="", help="comma-separated Lead.pro office ids; empty: all")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [text.strip() for text in options["scopes"].split(",") if text.strip()]
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise CommandError(
                f"Unknown scope {', '.join(unknown) or repr('')}. There are: {', '.join(SCOPES)}."
            )
        if not options["name"].strip():
            raise CommandError("Give the key a name, so that people know later whose it is.")
        _, text = ApiKey.make(
            options["name"].strip()[:100],
            list(dict.fromkeys(scopes)),
            parse_offices(options["offices"]),
            timezone.now(),
            created_by="create_api_key",
        )
        self.stdout.write(text)


def parse_offices(text: str) -> list[int]:
    """``375,42`` as ids; CommandError for anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if not (part.isascii() and part.isdecimal())]
    if wrong:
        raise CommandError(f"{wrong[0]!r} is no office id. Give Lead.pro's numbers, as in --offices 375,42.")
    if text.strip() and not parts:
        raise CommandError("--offices is empty. Leave it out for a key that sees every office.")
    return [int(part) for part in dict.fromkeys(parts)]
