"""When a lead was last seen at its remote and when it will be looked at again, without promising too much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.aviv.portals import name_portal
from leads.admin.wording import about, moment
from leads.models import Connection, Copy, Heartbeat, Remote
from leads.models.encryption import UnreadableSecret

#: A sweep comes every 15 s; one that is so old has stopped.
LATE = timedelta(seconds=90)


def tell_look(copies: Sequence[Copy], now: datetime) -> SafeString:
    """One line for the head of a lead's page. ``copies`` with their connections."""
    copy = main_copy(copies)
    if copy is None:
        return format_html("{}", "No remote has shown this lead yet, so there is nothing to look at again.")
    seen = format_html("{} {}", "Last seen" if copy.gone_at else "Seen", moment(copy.seen_at, now))
    return format_html("{} · {}", seen, tell_next(copy, now))


def main_copy(copies: Sequence[Copy]) -> Copy | None:
    """The copy that the lead's columns come from: Lead.pro's, else the one seen last."""
    at_leadpro = [copy for copy in copies if copy.connection.remote == Remote.LEADPRO]
    return max(at_leadpro or copies, key=lambda copy: copy.seen_at, default=None)


def tell_next(copy: Copy, now: datetime) -> SafeString:
    """When the copy will be looked at again, or why nobody can say."""
    shut = why_shut(copy.connection, now)
    if shut:
        return format_html("not looked at again while {}", shut)
    if copy.connection.remote == Remote.AVIV:
        return format_html("{}", "read again together with all leads of its days, within 30 days")
    if copy.refresh_class is None or copy.next_refresh_at is None:
        return format_html("{} tells of changes itself; not looked at one by one", copy.connection.name)
    again = (
        format_html("{}", "will be looked at again as soon as its turn comes")
        if copy.next_refresh_at <= now
        else format_html("will be looked at again {}", about(copy.next_refresh_at, now))
    )
    if copy.failures:
        looks = "the last look" if copy.failures == 1 else f"the last {copy.failures} looks"
        return format_html("{} failed, {}", looks, again)
    if copy.missing_since and not copy.gone_at:
        return format_html("not found {}, {}", moment(copy.missing_since, now), again)
    return again


def tell_portal(copy: Copy) -> str:
    """The portal that an AVIV lead was written at: 'SeLoger (SLG-FRA)'; empty for other copies."""
    metadata = copy.raw.get("metadata") if copy.connection.remote == Remote.AVIV else None
    code = metadata.get("portal") if isinstance(metadata, dict) else None
    if not isinstance(code, str) or not code:
        return ""
    name = name_portal(code)
    return name if name == code else f"{name} ({code})"


def why_shut(connection: Connection, now: datetime) -> str:
    """Why nothing is read from this connection, as the end of a sentence; empty where it is read."""
    try:
        is_connected = connection.is_connected
    except UnreadableSecret:
        return f"the key of {connection.name} cannot be read"
    if not is_connected:
        return f"{connection.name} is not connected"
    if connection.is_paused:
        return f"{connection.name} is paused"
    is_awake = Heartbeat.objects.filter(name="sweep", at__gte=now - LATE).exists()
    return "" if is_awake else "no worker runs"
