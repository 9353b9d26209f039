"""Telephone numbers as Lead.pro looks them up: it stores what it was sent, so spellings are tried in turn."""

from __future__ import annotations

from integrations.phones import to_e164, to_national

__all__ = ["is_uk_number", "spellings", "to_e164", "to_national"]


def spellings(phone: str | None, region: str = "GB") -> list[str]:
    """What to look up, in this order: exactly as given, the national form, E.164. No doubles, none empty."""
    if not phone or not phone.strip():
        return []
    forms = (phone, to_national(phone, region), to_e164(phone, region))
    return list(dict.fromkeys(form for form in forms if form))


def is_uk_number(text: str | None) -> bool:
    """Whether Lead.pro's autocaller may call it: a possible number of the United Kingdom."""
    return (to_e164(text, "GB") or "").startswith("+44")
