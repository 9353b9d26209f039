"""One value against the rules of its kind. Each check answers the value as it will be sent, or raises
`RuleBroken`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.leadpro.fields import TOKEN_KEY, Call, Field
from integrations.problems import Problem, RuleBroken, check_email, refuse_unsendable

__all__ = ["Problem", "RuleBroken", "refuse_unsendable"]


def check_text(value: Any, spec: Field, call: Call) -> str:
    """Text within its length in characters. A status may also be given by its id."""
    if spec.name == "status" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RuleBroken("invalid", "Must be text.")
    refuse_unsendable(value)
    if spec.name == "email":
        return check_email(value.strip())
    longest = spec.max_length(call)
    if longest is not None and len(value) > longest:
        raise RuleBroken("too_long", f"At most {longest} characters are taken here; this has {len(value)}.")
    shortest = spec.minimum if call is not Call.UPDATE or spec.required else 0
    if len(value) < shortest and not spec.required:
        raise RuleBroken("too_short", f"At least {shortest} characters are needed here.")
    if spec.name == "status" and not value.strip():
        raise RuleBroken("required", "A status cannot be empty.")
    return value


def check_integer(value: Any) -> int:
    """A whole number of 64 bits, also as digits: Lead.pro's own lists show ids as text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise RuleBroken("invalid", "Must be a whole number.")
    return value


def check_boolean(value: Any) -> bool:
    """True or false, nothing that merely resembles them: consent is not guessed."""
    if not isinstance(value, bool):
        raise RuleBroken("invalid", "Must be true or false.")
    return value


def check_instant(value: Any) -> datetime:
    """An aware datetime in UTC, from one or from ISO 8601 text with a time zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise RuleBroken("invalid", "Must be an ISO 8601 date and time.") from None
    if not isinstance(value, datetime):
        raise RuleBroken("invalid", "Must be an ISO 8601 date and time.")
    if value.tzinfo is None:
        raise RuleBroken("invalid", "Needs a time zone, for example 2026-01-01T08:00:00Z.")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise RuleBroken("invalid", "Must be an ISO 8601 date and time.") from None


def check_string_map(value: Any) -> dict[str, str]:
    """``meta``: text to text, without our own key."""
    pairs = _check_object(value)
    if not all(isinstance(item, str) for item in pairs.values()):
        raise RuleBroken("invalid", "Every value must be text.")
    if TOKEN_KEY in pairs:
        raise RuleBroken("reserved", f"The key {TOKEN_KEY} is reserved.")
    return pairs


def check_availability(value: Any) -> dict[str, Any]:
    """An object of texts, as the guide's table says, or of lists of texts, as its sample shows."""
    entries = _check_object(value)
    if not all(isinstance(item, str) for item in _iter_leaves(entries)):
        raise RuleBroken("invalid", "Every value must be text or a list of texts.")
    return entries


def check_pairs(value: Any) -> list[list[str]]:
    """``questionnaire``: a list whose entries are a question and an answer, two texts each."""
    if not isinstance(value, (list, tuple)):
        raise RuleBroken("invalid", "Must be a list of pairs of question and answer.")
    pairs = [list(item) if isinstance(item, (list, tuple)) else [] for item in value]
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise RuleBroken("invalid", "Each entry must be a pair of two texts: question and answer.")
        for part in pair:
            refuse_unsendable(part)
    return pairs


def _check_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RuleBroken("invalid", "Must be an object.")
    for text in (*value, *_iter_leaves(value)):
        if isinstance(text, str):
            refuse_unsendable(text)
    if not all(isinstance(key, str) for key in value):
        raise RuleBroken("invalid", "Every key must be text.")
    return dict(value)


def _iter_leaves(entries: dict[str, Any]) -> Iterator[Any]:
    for item in entries.values():
        if isinstance(item, list):
            yield from item
        else:
            yield item


def check_bytes(value: Any, limit: int) -> None:
    """The size as compact UTF-8 JSON, which is how bodies are sent."""
    size = len(orjson.dumps(value))
    if size > limit:
        raise RuleBroken("too_large", f"At most {limit} bytes of JSON are taken here; this is {size}.")


def are_instants(availability: dict[str, Any] | None) -> bool:
    """Whether every entry reads as an ISO 8601 instant, as the webhook guide expects."""
    for text in _iter_leaves(availability or {}):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
    return True
