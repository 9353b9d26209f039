"""Values from outside as our databases take them. What they mean is the business of each remote's `payloads`."""

from __future__ import annotations

import math
from typing import Any

SMALLEST, BIGGEST = -(2**63), 2**63 - 1
#: JSON columns are walked by recursion, here and elsewhere; no lead is anywhere near this deep.
DEEPEST = 32


def clean_text(text: str) -> str:
    """The text as a database takes it: no NUL, no lone surrogates. Otherwise untouched."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def clean_json(value: Any, depth: int = 0) -> Any:
    """The document as a JSON column takes it: numbers and nesting beyond reason are null in it."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if SMALLEST <= value <= BIGGEST else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= DEEPEST:
        return None
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(item, depth + 1) for key, item in value.items()}
    return None
