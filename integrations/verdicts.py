"""The one table from what was seen on the wire to what it means. Nothing is sent or read here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

from integrations.answers import NotJson, extract_reason, find_trace_id, is_json_type, parse_json
from integrations.answers import parse_retry_after as parse_wait
from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    RemoteError,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
    WrongAddress,
)
from integrations.wire import Unsent


class End(Enum):
    """How the exchange ended once the first byte was written."""

    COMPLETE = auto()
    SLOW = auto()
    BROKEN = auto()
    CUT_SHORT = auto()
    UNREADABLE = auto()
    TOO_LARGE = auto()


@dataclass(frozen=True, slots=True)
class Submitted:
    """A lead that a remote without look-up took: ``reference`` is what it gave to ask about it, ``remote_id`` the
    id of what it made, both as text and either possibly empty; ``note`` is a sentence for a person, ``warning`` one
    about what it did otherwise than it was asked to.
    """

    reference: str = ""
    remote_id: str = ""
    is_duplicate: bool = False
    note: str = ""
    warning: str = ""


@dataclass(slots=True)
class Seen:
    """What came back. ``status`` is None when no answer began; ``body`` may be cut short unless COMPLETE."""

    unsent: Unsent | None = None
    detail: str = ""
    end: End = End.COMPLETE
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Asked:
    """What matters about the request: is it a write, does its path name one thing, what counts as an
    answer.
    """

    name: str
    is_write: bool
    names_one: bool = False
    accept: tuple[int, ...] = ()
    parse: bool = True


class Sight(Enum):
    """The classes of things that can be seen."""

    REDIRECT = auto()
    CREDENTIALS = auto()
    ABSENT = auto()
    WRONG_PATH = auto()
    BUSY = auto()
    FAILING = auto()
    REFUSED = auto()
    SLOW = auto()
    BROKEN = auto()
    STRANGE = auto()


#: Sight → class for a read, class for a write, the sentence.
TABLE: dict[Sight, tuple[type[RemoteError], type[RemoteError], str]] = {
    Sight.REDIRECT: (
        WrongAddress,
        WrongAddress,
        "{name} points to another address ({status}). It was not followed: check the base URL.",
    ),
    Sight.CREDENTIALS: (CredentialsRefused, CredentialsRefused, "{name} refuses the key ({status})."),
    Sight.ABSENT: (NotFound, NotFound, "{name} does not know this record ({status})."),
    Sight.WRONG_PATH: (
        WrongAddress,
        WrongAddress,
        "{name} does not offer this at the address in use ({status}). Check the base URL.",
    ),
    Sight.BUSY: (RateLimited, RateLimited, "{name} asks us to slow down ({status})."),
    Sight.FAILING: (RemoteFailing, OutcomeUnknown, "{name} has a fault on its side ({status})."),
    Sight.REFUSED: (Refused, Refused, "{name} refused this ({status})."),
    Sight.SLOW: (RemoteFailing, OutcomeUnknown, "{name} did not answer in time."),
    Sight.BROKEN: (RemoteFailing, OutcomeUnknown, "{name} broke off the connection before answering."),
    Sight.STRANGE: (UnexpectedPayload, OutcomeUnknown, "{name} gave an unusable answer: {detail}."),
}
_UNFINISHED = {
    End.TOO_LARGE: "it is too large",
    End.CUT_SHORT: "it breaks off",
    End.UNREADABLE: "its compression is broken",
}
UNSURE = " It may or may not have taken what was sent."

NOT_SENT: dict[Unsent, tuple[type[RemoteError], str]] = {
    Unsent.NAME: (TransientError, "{name} could not be reached: address not found. Nothing was sent."),
    Unsent.REFUSED: (TransientError, "{name} could not be reached: connection refused. Nothing was sent."),
    Unsent.SLOW: (TransientError, "{name} could not be reached in time. Nothing was sent."),
    Unsent.TLS: (
        TransientError,
        "{name} could not prove who it is, so no secure connection was made. Nothing was sent.",
    ),
    Unsent.LATE: (TransientError, "It was too late to start this call to {name}. Nothing was sent."),
    Unsent.ADDRESS: (WrongAddress, "{name} was not called. {detail}"),
}


def judge(asked: Asked, seen: Seen) -> Any | RemoteError:
    """The document that was answered, or the error that applies."""
    if seen.unsent is not None:
        unsent_class, sentence = NOT_SENT[seen.unsent]
        return unsent_class(sentence.format(name=asked.name, detail=seen.detail))
    status = seen.status
    if status is None:
        return _error(Sight.SLOW if seen.end is End.SLOW else Sight.BROKEN, asked, seen)
    if 200 <= status < 300 or status in asked.accept:
        document = _read_document(asked, seen)
        # What breaks off says nothing about the address, whatever its status.
        if not isinstance(document, RemoteError) or 200 <= status < 300 or seen.end is not End.COMPLETE:
            return document
    return _error(_sight_of(status, asked, seen), asked, seen)


def judge_strange(asked: Asked, seen: Seen, detail: str) -> RemoteError:
    """The error for an answer that is JSON but not what was asked for."""
    return _error(Sight.STRANGE, asked, seen, detail)


def _read_document(asked: Asked, seen: Seen) -> Any | RemoteError:
    if seen.end in (End.SLOW, End.BROKEN):
        return _error(Sight.SLOW if seen.end is End.SLOW else Sight.BROKEN, asked, seen)
    if seen.end is not End.COMPLETE:
        return _error(Sight.STRANGE, asked, seen, _UNFINISHED[seen.end])
    content_type = seen.headers.get("Content-Type", "")
    if not asked.parse and (seen.status == 204 or (content_type and is_json_type(content_type))):
        with suppress(NotJson):
            return parse_json(seen.body)
        return None
    if not seen.body.strip():
        return _error(Sight.STRANGE, asked, seen, "it is empty")
    if not is_json_type(content_type):
        return _error(Sight.STRANGE, asked, seen, "it is a page or a file, not data")
    try:
        return parse_json(seen.body)
    except NotJson:
        return _error(Sight.STRANGE, asked, seen, "it is not JSON")


def _sight_of(status: int, asked: Asked, seen: Seen) -> Sight:
    """Settled in the reliability paper, section 3.2."""
    if 300 <= status < 400:
        return Sight.REDIRECT
    if status in (401, 403):
        return Sight.CREDENTIALS
    if status in (404, 410) and asked.names_one:
        return Sight.ABSENT
    if status in (404, 405, 410) and not asked.names_one:
        return Sight.WRONG_PATH
    if status == 429 or (status == 503 and _wait_of(seen) is not None and has_json_body(seen)):
        return Sight.BUSY
    if status in (408, 425) or not 400 <= status < 500:
        return Sight.FAILING
    return Sight.REFUSED


def has_json_body(seen: Seen) -> bool:
    """Whether the API itself said this; a proxy answers in HTML or with nothing."""
    content_type = seen.headers.get("Content-Type", "")
    if seen.end is not End.COMPLETE or not is_json_type(content_type):
        return False
    try:
        return isinstance(parse_json(seen.body), (dict, list))
    except NotJson:
        return False


def _wait_of(seen: Seen) -> float | None:
    return parse_wait(seen.headers, datetime.now(UTC))


def _error(sight: Sight, asked: Asked, seen: Seen, detail: str = "") -> RemoteError:
    for_read, for_write, sentence = TABLE[sight]
    error_class = for_write if asked.is_write else for_read
    summary = sentence.format(name=asked.name, status=seen.status, detail=detail)
    if error_class is OutcomeUnknown:
        summary += UNSURE
    reason, at_fault = extract_reason(seen.body) if seen.body and seen.status is not None else ("", "")
    error = error_class(
        summary,
        status=seen.status,
        retry_after=_wait_of(seen) if sight is Sight.BUSY else None,
        excerpt=reason,
        trace_id=find_trace_id(seen.headers, seen.body),
        field=at_fault,
    )
    if isinstance(error, NotFound):
        error.json_body = has_json_body(seen)
    return error
