"""Lead objects as Lead.pro's documents show them, with invented people."""

from __future__ import annotations

from typing import Any

from integrations.leadpro.fields import LEAD_FIELDS

SAMPLE: dict[str, Any] = {
    "type": "sale",
    "title": "Ms",
    "first_name": "Ada",
    "last_name": "Example",
    "full_name": "Ada Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "source": "rightmove",
    "stage": "Unread",
    "status": "New",
    "office_id": 375,
    "office_name": "Nottingham",
    "account_id": 18,
    "account_name": "Demo Brand",
    "created_at": "2026-02-25T08:25:47.038Z",
    "is_parent": True,
    "international": False,
}


def lead_object(leadpro_id: int, **changes: Any) -> dict[str, Any]:
    """All 58 keys, as a read shows them."""
    blank: dict[str, Any] = dict.fromkeys(field.name for field in LEAD_FIELDS)
    return {**blank, **SAMPLE, "id": leadpro_id, **changes}
