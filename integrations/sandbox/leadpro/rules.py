"""The tables of the create and update guides as checks on a request body.
Says what is wrong; changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.sandbox.people import split_words

from .offices import find_office
from .readings import Readings
from .refusals import Problem

#: The reason a value is refused, empty where it is right.
Check = Callable[[Any], str]

TYPES = ("sale", "vendor", "landlord", "let", "mortgage_request")
VALUATION_TYPES = ("vendor", "landlord")
SOURCES = split_words(
    "rightmove rightmove_valuation zoopla zoopla_valuation onthemarket gumtree s1 lettingweb propertypal "
    "propertynews ivt homepage"
)
PROPERTY_TYPES = ("detached", "semi-detached", "terraced", "flat-maisonette")
EMAIL = re.compile(r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$")


def text(minimum: int = 0, maximum: int | None = None) -> Check:
    """Text of so many characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            return "must be a string"
        if len(value) < minimum:
            return f"must be at least {minimum} characters long"
        return f"must be at most {maximum} characters long" if maximum and len(value) > maximum else ""

    return check


def one_of(*choices: str) -> Check:
    """One of these words."""
    return lambda value: "" if value in choices else f"must be one of {', '.join(choices)}"


def check_email(value: Any) -> str:
    """A valid e-mail address."""
    return "" if isinstance(value, str) and EMAIL.match(value) else "must be a valid email address"


def check_flag(value: Any) -> str:
    """True or false."""
    return "" if isinstance(value, bool) else "must be true or false"


def check_nothing(_value: Any) -> str:
    """Anything at all."""
    return ""


def check_count(value: Any) -> str:
    """A whole number."""
    return "" if isinstance(value, int) and not isinstance(value, bool) else "must be a number"


def check_office(value: Any) -> str:
    """An office of the account; the offices list shows ids as text too."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return "must be a number"
    return "" if find_office(value) else "does not match an office of this account"


def check_date(value: Any) -> str:
    """An ISO 8601 date."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return "must be an ISO8601 date string"
    return ""


def _too_big(value: Any, limit: int) -> str:
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    return f"must be at most {limit} bytes as JSON, is {size}" if size > limit else ""


def check_meta(value: Any) -> str:
    """An object with string values only."""
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        return "must be an object with only string values"
    return _too_big(value, 1024)


def check_availability(value: Any) -> str:
    """An object of strings as the table says, or of lists of strings as the sample shows."""
    if not isinstance(value, dict):
        return "must be an object with only string values"
    flat = [item for entry in value.values() for item in (entry if isinstance(entry, list) else [entry])]
    if not all(isinstance(item, str) for item in flat):
        return "must be an object with only string values"
    return _too_big(value, 1024)


def check_pairs(value: Any) -> str:
    """A list whose entries are two strings each."""
    rows = value if isinstance(value, list) else [None]
    if not all(
        isinstance(row, list) and len(row) == 2 and all(isinstance(part, str) for part in row) for row in rows
    ):
        return "must be an array of arrays of 2 strings"
    return _too_big(value, 2048)


UTM = {f"utm_{name}": text() for name in ("source", "campaign", "medium", "term", "content")}
NAMES: dict[str, Check] = {"first_name": text(1, 50), "last_name": text(1, 50)}
CREATE: dict[str, Check] = {
    **NAMES,
    "email": check_email,
    "phone": text(0, 255),
    "type": one_of(*TYPES),
    "title": text(1, 50),
    "advert_address": text(0, 100),
    "advert_postcode": text(2, 10),
    "advert_url": text(0, 255),
    "advert_image": text(0, 255),
    "message": text(0, 255),
    "appointment_availability": check_availability,
    "meta": check_meta,
    "questionnaire": check_pairs,
    "gdpr_checkbox": check_flag,
    "host": text(0, 255),
    "office_id": check_office,
    "address": text(0, 100),
    "postcode": text(2, 10),
    "source": check_nothing,
    "international": check_flag,
    **UTM,
    "property_type": one_of(*PROPERTY_TYPES),
}
#: property_bedrooms stands in the sample of this call only, and in no table.
VALUATION: dict[str, Check] = {**CREATE, "type": one_of(*VALUATION_TYPES), "property_bedrooms": check_count}
#: utm_gclid stands in the sample of this call only. The status is checked against the account's list.
UPDATE: dict[str, Check] = {
    **NAMES,
    "address": text(0, 255),
    "postcode": text(0, 255),
    "advert_address": text(0, 255),
    "advert_postcode": text(0, 255),
    "status": check_nothing,
    "office_id": check_office,
    "gdpr_checkbox": check_flag,
    "next_action_date": check_date,
    "questionnaire": check_pairs,
    "meta": check_meta,
    **UTM,
    "utm_gclid": text(),
}
CREATE_NEEDS = ("first_name", "last_name", "email", "phone", "type")
UPDATE_NEEDS = ("first_name", "last_name")


def find_problems(
    body: dict[str, Any], table: dict[str, Check], needs: tuple[str, ...], readings: Readings
) -> list[Problem]:
    """Everything wrong with a body, in the table's order."""
    problems = [Problem(name, "is required") for name in needs if body.get(name) is None]
    for name, check in table.items():
        if name in body and body[name] is None:
            if readings.nulls == "refuse" and name not in needs:
                problems.append(Problem(name, "must not be null"))
        elif name in body and (reason := check(body[name])):
            problems.append(Problem(name, reason))
    if readings.unknown_fields == "refuse":
        problems += [Problem(name, "is not allowed") for name in body if name not in table]
    return problems


def find_address_problems(body: dict[str, Any]) -> list[Problem]:
    """The webhook page's rule: owners give an address, applicants an advert's or an office."""
    if body.get("type") in ("sale", "let"):
        needed = () if body.get("office_id") is not None else ("advert_address", "advert_postcode")
    else:
        needed = ("address", "postcode")
    return [
        Problem(name, f"is required for {body.get('type')} leads") for name in needed if not body.get(name)
    ]
