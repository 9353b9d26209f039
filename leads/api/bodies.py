"""JSON in, strictly: what two parsers could read in two ways, or what no column can hold, is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from leads.api.problems import Problem, invalid, too_large

DEEPEST = 32
BIGGEST = 2**63 - 1


class Unreadable(ValueError):
    """The text is not the JSON that we take; the message is a sentence."""


class StrictJSON(BaseParser):
    """One JSON object: no doubled keys, no NaN, no depth without end, no text that a database refuses."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The object; raises a 400 that names the member at fault, or a 413."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise too_large()
        body = parse_object(raw)
        errors = [
            (name[:60], "invalid", fault)
            for name, value in body.items()
            if (fault := find_fault(name, value))
        ]
        if errors:
            raise invalid((clean_name(name), code, detail) for name, code, detail in errors)
        return body


def parse_object(raw: bytes) -> dict[str, Any]:
    """The object in these bytes; raises a 400."""
    try:
        body = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except Unreadable as error:
        raise Problem(400, "malformed", str(error)) from None
    except RecursionError:
        raise Problem(400, "malformed", "The body is nested too deeply.") from None
    except ValueError:
        raise Problem(400, "malformed", "The body is not JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise Problem(400, "malformed", "The body must be one JSON object.")
    return body


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("A key stands twice in one object of the body.")
    return members


def _refuse_constant(text: str) -> float:
    raise Unreadable(f"{text} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable("A number in the body is too large.")
    return number


def find_fault(name: str, value: Any) -> str:
    """Why this member cannot be stored anywhere, or "" where it can. Walks without recursion."""
    stack: list[tuple[Any, int]] = [(name, 0), (value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > DEEPEST:
            return "This value is nested too deeply."
        if isinstance(item, str) and not is_storable(item):
            return "This text holds characters that cannot be stored (NUL, or half of a pair)."
        if isinstance(item, int) and abs(item) > BIGGEST:
            return "This number is too large."
        if isinstance(item, dict):
            stack.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            stack.extend((part, depth + 1) for part in item)
    return ""


def is_storable(text: str) -> bool:
    """Whether a database takes this text: no NUL, no lone surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean_name(name: str) -> str:
    """A name that somebody sent, as it may be said back to them."""
    return name.encode("utf-8", "replace").decode().replace("\x00", "?")[:60]
