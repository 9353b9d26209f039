"""Asking as the probe does, for tests."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Cause, Connection, Lane
from leads.sync import refreshing
from leads.sync.probing import Report, probe
from leads.sync.probing.facts import QUESTIONS, Fact


def ask(leadpro: Connection, **how: Any) -> dict[str, Fact]:
    return {fact.name: fact for fact in report_of(leadpro, **how).facts}


def report_of(leadpro: Connection, **how: Any) -> Report:
    report = probe(leadpro, now=timezone.now(), **{"longest": 2.0, **how})
    assert [fact.name for fact in report.facts] == list(QUESTIONS)
    return report


def mirror(sandbox: Sandbox, leadpro: Connection, **fields: Any) -> int:
    """A lead that the mirror knows."""
    there = sandbox.add_lead(
        **{"email": "cy@example.org", "phone": "07700900321", "meta": {"a": "b"}, **fields}
    )
    refreshing.refresh_remote_id(leadpro, there["id"], Lane.PERSON, Cause.REFRESH)
    sandbox.clear_log()
    leadpro.lookup_has_found = False
    leadpro.save()
    return int(there["id"])
