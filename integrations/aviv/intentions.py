"""What the seeker wants: which type of lead that is, where AVIV says so itself, and a search in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.cleaning import clean_text

#: ``seekerIntention`` of an agency lead and ``distributionType`` of a property search. What is not here (a question,
#: an enquiry about a listing) has no type unless a forwarding rule says one.
LEAD_TYPES: dict[str, str] = {
    "SELL": "vendor",
    "BUY": "sale",
    "RENT": "let",
    "MANAGE": "landlord",
    "BUYER": "sale",
    "TENANT": "let",
    "SELLER": "vendor",
    "LANDLORD": "landlord",
}
_LONGEST = 200


def find_intentions(raw: Mapping[str, Any]) -> list[str]:
    """AVIV's own words, in its order, each once: an intention, or the kinds of a property search."""
    metadata = raw.get("metadata")
    said: list[Any] = [metadata.get("seekerIntention")] if isinstance(metadata, Mapping) else []
    said.append(raw.get("seekerIntention"))
    kinds = raw.get("distributionType")
    said += kinds if isinstance(kinds, list) else [kinds]
    texts = [clean_text(word).strip().upper()[:50] for word in said if isinstance(word, str)]
    return list(dict.fromkeys(text for text in texts if text))


def type_of(intentions: Iterable[str]) -> str | None:
    """The one type of lead that all of them mean; None where there is none, or more than one."""
    types = {LEAD_TYPES.get(intention) for intention in intentions}
    return types.pop() if len(types) == 1 else None


def describe_search(raw: Mapping[str, Any], call: Mapping[str, Any]) -> list[list[str]]:
    """What somebody searches for and how a call went, as pairs of question and answer. Unusable parts are left out."""
    wanted = _object(raw.get("property"))
    rooms, spaces, budget = (_object(wanted.get(name)) for name in ("rooms", "spaces", "budget"))
    geo = _object(wanted.get("geo"))
    pairs = [
        ("Kind of property", _list(wanted.get("estateType"))),
        ("Rooms", _range(rooms.get("numberOfRoomsMin"), rooms.get("numberOfRoomsMax"))),
        ("Space in m²", _range(spaces.get("spaceMin"), spaces.get("spaceMax"))),
        ("Budget in €", _range(budget.get("amountMin"), budget.get("amountMax"))),
        ("City", _list(geo.get("city"))),
        ("Postal codes", _list(geo.get("postalCodes"))),
        ("Departments", _list(geo.get("departments"))),
        ("Call", _list(call.get("status"))),
        ("Call lasted, in seconds", _list(call.get("duration"))),
        ("Left a voice mail", _yes_or_no(call.get("isVoiceMail"))),
    ]
    return [[question, answer] for question, answer in pairs if answer]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _yes_or_no(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else ""


def _range(least: Any, most: Any) -> str:
    low, high = _list(least), _list(most)
    if low and high:
        return low if low == high else f"{low} to {high}"
    return f"from {low}" if low else f"up to {high}" if high else ""


def _list(value: Any) -> str:
    """Text or numbers, or several of them after each other."""
    values = value if isinstance(value, list) else [value]
    texts = [_plain(item) for item in values[:50]]
    return ", ".join(text for text in texts if text)[:_LONGEST]


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return clean_text(str(value)).strip()
