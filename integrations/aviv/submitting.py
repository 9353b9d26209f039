"""A lead that we submit to AVIV: its rules, checked before anything is sent, and the body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.phones import to_e164
from integrations.problems import Problem, RuleBroken, check_email, refuse_unsendable

#: Ours → theirs. ``classified_id``, ``language``, ``gender`` and ``submitted_at`` are said when submitting.
NAMES = {
    "first_name": "firstName",
    "last_name": "lastName",
    "gender": "gender",
    "email": "email",
    "language": "language",
    "message": "message",
    "classified_id": "classifiedId",
}
REQUIRED = ("last_name", "email", "phone", "message", "classified_id", "submitted_at")
LANGUAGES = ("DE", "EN", "ES", "FR", "HE", "IT", "NL", "PT", "RU")
GENDERS = ("MALE", "FEMALE", "OTHER", "PREFER_NOT_TO_DISCLOSE")
LONGEST_NAME = 100
_CLASSIFIED = re.compile(r"[0-9]{2}[1-9A-NP-Z]{10}")
_PHONE = re.compile(r"[+]?[0-9() /.\-]{6,21}[0-9]")


def check_submit(values: Mapping[str, Any]) -> list[Problem]:
    """Why AVIV would refuse this; empty where it may be sent. Docs: "createLeadRequest"."""
    problems = [
        Problem(name, "required", "AVIV needs this.") for name in REQUIRED if _is_missing(values.get(name))
    ]
    for name, check in _CHECKS.items():
        if not _is_missing(values.get(name)):
            try:
                check(values[name])
            except RuleBroken as broken:
                problems.append(Problem(name, broken.code, broken.detail))
    return problems


def render_create(values: Mapping[str, Any]) -> dict[str, Any]:
    """Ours → theirs, for values without problems. Optional values that are missing are left out."""
    payload: dict[str, Any] = {
        theirs: str(values[ours]).strip()
        for ours, theirs in NAMES.items()
        if not _is_missing(values.get(ours))
    }
    payload["phoneNumbers"] = [{"number": _sendable_phone(values["phone"])}]
    submitted_at: datetime = values["submitted_at"]
    payload["submittedDate"] = (
        submitted_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
    return payload


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _check_text(value: Any) -> str:
    if not isinstance(value, str):
        raise RuleBroken("invalid", "Must be text.")
    refuse_unsendable(value)
    return value.strip()


def _check_name(value: Any) -> None:
    if (length := len(_check_text(value))) > LONGEST_NAME:
        raise RuleBroken("too_long", f"AVIV takes at most {LONGEST_NAME} characters; this has {length}.")


def _check_classified(value: Any) -> None:
    if not _CLASSIFIED.fullmatch(_check_text(value)):
        raise RuleBroken(
            "invalid",
            "A classified id has two digits, then ten digits or capitals without 0 and O, such as 26ABCDEFGH12.",
        )


def _check_phone(value: Any) -> None:
    if _sendable_phone(_check_text(value)) is None:
        raise RuleBroken(
            "invalid", "AVIV takes numbers such as +33 1 99 00 12 34: digits, spaces and ( ) / . - only."
        )


def _sendable_phone(number: str) -> str | None:
    """The number as it is written, or in E.164 where AVIV would refuse that spelling."""
    number = number.strip()
    return number if _PHONE.fullmatch(number) else to_e164(number, "FR")


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if _check_text(value) not in choices:
            raise RuleBroken("unknown_choice", f"Must be one of: {', '.join(choices)}.")

    return check


def _check_submitted(value: Any) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise RuleBroken("invalid", "Must be a date and time with a time zone.")


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "first_name": _check_name,
    "last_name": _check_name,
    "gender": _one_of(GENDERS),
    "email": lambda value: check_email(_check_text(value)),
    "language": _one_of(LANGUAGES),
    "phone": _check_phone,
    "message": _check_text,
    "classified_id": _check_classified,
    "submitted_at": _check_submitted,
}
