"""Numbers as people spell them."""

from __future__ import annotations

import pytest

from integrations.leadpro.phones import is_uk_number, spellings, to_e164, to_national


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("01632 960123", ["01632 960123", "01632960123", "+441632960123"]),
        ("01632960123", ["01632960123", "+441632960123"]),
        ("+44 7700 900123", ["+44 7700 900123", "07700900123", "+447700900123"]),
        ("+447700900123", ["+447700900123", "07700900123"]),
        ("0044 (0)20 7946 0123", ["0044 (0)20 7946 0123", "02079460123", "+442079460123"]),
        ("+33 1 99 00 12 34", ["+33 1 99 00 12 34", "0199001234", "+33199001234"]),
        ("no number", ["no number"]),
        ("12", ["12"]),
        ("9" * 300, ["9" * 300]),
        ("", []),
        ("   ", []),
        (None, []),
    ],
)
def test_spellings_are_the_exact_one_the_national_and_e164(given: str | None, expected: list[str]) -> None:
    assert spellings(given) == expected


@pytest.mark.parametrize(
    "text", ["07700 900123", "+44 (0)7700 900123", "0044 7700 900123", "07700900123 ext. 4"]
)
def test_every_spelling_is_the_same_number(text: str) -> None:
    assert to_e164(text) == "+447700900123"
    assert to_national(text) == "07700900123"


@pytest.mark.parametrize("text", [None, "", "x", "07700", "1" * 300, "\x00", "\ud800"])
def test_what_is_no_number_has_no_form(text: str | None) -> None:
    assert to_e164(text) is None
    assert to_national(text) is None


def test_the_region_says_what_a_national_number_is() -> None:
    assert to_e164("01 99 00 12 34", "FR") == "+33199001234"
    assert is_uk_number("020 7946 0123")
    assert not is_uk_number("+33 1 99 00 12 34")
