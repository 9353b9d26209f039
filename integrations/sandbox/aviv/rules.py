"""What ``createLeadRequest`` of the API page allows."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .refusals import Problem

Body = dict[str, Any]

GENDERS = ("MALE", "FEMALE", "OTHER", "PREFER_NOT_TO_DISCLOSE")
LANGUAGES = ("DE", "EN", "ES", "FR", "HE", "IT", "NL", "PT", "RU")
PHONE_TYPES = ("MOBILE", "LANDLINE")
REQUIRED = ("lastName", "email", "phoneNumbers", "message", "classifiedId", "submittedDate")
OPTIONAL = ("firstName", "gender", "language")
CLASSIFIED_ID = re.compile(r"([0-9]{2})([1-9A-NP-Z]{10})")
PHONE = re.compile(r"[+]?[0-9() /.\-]{6,21}[0-9]")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def find_problems(body: Body, *, nulls: str) -> list[Problem]:
    """Everything that is wrong with the body; empty where it is accepted."""
    if nulls == "accept":
        body = {name: value for name, value in body.items() if value is not None}
    problems = [Problem(f"/{name}", "is required") for name in REQUIRED if name not in body]
    for name in (*REQUIRED, *OPTIONAL):
        reason = _judge(name, body[name]) if name in body and name != "phoneNumbers" else ""
        if reason:
            problems.append(Problem(f"/{name}", reason))
    if "phoneNumbers" in body:
        problems += _judge_phones(body["phoneNumbers"])
    return problems


def _judge(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return "must be string"
    words = {"gender": GENDERS, "language": LANGUAGES}.get(name)
    if words:
        return "" if value in words else f"must be one of {', '.join(words)}"
    if name in ("firstName", "lastName"):
        return "" if 1 <= len(value) <= 100 else "must have 1 to 100 characters"
    if name == "email":
        return "" if EMAIL.fullmatch(value) else "must be an e-mail address"
    if name == "classifiedId":
        return "" if CLASSIFIED_ID.fullmatch(value) else "must match ^([0-9]{2})([1-9A-NP-Z]{10})$"
    if name == "submittedDate":
        return "" if _is_date_time(value) else "must be an ISO 8601 date-time"
    return ""


def _is_date_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None and "T" in text.upper()
    except ValueError:
        return False


def _judge_phones(phones: Any) -> list[Problem]:
    if not isinstance(phones, list) or not phones:
        return [Problem("/phoneNumbers", "must be an array of at least 1 item")]
    problems = []
    for place, phone in enumerate(phones):
        reason = _judge_phone(phone)
        if reason:
            problems.append(Problem(f"/phoneNumbers/{place}", reason))
    return problems


def _judge_phone(phone: Any) -> str:
    if not isinstance(phone, dict) or not isinstance(phone.get("number"), str):
        return "must be an object with a number"
    if not PHONE.fullmatch(phone["number"]):
        return r"number must match ^[+]?[0-9() \/.\-]{6,21}[0-9]$"
    if "type" in phone and phone["type"] not in PHONE_TYPES:
        return f"type must be one of {', '.join(PHONE_TYPES)}"
    return ""
