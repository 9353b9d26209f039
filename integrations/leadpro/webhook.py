"""Reading Lead.pro's webhook bodies (lead.pro/guides/leadpro/using-webhooks). They are unsigned: a hint to
look, so nothing here is trusted and nothing is required but an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from integrations.leadpro.coercion import clean_text
from integrations.leadpro.shapes import parse_id

LONGEST_EVENT = 100


@dataclass(frozen=True, slots=True)
class Hook:
    """One delivery. ``event`` is ``lead.created``, ``lead.updated`` or whatever it says; ``data`` may be
    anything.
    """

    event: str
    lead_id: int | None
    data: dict[str, Any]


def parse_hook(body: Mapping[str, Any]) -> Hook:
    """The hint in a body. Never raises; ``lead_id`` is None where there is none to look at."""
    event = body.get("event")
    data = next((body[key] for key in ("data", "lead") if isinstance(body.get(key), dict)), None)
    if data is None:
        data = {} if "data" in body else dict(body)
    if parse_id(data.get("id")) is None and isinstance(data.get("lead"), dict):
        data = data["lead"]
    text = clean_text(event)[:LONGEST_EVENT] if isinstance(event, str) else ""
    return Hook(text, parse_id(data.get("id")), data)
