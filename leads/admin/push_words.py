"""What a manager is told about a lead on its way: one short story for the head of the page (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

from leads.admin.look_words import main_copy
from leads.admin.values import label_of, link
from leads.admin.wording import short_clock
from leads.models import Conflict, Connection, Copy, Lead, Push, SyncState
from leads.models.state import GONE_WORDS, UNCLEAR_WORDS

#: How long "Confirmed" stays in the head after a push has arrived.
FRESH = timedelta(minutes=10)
SAVED, SENT, CONFIRMED = "Saved", "Sent", "Confirmed"


@dataclass(frozen=True, slots=True)
class Story:
    """Tone (green, blue, amber, red, grey), a sentence, perhaps more words, and what can be done about it."""

    tone: str
    words: str | SafeString
    more: str | SafeString = ""
    push: Push | None = None
    buttons: tuple[str, ...] = ()
    #: How many of saved, sent, confirmed are behind us; 0 hides the steps.
    steps: int = 0

    @property
    def is_moving(self) -> bool:
        """Whether the page should keep asking how it goes."""
        return self.push is not None and self.push.state in Push.MOVING


def remote_link(connection: Connection, remote_id: object) -> SafeString:
    """'Lead.pro #18376', a link where the connection has a template for one."""
    name = connection.get_remote_display()
    template = str(connection.setting("lead_url") or "")
    words = f"{name} #{remote_id}"
    return link(template.replace("{id}", str(remote_id)), words) if template else format_html("{}", words)


def tell(
    lead: Lead, pushes: Sequence[Push], conflicts: Sequence[Conflict], copies: Sequence[Copy], now: datetime
) -> Story:
    """The story of one lead. ``pushes`` newest first, ``conflicts`` the open ones."""
    if conflicts:
        return _tell_conflicts(conflicts)
    for state in (Push.NEEDS_ATTENTION, Push.UNCLEAR, Push.SENDING, Push.WAITING):
        for push in pushes:
            if push.state == state:
                return tell_push(push, now)
    return _tell_rest(lead, pushes, copies, now)


def _tell_conflicts(conflicts: Sequence[Conflict]) -> Story:
    names = ", ".join(label_of(c.field) for c in conflicts)
    more = "Both values are kept and nothing was overwritten. Choose below."
    return Story("red", f"Changed here and in Lead.pro: {names}.", more, buttons=("conflicts",))


def tell_push(push: Push, now: datetime) -> Story:
    """The story of one push."""
    if push.state == Push.NEEDS_ATTENTION:
        return _tell_stopped(push)
    if push.state == Push.UNCLEAR:
        more = f"The next look is at {short_clock(push.due_at, now)}." if push.due_at > now else ""
        buttons = ("retry", "found") if push.kind in Push.CREATES else ("retry",)
        return Story("amber", UNCLEAR_WORDS, more, push, buttons, steps=2)
    if push.state in (Push.WAITING, Push.SENDING):
        return _tell_moving(push, now)
    if push.state == Push.DUPLICATE:
        return Story(
            "amber", push.problem or "This person is twice in Lead.pro. Merge them there.", push=push, steps=3
        )
    if push.state == Push.DISCARDED:
        return Story("grey", "Discarded. Nothing will be sent.", push=push)
    return Story("green", _arrived(push), push=push, steps=3)


def _arrived(push: Push) -> str | SafeString:
    """Where it is now, as exactly as the remote told."""
    name = push.connection.get_remote_display()
    if push.remote_id:
        return format_html("In {}", remote_link(push.connection, push.remote_id))
    return f"Taken by {name}: {push.remote_reference}." if push.remote_reference else f"In {name}."


def _tell_stopped(push: Push) -> Story:
    where = f"{label_of(push.problem_field)}: " if push.problem_field else ""
    words = push.problem or "It could not be sent."
    if push.is_parked:
        return Story("red", words, "Nothing was sent, and nothing is lost.", push, ("discard",), steps=1)
    more = "Nothing is lost: what was entered is kept here."
    if push.kind != Push.UPDATE and push.problem_code == "refused" and not push.was_unclear:
        more = "Nothing is lost. Mend it below and save: it is sent again."
    return Story("red", f"{where}{words}", more, push, _ways_out(push), steps=2 if push.was_unclear else 1)


def _ways_out(push: Push) -> tuple[str, ...]:
    """What a person can do about a push that stopped."""
    if push.was_unclear and push.kind == Push.SUBMIT:
        return ("arrived", "send_again", "discard")
    if push.was_unclear and push.kind in Push.CREATES:
        return ("retry", "found", "send_again", "discard")
    return ("retry", "discard")


def _tell_moving(push: Push, now: datetime) -> Story:
    connection, name = push.connection, push.connection.get_remote_display()
    if not connection.is_connected:
        words = f"Saved here. {connection.name} is not connected: it will be sent once a key is entered."
        return Story("amber", words, push=push, buttons=("discard",), steps=1)
    if connection.is_paused:
        return Story("amber", "Saved here, waiting.", connection.reason, push, ("discard",), steps=1)
    held_until = max(push.due_at, connection.not_before or push.due_at)
    if push.state == Push.WAITING and held_until > now + timedelta(seconds=3):
        words = f"Saved. {name} is busy, next try {short_clock(held_until, now)}."
        return Story("blue", words, push.problem, push, ("retry", "discard"), steps=1)
    return Story(
        "blue", f"Saved. Sending to {name}…", push=push, steps=2 if push.state == Push.SENDING else 1
    )


def _tell_rest(lead: Lead, pushes: Sequence[Push], copies: Sequence[Copy], now: datetime) -> Story:
    latest = pushes[0] if pushes else None
    if lead.sync_state == SyncState.GONE:
        return Story("grey", GONE_WORDS)
    if latest is not None and latest.state == Push.DUPLICATE:
        return tell_push(latest, now)
    if latest is not None and latest.state == Push.DONE and lead.sync_state == SyncState.LOCAL:
        return tell_push(latest, now)
    if lead.sync_state == SyncState.LOCAL or not copies:
        return Story("grey", "Only here: Lead.pro does not have this lead.", push=latest)
    copy = main_copy(copies) or copies[0]
    words = format_html("In {}", remote_link(copy.connection, copy.remote_id))
    if (
        latest is not None
        and latest.state == Push.DONE
        and latest.settled_at
        and now - latest.settled_at < FRESH
    ):
        is_here = latest.connection_id == copy.connection_id
        more = f"Confirmed at {short_clock(latest.settled_at, now)}." if is_here else _arrived(latest)
        return Story("green", words, more, latest, steps=3)
    return Story("green", words)
