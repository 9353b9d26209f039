"""Values on their way into JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def json_value(value: Any) -> Any:
    """The JSON form of a column's value: instants as Lead.pro writes them, the rest as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def storable(value: Any) -> Any:
    """The JSON document without NUL characters, which PostgreSQL cannot keep."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, dict):
        return {key.replace("\x00", ""): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value
