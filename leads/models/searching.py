"""Search over leads: a name, an e-mail address, a phone number in any spelling, a postcode, an address, an id."""

from __future__ import annotations

import re

from django.db.models import Q

from leads.models.keys import email_key, phone_key

_PHONE = re.compile(r"[+0-9][0-9 ().\-/]{5,30}")
_POSTCODE = re.compile(r"([A-Za-z]{1,2}[0-9][A-Za-z0-9]?)\s*([0-9][A-Za-z]{2})")
WORD_FIELDS = (
    "full_name",
    "first_name",
    "last_name",
    "email",
    "address",
    "postcode",
    "advert_address",
    "advert_postcode",
)
MOST_WORDS = 6


def matching(text: str) -> Q:
    """The condition for what somebody typed. Exact keys use an index; words are looked for one by one."""
    text = text.strip().removeprefix("#")
    digits = text if text.isascii() and text.isdigit() else ""
    if "@" in text and " " not in text:
        return Q(email_key=email_key(text)) | Q(email__icontains=text)
    if digits and len(digits) < 6:
        return Q(leadpro_id=int(digits)) | Q(phone__contains=digits) | _words(text)
    if _PHONE.fullmatch(text):
        return _phone(text, digits)
    if match := _POSTCODE.fullmatch(text):
        return _postcode(*match.groups())
    return _words(text)


def _phone(text: str, digits: str) -> Q:
    found = Q(phone_key=phone_key(text)) | Q(phone__contains=text)
    return found | Q(leadpro_id=int(digits)) if 0 < len(digits) < 16 else found


def _postcode(outward: str, inward: str) -> Q:
    found = Q()
    for spelling in (f"{outward} {inward}", f"{outward}{inward}"):
        found |= Q(postcode__icontains=spelling) | Q(advert_postcode__icontains=spelling)
    return found


def _words(text: str) -> Q:
    found = Q()
    for word in text.split()[:MOST_WORDS]:
        any_field = Q()
        for name in WORD_FIELDS:
            any_field |= Q(**{f"{name}__icontains": word})
        found &= any_field
    return found
