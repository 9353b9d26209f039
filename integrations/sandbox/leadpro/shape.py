"""The lead object of Lead.pro's pages: its 58 keys in their printed order, and how a reading bends it."""

from __future__ import annotations

import json
from typing import Any

from integrations.sandbox.people import split_words

from .readings import Readings

Lead = dict[str, Any]

KEYS = split_words(
    "id type title meta message first_name email advert_url advert_image advert_postcode advert_address "
    "address postcode appointment_availability comparable_props phone source full_name last_name created_at "
    "is_parent parent_id questionnaire stage status minimum_sale_estimation average_sale_estimation "
    "maximum_sale_estimation minimum_rent_estimation average_rent_estimation maximum_rent_estimation "
    "valuation_status gdpr_checkbox host property_bedrooms property_reference property_type "
    "raw_property_reference office_id office_name out_of_area_distance international account_id account_name "
    "referred_by_office_id referred_by_office_name referred_by_account_id referred_by_account_name eta "
    "facebook_pixel_id utm_source utm_medium utm_campaign utm_content utm_term utm_gclid property_bathrooms "
    "property_receptions"
)

#: The rows of the webhook page that can be read.
HOOK_KEYS = split_words(
    "id full_name email phone type first_name last_name source address postcode advert_address "
    "advert_postcode advert_url advert_image title message appointment_availability meta"
)


def complete(lead: Lead) -> Lead:
    """All 58 keys, null where nothing is known."""
    return {key: lead.get(key) for key in KEYS}


def join_name(lead: Lead) -> str | None:
    """The full name of its first and last name."""
    return " ".join(part for part in (lead.get("first_name"), lead.get("last_name")) if part) or None


def render_lead(lead: Lead, readings: Readings) -> Lead:
    """The lead as the API shows it under these readings."""
    shown = complete(lead)
    if shown["questionnaire"] and readings.questionnaire_form != "pairs":
        shown["questionnaire"] = _render_answers(shown["questionnaire"], readings.questionnaire_form)
    if shown["meta"] is not None and readings.meta_form == "text":
        shown["meta"] = json.dumps(shown["meta"])
    if readings.names_form == "title":
        names = ("first_name", "last_name", "full_name")
        shown |= {key: shown[key].title() for key in names if isinstance(shown[key], str)}
    if readings.omit_nulls:
        shown = {key: value for key, value in shown.items() if value is not None}
    if readings.extra_fields:
        shown |= {
            "assigned_to": {"id": 77, "name": "Sam Example"},
            "tags": ["hot"],
            "score": 0.5,
            "deleted_at": None,
        }
    return shown


def _render_answers(pairs: list[list[str]], form: str) -> Any:
    if form == "hidden":
        return None
    if form == "map":
        return {pair[0]: pair[1] for pair in pairs}
    return [{"question": question, "answer": answer} for question, answer in pairs]


def render_hook(event: str, lead: Lead, readings: Readings) -> dict[str, Any]:
    """The body of a webhook."""
    data = render_lead(lead, readings)
    if readings.hook_form == "documented":
        data = {key: data[key] for key in HOOK_KEYS if key in data}
    elif readings.hook_form == "id_only":
        data = {"id": lead["id"]}
    return {"event": event, "data": data}
