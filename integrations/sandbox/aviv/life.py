"""Life at the portals: seekers ask, some of it arrives late, now and then somebody asks to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.sandbox.pulse import Pulse

from .seekers import Seekers
from .shape import Lead

if TYPE_CHECKING:
    from .remote import Aviv

LATE_SHARE = 0.08
ERASURE_SHARE = 0.02
#: A late lead's ingestion date lies up to so many seconds back.
LATE_SECONDS = 7200.0


class AvivLife(Pulse):
    """A thread that makes ``rate`` events a minute."""

    def __init__(self, remote: Aviv, *, rate: float, seed: int) -> None:
        super().__init__(rate=rate, seed=seed)
        self.counts = {"leads": 0, "late": 0, "erasures": 0}
        self._remote = remote
        self._seekers = Seekers(self._chance)

    def step(self) -> Lead:
        """One event; returns the lead it was about."""
        luck = self._chance.random()
        known = self._remote.store.find_any(self._chance.random()) if luck < ERASURE_SHARE else None
        if known is not None:
            self.counts["erasures"] += 1
            return self._remote.erase(known)
        return self._deliver(late=luck > 1 - LATE_SHARE)

    def _deliver(self, *, late: bool) -> Lead:
        # Leads may have been seeded since: their people keep their numbers.
        self._seekers.number = max(self._seekers.number, int(self._remote.store.get_fact("people") or 0))
        category, fields = self._seekers.invent()
        now = self._remote.clock.now()
        ingested_at = now - self._chance.uniform(60, LATE_SECONDS) if late else now
        lead = self._remote.add(category, ingested_at=ingested_at, **fields)
        self.counts["late" if late else "leads"] += 1
        self._remote.store.set_fact("people", str(self._seekers.number))
        return lead
