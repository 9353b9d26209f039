"""What the page says of the request's fields."""

from __future__ import annotations

from typing import Any

from .readings import Readings

Body = dict[str, Any]

REQUIRED = ("full_name", "phone", "email")
TEXTS = (
    *REQUIRED,
    "property_uid",
    "utm_source",
    "utm_campaign",
    "utm_content",
    "utm_medium",
    "utm_term",
    "adset_name",
    "campaign_name",
    "form_name",
    "platform",
    "round_robin",
    "related",
    "notes",
    "currency",
)
#: Printed as strings, and sent as numbers by some.
TEXTS_OR_NUMBERS = ("listing_type", "via")
OBJECTS = ("custom_fields", "metadata")


class Invalid(Exception):
    """The whole request is a 400: nothing of it is kept."""

    def __init__(self, field: str, message: str, detail: str) -> None:
        super().__init__(message)
        self.field = field
        self.detail = detail


def check(body: Body, readings: Readings) -> None:
    """Raises Invalid for the first thing that is wrong."""
    for name in REQUIRED:
        if body.get(name) in (None, ""):
            raise Invalid(name, f"Missing required field: {name}", "This field is required.")
    for name, value in body.items():
        reason = _judge(name, value, readings) if value is not None else ""
        if reason:
            raise Invalid(name, f"Invalid value for field: {name}", reason)


def _judge(name: str, value: Any, readings: Readings) -> str:
    if name in TEXTS and not isinstance(value, str):
        return "Not a valid string."
    if name in TEXTS_OR_NUMBERS and (isinstance(value, bool) or not isinstance(value, str | int)):
        return "Not a valid string."
    if name in OBJECTS and not isinstance(value, dict):
        return "Expected a dictionary of items."
    if name == "budget" and (isinstance(value, bool) or not isinstance(value, int | float)):
        return "A valid number is required."
    if name == "email" and ("@" not in value.strip("@") or " " in value.strip()):
        return "Enter a valid email address."
    if readings.max_length and isinstance(value, str) and len(value) > readings.max_length:
        return f"Ensure this field has no more than {readings.max_length} characters."
    return ""
