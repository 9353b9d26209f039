"""The claim of the one process that pulls for a connection. It lapses when no sign of life comes any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from leads.models import Connection, Heartbeat


@dataclass(slots=True)
class Claim:
    """Held until ``until``; every sign of life moves that on."""

    name: str
    until: datetime

    @classmethod
    def take(cls, connection: Connection, now: datetime) -> Claim | None:
        """Become the one who pulls, or None where somebody else is."""
        name = f"pull:{connection.pk}"
        return cls(name, now + _span()) if Heartbeat.claim(name, now, _span()) else None

    def keep(self, now: datetime) -> bool:
        """A sign of life. False where the claim had lapsed and somebody else has it now."""
        until = now + _span()
        if not Heartbeat.keep(self.name, self.until, until, now):
            return False
        self.until = until
        return True

    def release(self) -> None:
        """Let the next one in; nothing happens where the claim is somebody else's by now."""
        Heartbeat.objects.filter(name=self.name, until=self.until).update(until=None)


def _span() -> timedelta:
    return timedelta(seconds=settings.PUSH_LEASE_SECONDS)
