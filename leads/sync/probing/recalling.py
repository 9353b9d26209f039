"""What earlier probes found: kept beside the answers in words, and shown where a later probe is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from leads.models import Connection
from leads.sync.probing.facts import Fact
from leads.sync.probing.reading import configured_path, say_path
from leads.sync.probing.updating import say_status_by
from leads.sync.probing.writing import say_settle

#: Under this name, what was found is kept in words.
WORDS = "words"
#: What follows depends on settings, which may have changed since: (connection, answer, whether it was a warning).
_BY_SETTING: dict[str, Callable[[Connection, Any, bool], str]] = {
    "status_by": lambda connection, form, _: say_status_by(form, connection.setting("status_by")),
    "statuses_path": lambda connection, path, _: say_path(path, configured_path(connection)),
    "lookup_delay": lambda _, waited, warned: say_settle(float(waited), is_late=warned),
}


def put_in_words(facts: list[Fact], now: datetime) -> dict[str, dict[str, Any]]:
    """Every answer as it is to be shown later."""
    day = timezone.localtime(now).date().isoformat()
    return {
        fact.name: {"found": fact.found, "effect": fact.effect, "warns": fact.is_warning, "day": day}
        for fact in facts
        if fact.is_learnt
    }


def recall(connection: Connection, fact: Fact) -> Fact:
    """The fact; where it was not learnt, with the answer that is kept from before and still used."""
    value = connection.learnt(fact.name)
    if fact.is_learnt or value is None:
        return fact
    words = (connection.learnt(WORDS) or {}).get(fact.name, {})
    found, warned = words.get("found", _say(value)), bool(words.get("warns"))
    effect = words.get("effect", "It is gone by as learnt then.")
    if fact.name in _BY_SETTING and not (warned and fact.name == "statuses_path"):
        effect = _BY_SETTING[fact.name](connection, value, warned)
    kept = f"{found} (from {words.get('day', 'before')})"
    return replace(fact, value=value, effect=effect, is_warning=warned, kept=kept)


def _say(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
