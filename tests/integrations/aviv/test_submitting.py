"""A lead that we submit: AVIV's rules, said before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.aviv.payloads import check_submit, render_create

GOOD: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada.example@example.org",
    "phone": "+33 6 39 98 00 12",
    "message": "Bonjour",
    "classified_id": "26ABCDEFGH12",
    "submitted_at": datetime(2026, 3, 2, 8, 25, 47, tzinfo=UTC),
}


def test_a_sound_lead_becomes_the_documented_body() -> None:
    assert check_submit(GOOD) == []
    assert render_create({**GOOD, "language": "FR", "gender": None}) == {
        "firstName": "Ada",
        "lastName": "Example",
        "email": "ada.example@example.org",
        "language": "FR",
        "message": "Bonjour",
        "classifiedId": "26ABCDEFGH12",
        "phoneNumbers": [{"number": "+33 6 39 98 00 12"}],
        "submittedDate": "2026-03-02T08:25:47Z",
    }


def test_everything_missing_is_named_at_once() -> None:
    problems = check_submit({"last_name": "  ", "phone": None})
    assert {problem.field for problem in problems} == {
        "last_name",
        "email",
        "phone",
        "message",
        "classified_id",
        "submitted_at",
    }
    assert {problem.code for problem in problems} == {"required"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("classified_id", "26ABCDEFGH1", "invalid"),
        ("classified_id", "26ABCDEFGH10", "invalid"),
        ("classified_id", "26ABCDEFGHO1", "invalid"),
        ("classified_id", "AAABCDEFGH12", "invalid"),
        ("classified_id", "classifiedId", "invalid"),
        ("classified_id", 26, "invalid"),
        ("email", "not one", "invalid"),
        ("phone", "call me", "invalid"),
        ("phone", "12345", "invalid"),
        ("last_name", "x" * 101, "too_long"),
        ("first_name", "x" * 101, "too_long"),
        ("language", "fr", "unknown_choice"),
        ("language", "SV", "unknown_choice"),
        ("gender", "UNKNOWN", "unknown_choice"),
        ("message", "a\x00b", "invalid"),
        ("submitted_at", "2026-03-02", "invalid"),
        ("submitted_at", datetime(2026, 3, 2), "invalid"),
    ],
)
def test_what_aviv_would_refuse_is_refused_here(field: str, value: Any, code: str) -> None:
    assert [(p.field, p.code) for p in check_submit({**GOOD, field: value})] == [(field, code)]


def test_a_number_in_a_spelling_that_aviv_refuses_goes_in_e164() -> None:
    odd = {**GOOD, "phone": "tel. 06 39 98 00 12"}
    assert check_submit(odd) == []
    assert render_create(odd)["phoneNumbers"] == [{"number": "+33639980012"}]
