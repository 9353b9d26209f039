"""Search in the lead list: a name, an e-mail address, a phone number in any spelling, a postcode, an id."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet

from leads.models import Lead
from leads.models.keys import email_key, phone_key

_PHONE = re.compile(r"[+\d][\d ().\-/]{5,30}")
_POSTCODE = re.compile(r"([A-Za-z]{1,2}\d[A-Za-z\d]?)\s*(\d[A-Za-z]{2})")
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
MAX_WORDS = 6
HELP = "Name, e-mail, phone in any spelling, postcode, address, Lead.pro id"


def search(leads: QuerySet[Lead], text: str) -> QuerySet[Lead]:
    """The leads that match. An exact key (id, phone, e-mail) uses an index; words are looked for one by one."""
    text = text.strip().removeprefix("#")
    if not text:
        return leads
    if "@" in text and " " not in text:
        return leads.filter(Q(email_key=email_key(text)) | Q(email__icontains=text))
    if text.isdigit() and len(text) < 9:
        return leads.filter(Q(leadpro_id=int(text)) | Q(phone__contains=text))
    if _PHONE.fullmatch(text):
        return leads.filter(_phone(text))
    if match := _POSTCODE.fullmatch(text):
        return leads.filter(_postcode(*match.groups()))
    return leads.filter(_words(text))


def _phone(text: str) -> Q:
    found = Q(phone_key=phone_key(text)) | Q(phone__contains=text)
    digits = "".join(c for c in text if c.isdigit())
    return found | Q(leadpro_id=int(digits)) if digits == text and len(digits) < 16 else found


def _postcode(outward: str, inward: str) -> Q:
    found = Q()
    for spelling in (f"{outward} {inward}", f"{outward}{inward}"):
        found |= Q(postcode__icontains=spelling) | Q(advert_postcode__icontains=spelling)
    return found


def _words(text: str) -> Q:
    found = Q()
    for word in text.split()[:MAX_WORDS]:
        any_field = Q()
        for name in WORD_FIELDS:
            any_field |= Q(**{f"{name}__icontains": word})
        found &= any_field
    return found
