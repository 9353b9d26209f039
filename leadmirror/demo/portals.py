"""AVIV and AlterEstate in the demo: AVIV tells of each new lead at once, and two rules hand some of them on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

#: Sellers and landlords who write to the agency's page are worked in Lead.pro, by this office of the sandbox.
OWNERS: dict[str, Any] = {
    "name": "Owners from the portals to Lead.pro",
    "when": {"origin": ["aviv"], "type": ["vendor", "landlord"]},
    "mapping": {"first_name": {"text": "{first_name}", "missing": "Madame, Monsieur"}},
    "office": {"fixed": 375},
}
LOGIC_IMMO: dict[str, Any] = {
    "name": "Logic-Immo to AlterEstate",
    "when": {"origin": ["aviv"], "portal": ["LIM-FRA"]},
}


def prepare_portals(now: datetime) -> list[str]:
    """Subscribe to AVIV's webhooks and make the two rules, where they are not there yet; what went wrong, in words."""
    from leads.models import Connection, Remote

    problems = []
    for connection in Connection.objects.filter(from_environment=True, remote=Remote.AVIV):
        problems += _subscribe(connection, now)
    for remote, terms in ((Remote.LEADPRO, OWNERS), (Remote.ALTERESTATE, LOGIC_IMMO)):
        target = Connection.objects.filter(from_environment=True, remote=remote).first()
        if target is not None:
            problems += _make_rule(target, terms, now)
    return problems


def _subscribe(connection: Any, now: datetime) -> list[str]:
    from integrations.errors import RemoteError
    from leads.sync import subscribing

    try:
        subscribing.subscribe(connection, now)
    except RemoteError as error:
        return [str(error)]
    return []


def _make_rule(target: Any, terms: dict[str, Any], now: datetime) -> list[str]:
    from leads.models import Rule
    from leads.sync import rulemaking

    if Rule.objects.filter(name=terms["name"]).exists():
        return []
    try:
        rulemaking.save_rule(Rule(target=target, is_on=True, **terms), actor="demo", now=now)
    except rulemaking.RuleRefused as refused:
        return [str(refused)]
    return []
