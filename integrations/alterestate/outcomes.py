"""What AlterEstate's answer says became of a lead. ``status`` in a body is a number, another number or the word
"error", so the HTTP code speaks first; where the two contradict each other nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.answers import clean_text, strip_markup
from integrations.verdicts import Submitted

LONGEST_ID = 100


class ShapeError(ValueError):
    """An answer that tells neither of a creation nor of a duplicate. The text ends a sentence: "it has no log"."""


def read_outcome(http_status: int, document: Any) -> Submitted:
    """What a 2xx answer with JSON means. Raises `ShapeError` where it does not say."""
    if not isinstance(document, Mapping):
        raise ShapeError("it is no object")
    said = document.get("status")
    if (isinstance(said, str) and said.lower() in ("error", "fail", "failed")) or document.get("error"):
        raise ShapeError("it reports an error")
    data = document.get("data")
    made = isinstance(data, Mapping) and bool(data)
    number = _number(said)
    # The page prints these numbers in bodies only, so either may come under either code; what decides then is whether
    # the body shows something that was made.
    if (http_status == 201 and number in (None, 201)) or (http_status == 200 and number == 201 and made):
        return _read_created(document, data if isinstance(data, Mapping) else {})
    if http_status in (200, 201) and number in (None, 200) and not made and _id(document.get("log_id")):
        return _read_duplicate(document)
    raise ShapeError("it holds neither a new lead nor the log of a known contact")


def _read_created(document: Mapping[str, Any], data: Mapping[str, Any]) -> Submitted:
    """Both forms: ids as numbers, or texts under later names. The deal is what every creation has of its own."""
    deal = _first(document, data, "deal_uid", "deal_id")
    contact = _first(document, data, "contact_uid") or _id(data.get("uid")) or _id(data.get("id"))
    log = _first(document, data, "log_id")
    parts = [f"{word} {text}" for word, text in (("deal", deal), ("contact", contact), ("log", log)) if text]
    note = (
        f"Created in AlterEstate: {', '.join(parts)}." if parts else "Created in AlterEstate; it gave no id."
    )
    return Submitted(reference=log, remote_id=deal or contact, note=note)


def _read_duplicate(document: Mapping[str, Any]) -> Submitted:
    log = _id(document.get("log_id"))
    said = document.get("message")
    words = clean_text(strip_markup(said), 200) if isinstance(said, str) else ""
    note = f"Already a contact there, so nothing was created; its owner was notified. Log {log}."
    return Submitted(
        reference=log, is_duplicate=True, note=f"{note} AlterEstate says: {words}" if words else note
    )


def _first(document: Mapping[str, Any], data: Mapping[str, Any], *names: str) -> str:
    places = (document, data)
    return next((text for name in names for place in places if (text := _id(place.get(name)))), "")


def _id(value: Any) -> str:
    """An id as text, whether it came as text or number; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return clean_text(strip_markup(str(value)), LONGEST_ID)


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:9])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
