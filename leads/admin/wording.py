"""Small words and marks that every screen shares: how long ago, badges, buttons."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leads.models import Push, Run, SyncState

NOTHING = format_html('<span class="lm-none">{}</span>', "—")

#: Tone of a badge: green, blue, amber, red, grey.
STATE_TONES = {
    SyncState.IN_SYNC: "green",
    SyncState.PENDING: "blue",
    SyncState.NEEDS_ATTENTION: "red",
    SyncState.GONE: "grey",
    SyncState.LOCAL: "grey",
}
PUSH_TONES = {
    Push.WAITING: "blue",
    Push.SENDING: "blue",
    Push.UNCLEAR: "amber",
    Push.DONE: "green",
    Push.DUPLICATE: "amber",
    Push.NEEDS_ATTENTION: "red",
    Push.DISCARDED: "grey",
}
RUN_TONES = {
    Run.WAITING: "blue",
    Run.RUNNING: "blue",
    Run.PAUSED: "amber",
    Run.CANCELLED: "grey",
    Run.DONE: "green",
}
TYPE_TONES = {
    "sale": "blue",
    "let": "violet",
    "vendor": "teal",
    "landlord": "amber",
    "mortgage_request": "grey",
}


def clock(at: datetime) -> str:
    """A moment in full, local time."""
    return date_format(timezone.localtime(at), "j M Y, H:i:s")


def short_clock(at: datetime, now: datetime) -> str:
    """Time of day where it is today, else the date too."""
    local = timezone.localtime(at)
    same_day = local.date() == timezone.localtime(now).date()
    return date_format(local, "H:i" if same_day else "j M, H:i")


def span(length: timedelta) -> str:
    """A duration in its largest unit."""
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if name == 'day' and count > 1 else ''}"
    return f"{seconds} s"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, or in how long; a date once it is more than a month."""
    gap = now - at
    if gap > timedelta(days=31):
        return date_format(timezone.localtime(at), "j M Y")
    if gap >= timedelta(seconds=5):
        return f"{span(gap)} ago"
    return "just now" if gap > timedelta(seconds=-5) else f"in {span(-gap)}"


def moment(at: datetime | None, now: datetime) -> SafeString:
    """A relative time that shows the exact one under the pointer."""
    if at is None:
        return NOTHING
    return format_html(
        '<time class="lm-time" datetime="{}" title="{}">{}</time>', at.isoformat(), clock(at), ago(at, now)
    )


def about(at: datetime, now: datetime) -> SafeString:
    """A moment to come by which something will have happened, if all goes well: "within about 2 h"."""
    words = f"within about {span(at - now)}" if at > now else "now"
    return format_html(
        '<time class="lm-time" data-about datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        f"about {clock(at)}",
        words,
    )


def badge(text: object, tone: str = "grey", title: str = "") -> SafeString:
    """A coloured label."""
    return format_html('<span class="lm-badge lm-{}" title="{}">{}</span>', tone, title, text)


def cut(text: str, length: int = 120) -> str:
    """Text for a table cell."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def two_lines(first: object, second: object) -> SafeString:
    """A cell of two lines, the second one quieter."""
    return format_html(
        '<span class="lm-two"><span>{}</span><span class="lm-sub">{}</span></span>', first, second
    )


def count_of(number: int, thing: str, things: str = "") -> str:
    """'1 lead', '2 leads'."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
