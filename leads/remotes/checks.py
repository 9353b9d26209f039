"""Whether a connection works, whichever remote it is at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leads.models import Connection, Remote
from leads.remotes import alterestate, aviv, leadpro

_CHECKS: dict[str, Callable[[Connection, datetime], tuple[bool | None, str]]] = {
    Remote.LEADPRO: leadpro.check_connection,
    Remote.AVIV: aviv.check_connection,
    Remote.ALTERESTATE: alterestate.check_connection,
}


def check_connection(connection: Connection, now: datetime) -> tuple[bool | None, str]:
    """One call past any pause: (works, a sentence), None where the remote offers nothing to try it with.

    A connection paused for key or address resumes when it works.
    """
    Connection.objects.filter(pk=connection.pk).update(last_probe_at=now)
    if not connection.is_connected:
        return False, "Not connected: no key is set."
    return _CHECKS[connection.remote](connection, now)
