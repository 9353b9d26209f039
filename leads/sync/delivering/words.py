"""The sentences that people read about a push: what happened, what was kept, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

UNCLEAR = "Sent, no answer yet. We are checking whether it arrived. Do not enter it again."
CHECKING_UPDATE = "Sent to Lead.pro; being read back to see whether it arrived."
CONFLICT = "Changed here and in Lead.pro: {fields}. Both values are kept; please choose."
GONE = "No longer in Lead.pro: #{remote_id}. What was typed is kept here; discard it, or try again."
GONE_AFTER_CREATE = (
    "Lead.pro said it made #{remote_id}, but does not have it any more. Try again to look for it, or discard."
)
NOT_THERE = "Lead.pro has no lead #{remote_id}. Check the number, or try again to look for it."
ANOTHERS = "Lead.pro #{remote_id} is another lead that was sent from here. Check the number."
NO_REMOTE = "Lead.pro's number of this lead is not known here, so the change cannot be sent. It is kept."
KEEPS_FAILING = (
    "Lead.pro keeps failing on this lead: sent {times} times and not found there. Nothing is lost."
    " Check in Lead.pro, then try again or discard."
)
CANNOT_LOOK = (
    "Sent, and we could not find out whether it arrived: Lead.pro's search does not work for us."
    " Look in Lead.pro: if it is there, say “It is there”; if not, try again."
)
CROWDED = (
    "Sent, and we could not find out whether it arrived: Lead.pro shows other leads of this person and may hide this"
    " one behind them. Look in Lead.pro: if it is there, say “It is there”; if not, send it again."
)
MERGED = (
    "Lead.pro answered with #{remote_id}, which is lead {lead_id} here: it may have put this enquiry into that lead."
    " Look in Lead.pro: if the enquiry is there, discard this one; if it is missing, send it again."
)
ANSWERS_UNSEEN = (
    "The answers were sent and never confirmed, and Lead.pro does not show answers to us. Look in Lead.pro:"
    " if they are missing, try again; if they are there, discard."
)
BUG = "We failed, not the other side. Nothing is lost; tell support: push {push_id}."
SUBMIT_UNCLEAR = (
    "Sent to {name}, and no answer came, so nobody knows whether it arrived, and {name} shows us nothing."
    " Look there: if it is there, say “It is there”; if not, send it again."
)
SUBMIT_AGAIN = (
    "Sent to {name}, no answer yet. It refuses duplicates, so the same lead goes out once more by itself."
)
DUPLICATE = "{name} knows this person already, so nothing new was made there."
ARRIVED_BEFORE = " An earlier send of ours got no answer; this may be what it made."
SENT_ALL_THE_SAME = "{name} took this lead after it was discarded here: reference {reference}."
AMBIGUOUS_STATUS = (
    "Lead.pro has more than one status called “{name}” (ids {ids}). Rename one in Lead.pro, then try again."
)
UNKNOWN_STATUS = "Lead.pro has no status called “{name}”. Choose another one."
META_TOO_LARGE = (
    "Together with what others keep there, meta is too large for Lead.pro (1024 bytes)."
    " Shorten it and save again."
)
BUSY = "Saved. {name} is busy; it is tried again by itself."
UNREACHABLE = "Saved. {name} cannot be reached just now; it is tried again by itself."
KEY_REFUSED = "Saved. {name} refuses our key; it goes out once that is mended."
WRONG_ADDRESS = "Saved. The address of {name} seems wrong; it goes out once that is mended."
SETTLING = (
    "Saved. An earlier change of this lead was given up while it may still arrive. This one waits until that is over"
    " and goes out by itself."
)
TOGETHER = "Goes out together with push {push_id}."
TWICE = "Twice in Lead.pro: {ids}. Merge there."
ANSWER_HIDDEN = "Lead.pro took the answer to “{question}” and does not show it."


def refused(reason: str, name: str = "Lead.pro") -> str:
    """The remote's own words."""
    return (
        f"{name} refused: {reason}" if reason else f"{name} refused this without saying why. It is kept here."
    )


def unfit(name: str, problems: str) -> str:
    """Why a lead that a rule wants to send is kept here, and what to do."""
    return (
        f"{name} would refuse this lead. {problems} Mend the field, or the rule: it goes out by itself then."
    )


def gave_up(times: int, last: str, name: str = "Lead.pro") -> str:
    """After too many failures in a row."""
    return f"Gave up after {times} tries. Nothing is lost; try again when {name} works. Last: {last}"


def twice(ids: Sequence[int]) -> str:
    """Two remote leads that bear one token."""
    return TWICE.format(ids=", ".join(f"#{n}" for n in ids))


def overruled(field: str, sent: Any, shown: Any) -> str:
    """A value that came back other than it was sent."""
    return f"Lead.pro changed {field} from {_quote(sent)} to {_quote(shown)}."


def _quote(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return f"“{text[:80]}…”" if len(text) > 80 else f"“{text}”"
