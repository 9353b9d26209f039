"""The filters of lead lists, from a query string or a body, and the parameters that other lists share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from leads.api.paging import USUAL, Asked, fingerprint, parse_size
from leads.api.problems import invalid
from leads.api.shapes import LEAD_KEYS
from leads.models import Origin, Push, SyncState
from leads.models.keys import email_key, phone_key
from leads.models.searching import matching

BIGGEST = 2**63 - 1
LONGEST = 500
MOST_VALUES = 500
PAGING = ("cursor", "page_size")


class Unfit(ValueError):
    """A value that the filter cannot take; the message is a sentence that follows the filter's name."""


def read_integer(text: str) -> int:
    """A whole number of 64 bits."""
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > BIGGEST:
        raise Unfit("takes whole numbers.")
    return int(text)


def read_instant(text: str) -> datetime:
    """ISO 8601 with a zone. A + that a URL turned into a space is understood."""
    text = re.sub(r"(T\S+) ([0-9]{2}:?[0-9]{2})$", r"\1+\2", text.strip())
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise Unfit("needs a time zone, for example 2026-01-01T08:00:00Z.")
        return instant.astimezone(UTC)
    except Unfit:
        raise
    except (ValueError, OverflowError):
        raise Unfit("takes an ISO 8601 date and time, for example 2026-01-01T08:00:00Z.") from None


def read_phone(text: str) -> str:
    """The key of a number in any spelling. A + that a URL turned into a space is understood."""
    if text.startswith(" ") and text.strip()[:1].isdigit():
        text = f"+{text.strip()}"
    return phone_key(text) or _unfit("takes telephone numbers.")


def read_email(text: str) -> str:
    """The key of an address in any case."""
    return email_key(text) or _unfit("takes e-mail addresses.")


def one_of(*choices: str) -> Callable[[str], str]:
    """A reader of a closed set."""

    def read(text: str) -> str:
        text = text.strip()
        return text if text in choices else _unfit(f"takes: {', '.join(choices)}.")

    return read


def _unfit(words: str) -> str:
    raise Unfit(words)


def _among(column: str) -> Callable[[list[Any]], Q]:
    return lambda values: Q(**{f"{column}__in": values})


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: how a value is read, what it means, and whether several may be given with commas."""

    read: Callable[[str], Any]
    build: Callable[[list[Any]], Q]
    words: str
    is_list: bool = True


def _texts(column: str, words: str) -> Filter:
    return Filter(str.strip, _among(column), words)


def _created_after(values: list[Any]) -> Q:
    return Q(created_at__gte=values[0]) | Q(created_at__isnull=True, listed_at__gte=values[0])


def _created_before(values: list[Any]) -> Q:
    return Q(created_at__lt=values[0]) | Q(created_at__isnull=True, listed_at__lt=values[0])


LEAD_FILTERS: dict[str, Filter] = {
    "leadpro_id": Filter(read_integer, _among("leadpro_id"), "Lead.pro's ids."),
    "type": _texts("type", "Lead types, for example vendor."),
    "status": _texts("status", "Names of statuses."),
    "stage": _texts("stage", "Names of stages."),
    "source": _texts("source", "Sources, for example rightmove."),
    "office_id": Filter(read_integer, _among("office_id"), "Lead.pro's office ids."),
    "email": Filter(read_email, _among("email_key"), "E-mail addresses, in any case."),
    "phone": Filter(read_phone, _among("phone_key"), "Telephone numbers, in any spelling."),
    "created_after": Filter(
        read_instant, _created_after, "From this moment on, inclusive. ISO 8601 with a zone.", is_list=False
    ),
    "created_before": Filter(
        read_instant, _created_before, "Before this moment, exclusive. ISO 8601 with a zone.", is_list=False
    ),
    "changed_since": Filter(
        read_instant,
        lambda v: Q(changed_at__gte=v[0]),
        "Changed here at or after this moment.",
        is_list=False,
    ),
    "sync_state": Filter(one_of(*SyncState.values), _among("sync_state"), f"{', '.join(SyncState.values)}."),
    "origin": Filter(one_of(*Origin.values), _among("origin"), f"{', '.join(Origin.values)}."),
    "search": Filter(
        str,
        lambda values: matching(values[0]),
        "Name, e-mail, phone in any spelling, postcode, address or Lead.pro id.",
        is_list=False,
    ),
}
PUSH_FILTERS: dict[str, Filter] = {
    "lead": Filter(read_integer, _among("lead_id"), "Ids of leads."),
    "connection": Filter(read_integer, _among("connection_id"), "Ids of connections."),
    "kind": Filter(one_of(*dict(Push.KINDS)), _among("kind"), f"{', '.join(dict(Push.KINDS))}."),
    "state": Filter(one_of(*dict(Push.STATES)), _among("state"), f"{', '.join(dict(Push.STATES))}."),
}
CONNECTION_FILTER: dict[str, Filter] = {"connection": PUSH_FILTERS["connection"]}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list request asks for: which rows, which page of them, which keys (None: all)."""

    condition: Q
    asked: Asked
    keys: frozenset[str] | None = None


def parse_wanted(given: Mapping[str, Any], filters: Mapping[str, Filter]) -> Wanted:
    """Read a request's parameters, all of them known by name. Raises a 400 that names every one at fault."""
    condition, errors, marks = Q(), [], {}
    for name in [n for n in given if n in filters]:
        try:
            texts = split(given[name], filters[name].is_list)
            condition &= filters[name].build([filters[name].read(text) for text in texts])
            marks[name] = sorted(texts)
        except Unfit as unfit:
            errors.append((name, "invalid", f"{name} {unfit}"))
    keys = None
    if "fields" in given:
        try:
            keys = _read_keys(given["fields"])
        except Unfit as unfit:
            errors.append(("fields", "invalid", f"fields {unfit}"))
    if errors:
        raise invalid(errors)
    cursor = given.get("cursor", "")
    if "cursor" in given and (not isinstance(cursor, str) or not cursor):
        raise invalid([("cursor", "invalid", "This cursor is not one that was given out here.")])
    size = parse_size(given["page_size"]) if "page_size" in given else USUAL
    return Wanted(condition, Asked(size, cursor, fingerprint(marks)), keys)


def split(value: Any, is_list: bool) -> list[str]:
    """The texts in a parameter. Comma means any of; in a body a list does, too, and its texts may hold commas."""
    if isinstance(value, list) and is_list:
        parts = [_as_text(part) for part in value]
    else:
        text = _as_text(value)
        parts = text.split(",") if is_list else [text]
    if not parts or len(parts) > MOST_VALUES or not all(part.strip() for part in parts):
        raise Unfit("needs a value; leave it out to have all.")
    if any(len(part) > LONGEST for part in parts):
        raise Unfit(f"takes at most {LONGEST} characters.")
    return parts


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unfit("takes text, or a list of texts where several may be given.")
    return str(value)


def _read_keys(value: Any) -> frozenset[str]:
    keys = [key.strip() for key in split(value, True)]
    unknown = [key for key in keys if key not in LEAD_KEYS]
    if unknown:
        raise Unfit(f"has no {', '.join(unknown[:5])[:200]}. Take names of the lead's own keys.")
    return frozenset(keys)
