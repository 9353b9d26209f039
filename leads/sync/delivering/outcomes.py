"""What an error means for a push, and what the push does about it. The classes come from `integrations.errors`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RemoteError,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
    WrongAddress,
)
from leads.sync.delivering import waits, words
from leads.sync.delivering.ports import (
    NEEDS_ATTENTION,
    WAITING,
    After,
    Claimed,
    Desk,
    NotTried,
    Sent,
)

#: Failures that say the remote is ill, for the breaker; a strange 2xx does not.
_ILL = range(500, 600)
#: Age alone gives up only after this many sends, so that a long pause of the connection costs nothing.
FEW = 3


class Outcome(StrEnum):
    """What became of a write."""

    OK = "ok"
    NOT_TRIED = "not_tried"
    NOT_SENT = "not_sent"
    NOT_APPLIED = "not_applied"
    CREDENTIALS = "credentials"
    ADDRESS = "wrong_address"
    REFUSED = "refused"
    GONE = "gone"
    UNCLEAR = "unclear"


def classify(error: RemoteError) -> Outcome:
    """The outcome of a write that raised this. Whatever is not certain is unclear."""
    for kind, outcome in (
        (NotTried, Outcome.NOT_TRIED),
        (RateLimited, Outcome.NOT_APPLIED),
        (RemoteFailing, Outcome.UNCLEAR),
        (UnexpectedPayload, Outcome.UNCLEAR),
        (OutcomeUnknown, Outcome.UNCLEAR),
        (TransientError, Outcome.NOT_SENT),
        (CredentialsRefused, Outcome.CREDENTIALS),
        (WrongAddress, Outcome.ADDRESS),
        (NotFound, Outcome.GONE),
        (PermanentError, Outcome.REFUSED),
    ):
        if isinstance(error, kind):
            return outcome
    return Outcome.UNCLEAR


def shows_illness(error: RemoteError) -> bool:
    """Whether the breaker counts it: the transport failed, or the remote said 5xx."""
    if isinstance(error, (NotTried, RateLimited)):
        return False
    if error.status is not None:
        return error.status in _ILL or error.status == 408
    return isinstance(error, (TransientError, OutcomeUnknown))


def note_sent(
    claim: Claimed, outcome: Outcome, started_at: datetime, now: datetime, error: RemoteError
) -> Sent:
    """The record of a send that failed, without personal data."""
    excerpt = redact(error.excerpt or error.summary, claim)
    return Sent(started_at, now, str(outcome), error.status, excerpt[:500])


_EMAIL = re.compile(r"[^\s@,;:<>\"'“”]+@[^\s@,;:<>\"'“”]+")
_DIGITS = re.compile(r"\+?\d(?:[\s().-]*\d){6,}")
_PERSONAL = (
    *("first_name", "last_name", "email", "phone", "address", "postcode", "message", "title"),
    *("firstName", "lastName", "full_name", "notes"),
)


def redact(text: str, claim: Claimed) -> str:
    """The text without e-mail addresses, long numbers, and whatever this push says about a person."""
    text = _DIGITS.sub("…", _EMAIL.sub("…", text))
    for value in sorted(_personal_values(claim), key=len, reverse=True):
        text = re.sub(re.escape(value), "…", text, flags=re.IGNORECASE)
    return text


def _personal_values(claim: Claimed) -> Iterable[str]:
    sources: list[Any] = [claim.payload.get(name) for name in _PERSONAL]
    sources += [claim.edits[name].get("mine") for name in _PERSONAL if name in claim.edits]
    return {value for value in sources if isinstance(value, str) and len(value) > 2}


def later(desk: Desk, claim: Claimed, error: RemoteError, outcome: Outcome) -> After:
    """The push was certainly not applied: when to try again, or why not by itself."""
    now = desk.clock.now()
    if isinstance(error, NotTried):
        due = now + timedelta(seconds=max(error.wait, 0.5))
        return After(WAITING, due, ("waiting", "", error.summary), counted=False)
    if outcome in (Outcome.CREDENTIALS, Outcome.ADDRESS):
        sentence = words.KEY_REFUSED if outcome is Outcome.CREDENTIALS else words.WRONG_ADDRESS
        problem = (str(outcome), "", sentence.format(name=desk.rules.name))
        return After(WAITING, now + timedelta(seconds=15), problem, counted=False)
    if is_hopeless(desk, claim, now):
        sentence = words.gave_up(claim.attempts, error.summary, desk.rules.name)
        return After(NEEDS_ATTENTION, problem=("gave_up", "", sentence))
    sentence = words.BUSY if isinstance(error, RateLimited) else words.UNREACHABLE
    wait = waits.backoff(claim.attempts, desk.chance, error.retry_after)
    return After(WAITING, now + wait, (str(outcome), "", sentence.format(name=desk.rules.name)))


def is_hopeless(desk: Desk, claim: Claimed, now: datetime) -> bool:
    """Too many sends, or too long since it was asked for."""
    if claim.attempts >= desk.rules.max_attempts:
        return True
    return claim.attempts >= FEW and now - claim.created_at >= desk.rules.give_up


def refused(error: RemoteError, name: str = "Lead.pro") -> After:
    """The remote read it and said no: a person decides."""
    sentence = words.refused(error.excerpt or error.summary, name)
    return After(NEEDS_ATTENTION, problem=("refused", error.field[:60], sentence))
