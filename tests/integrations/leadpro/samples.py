"""A lead in the shape of the guide's samples, its person invented."""

from __future__ import annotations

from typing import Any

from integrations.leadpro.fields import MIRRORED

LEAD: dict[str, Any] = {
    **{field.name: None for field in MIRRORED},
    "id": 18376,
    "type": "sale",
    "title": "Mrs",
    "meta": {"Property ID": "7362", "Virtual Tour": "true"},
    "message": "I would like a viewing please",
    "first_name": "Marla",
    "last_name": "Sample",
    "full_name": "Marla Sample",
    "email": "marla.sample@example.org",
    "phone": "01632 960123",
    "advert_address": "123 Example Street, Example town",
    "advert_postcode": "De1 1JX",
    "appointment_availability": {"hours": ["2025-01-01T08:00:00.000Z", "2025-01-01T09:00:00.000Z"]},
    "source": "homepage",
    "created_at": "2026-02-25T08:25:47.038Z",
    "is_parent": True,
    "international": False,
    "stage": "Unread",
    "status": "New",
    "office_id": 375,
    "office_name": "Nottingham",
    "out_of_area_distance": 5947.12,
    "account_id": 18,
    "account_name": "Demo Brand",
    "utm_source": "social_media",
}
OFFICES = {"data": [{"id": "1213", "name": "office 1 name"}, {"id": 1214, "name": "office 2 name"}]}
STATUSES = [
    {"id": 20, "name": "New", "stageId": 50, "isPredefined": True},
    {"id": 44, "name": "Another one", "stageId": 50, "isPredefined": False},
    {"id": 21, "name": "Contacted", "stageId": 100, "isPredefined": True},
]
