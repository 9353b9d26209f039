"""Telephone numbers as people spell them, in the forms that machines compare. Shared by all remotes."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

#: What the library itself is willing to read.
LONGEST = 250


@lru_cache(maxsize=4096)
def _parse(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    """The number meant, or None. Possible is enough: whether it is assigned is nobody's business here."""
    if len(text) > LONGEST:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    return number if reason == phonenumbers.ValidationResult.IS_POSSIBLE else None


def to_e164(text: str | None, region: str = "GB") -> str | None:
    """The number as +441632960001, or None where the text is no possible number. An extension is dropped."""
    number = _parse(text.strip(), region) if text else None
    if number is None:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def to_national(text: str | None, region: str = "GB") -> str | None:
    """The number as it is dialled at home, digits only (01632960001), or None."""
    number = _parse(text.strip(), region) if text else None
    if number is None:
        return None
    plain = phonenumbers.PhoneNumber(
        country_code=number.country_code,
        national_number=number.national_number,
        italian_leading_zero=number.italian_leading_zero,
        number_of_leading_zeros=number.number_of_leading_zeros,
    )
    written = phonenumbers.format_number(plain, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(character for character in written if character.isdigit())
