"""Lead.pro's JSON values as Python values that a column takes. Lenient: what was sent by portals and older
tools may break every documented rule. A value that cannot be kept raises `DoesNotFit`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.cleaning import BIGGEST, DEEPEST, SMALLEST, clean_json, clean_text
from integrations.leadpro.fields import Kind

__all__ = [
    "BIGGEST",
    "DEEPEST",
    "PARSERS",
    "SMALLEST",
    "DoesNotFit",
    "clean_json",
    "clean_text",
]


class DoesNotFit(ValueError):
    """The value has no place in its column. The text says what it should have been, ``kept`` is what is left
    of it.
    """

    def __init__(self, expected: str, kept: Any = None) -> None:
        super().__init__(expected)
        self.kept = kept


def parse_text(value: Any) -> str:
    """Text, or a number or truth value written as text."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and SMALLEST <= value <= BIGGEST:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    raise DoesNotFit("text")


def parse_integer(value: Any) -> int:
    """A whole number of 64 bits, also as text or with a zero fraction."""
    if isinstance(value, str):
        value = _number_in(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not SMALLEST <= value <= BIGGEST:
        raise DoesNotFit("a whole number of 64 bits")
    return value


def parse_number(value: Any) -> float | int:
    """A finite number, also as text."""
    if isinstance(value, str):
        value = _number_in(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DoesNotFit("a number")
    if isinstance(value, int):
        return parse_integer(value)
    if not math.isfinite(value):
        raise DoesNotFit("a finite number")
    return value


def _number_in(text: str) -> int | float | None:
    text = text.strip()
    if not text.isascii() or not 0 < len(text) <= 40 or "_" in text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


_TRUTHS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def parse_boolean(value: Any) -> bool:
    """True or false, also as 0, 1 or a word. Nothing else is guessed: not said is not no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (truth := _TRUTHS.get(value.strip().lower())) is not None:
        return truth
    raise DoesNotFit("true or false")


def parse_instant(value: Any) -> datetime:
    """An aware UTC datetime from ISO 8601 text. Without a zone it is UTC, as in every sample."""
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 40:
        raise DoesNotFit("an ISO 8601 date and time")
    try:
        instant = datetime.fromisoformat(value.strip())
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise DoesNotFit("an ISO 8601 date and time") from None


def _unfold(value: Any) -> Any:
    """A document that was encoded twice, once more decoded; anything else as it is."""
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except ValueError:
            return value
    return value


def parse_json(value: Any) -> Any:
    """Any document that is not too deep and holds no impossible number."""
    cleaned = clean_json(value)
    if cleaned is None:
        raise DoesNotFit("JSON that can be kept")
    return cleaned


def parse_object(value: Any) -> dict[str, Any]:
    """An object. An empty list is an empty object, as PHP writes it."""
    value = _unfold(value)
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise DoesNotFit("an object")
    cleaned: dict[str, Any] = clean_json(value)
    return cleaned


def parse_pairs(value: Any) -> list[list[str]]:
    """Pairs of question and answer. The documents show no read form, so objects are taken, too.

    What is no pair is left out, and `DoesNotFit` raised with the pairs that are.
    """
    value = _unfold(value)
    if isinstance(value, dict):
        value = list(value.items())
    if not isinstance(value, list):
        raise DoesNotFit("a list of pairs")
    pairs = []
    for item in value:
        with suppress(DoesNotFit):
            pairs.append(_parse_pair(item))
    if len(pairs) < len(value):
        raise DoesNotFit("a list of pairs throughout", pairs or None)
    return pairs


def _parse_pair(item: Any) -> list[str]:
    if isinstance(item, dict):
        item = [item.get("question"), item.get("answer")] if "question" in item else list(item.items())
        if len(item) == 1:
            item = item[0]
    if not isinstance(item, (list, tuple)) or len(item) != 2:
        raise DoesNotFit("a list of pairs")
    return ["" if part is None else _parse_part(part) for part in item]


def _parse_part(part: Any) -> str:
    """One half of a pair; several answers to one question are written after each other."""
    if isinstance(part, list):
        return ", ".join(parse_text(one) for one in part if one is not None)
    return parse_text(part)


PARSERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: parse_text,
    Kind.INTEGER: parse_integer,
    Kind.NUMBER: parse_number,
    Kind.BOOLEAN: parse_boolean,
    Kind.INSTANT: parse_instant,
    Kind.STRING_MAP: parse_object,
    Kind.AVAILABILITY: parse_object,
    Kind.PAIRS: parse_pairs,
    Kind.JSON: parse_json,
}
