"""Find out on a real account what Lead.pro's documents leave open."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from leads.management.plain import PlainCommand, add_connection_option, get_leadpro
from leads.sync.probing import Fact, probe

#: Characters of the three columns.
WIDTHS = (34, 38, 46)


class Command(PlainCommand):
    """See the module."""

    help = (
        "Find out on a real account what Lead.pro's documents leave open, keep it with the connection and print it."
        " Reads only; with --write one clearly named test lead is made and updated, which Lead.pro may show to"
        " staff or write to like any other. Delete it there afterwards: the API cannot."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="make and update one test lead")
        add_connection_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connection = get_leadpro(options["connection"])
        self.tell(
            f"Asking {connection.name}. With --write this takes a minute or two."
            if options["write"]
            else f"Asking {connection.name}. Nothing is changed there."
        )
        report = probe(connection, write=options["write"], now=timezone.now())
        for line in render_facts(report.facts):
            self.stdout.write(line)
        learnt = sum(fact.is_learnt for fact in report.facts)
        if report.lead_id is not None:
            self.tell(
                f"The test lead is #{report.lead_id} in Lead.pro, “leadmirror Test, please delete”. Delete it there."
            )
        kept = sum(bool(fact.kept) for fact in report.facts)
        self.print_counts(learnt=learnt, kept=kept, not_learnt=len(report.facts) - learnt - kept)
        if report.stopped:
            raise CommandError(report.stopped)
        if not learnt:
            raise CommandError(f"Nothing could be learnt. {report.facts[0].found}")


def render_facts(facts: list[Fact]) -> list[str]:
    """A table for people: what was asked, what was found, what leadmirror does because of it."""
    lines = _render_row("Asked", "Found", "So leadmirror does this")
    lines += ["  ".join("-" * width for width in WIDTHS)]
    for fact in facts:
        found = fact.found if fact.is_learnt else f"not learnt: {fact.found}"
        if fact.kept:
            found = f"kept: {fact.kept}. Not learnt again: {fact.found}"
        lines += _render_row(fact.question, found, f"! {fact.effect}" if fact.is_warning else fact.effect)
    return lines


def _render_row(*cells: str) -> list[str]:
    columns = [textwrap.wrap(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
    return [
        "  ".join(part.ljust(width) for part, width in zip(parts, WIDTHS, strict=True)).rstrip()
        for parts in zip_longest(*columns, fillvalue="")
    ]
