"""What e-mail addresses and phone numbers are compared by, however they were typed."""

from __future__ import annotations

import unicodedata

from django.conf import settings

from integrations.leadpro.phones import to_e164


def email_key(text: str | None) -> str:
    """The address without case and surrounding space; empty for none."""
    return unicodedata.normalize("NFC", text or "").strip().casefold()[:320]


def phone_key(text: str | None) -> str:
    """E.164 where it is a phone number, else its digits, else empty: any spelling of a number has one key."""
    if not text:
        return ""
    return (to_e164(text, settings.DEFAULT_REGION) or "".join(c for c in text if c.isdigit()))[:40]
