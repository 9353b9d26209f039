"""Finds out on a real account what Lead.pro's documents leave open, and keeps it with the connection, where the engine
looks. What stays open is treated the safe way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from leads.models import Connection
from leads.remotes import ConnectionPaused, NotConnected
from leads.sync.probing import reading, recalling, writing
from leads.sync.probing.asking import Asker
from leads.sync.probing.facts import Fact

__all__ = ["Fact", "Report", "probe"]

#: How long a new lead is waited for in look-ups, seconds.
LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Report:
    """Every question with its answer. ``lead_id``: the test lead's in Lead.pro; ``stopped``: why something is left."""

    facts: list[Fact]
    lead_id: int | None = None
    stopped: str = ""


def probe(
    connection: Connection, *, write: bool = False, now: datetime, longest: float = LONGEST_DELAY
) -> Report:
    """Ask everything and keep what was learnt. Reads only, unless ``write``: then one test lead is made and updated.

    Raises ConnectionPaused or NotConnected where nothing could be asked. Repeatable; with ``write`` each time makes
    another test lead. ``longest``: seconds a new lead is waited for in look-ups.
    """
    asker = Asker(connection)
    _refuse_when_shut(connection)
    reading.ask_all(asker)
    lead_id, stopped = None, ""
    if write and not connection.is_paused:
        try:
            lead = writing.make_lead(asker, now)
        except writing.NoTestLead as why:
            stopped = str(why)
        else:
            lead_id = lead.leadpro_id
            writing.ask_all(asker, lead, longest)
    connection.refresh_from_db()
    _learn_successes(asker)
    keep(asker, now)
    facts = [recalling.recall(connection, fact) for fact in asker.findings.rows()]
    return Report(facts, lead_id, stopped or (connection.reason if connection.is_paused else ""))


def _refuse_when_shut(connection: Connection) -> None:
    if not connection.is_connected:
        raise NotConnected(f"{connection.name} is not connected: no key is set.")
    if connection.is_paused:
        raise ConnectionPaused(connection.reason or f"{connection.name} is paused.")


def _learn_successes(asker: Asker) -> None:
    if asker.successes:
        seen = sorted(asker.successes)
        asker.findings.learn("success_status", seen, ", ".join(map(str, seen)))
    else:
        asker.findings.miss("success_status", "Nothing was answered with success.")


def keep(asker: Asker, now: datetime) -> None:
    """Store the answers with the connection. What was learnt before, at this address, stays where they are silent."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=asker.connection.pk)
        address = row.setting("base_url")
        before = row.capabilities if row.capabilities.get("base_url") == address else {}
        known = {**before, **asker.findings.values()}
        known |= {
            recalling.WORDS: {
                **before.get(recalling.WORDS, {}),
                **recalling.put_in_words(asker.findings.rows(), now),
            },
            "base_url": address,
            "probed_at": now.isoformat(),
            "not_learnt": {fact.name: fact.found for fact in asker.findings.rows() if not fact.is_learnt},
            "absent_is_404": known.get("lookup_nobody") == "404" and known.get("lookup_path") is True,
            "instead": _find_swaps(row, known),
        }
        moved = known["instead"].get("statuses_path") != before.get("instead", {}).get("statuses_path")
        row.capabilities = known
        if moved:
            row.reference_synced_at = None
        row.save(update_fields=["capabilities", "reference_synced_at"])
    asker.connection.refresh_from_db()


def _find_swaps(row: Connection, known: dict[str, Any]) -> dict[str, list[str]]:
    """Settings as they are, and what works in their place."""
    swaps = {}
    path, status_by = row.setting("statuses_path"), row.setting("status_by")
    if known.get("statuses_path") and known["statuses_path"] != "/" + path.strip().lstrip("/"):
        swaps["statuses_path"] = [path, known["statuses_path"]]
    if known.get("status_by") in ("name", "id") and known["status_by"] != status_by:
        swaps["status_by"] = [status_by, known["status_by"]]
    return swaps
