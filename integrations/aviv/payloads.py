"""AVIV's lead as our values. Receiving checks nothing but what a column can hold: each unusable value is left out and
leaves a sentence. Every category is read by what is in it, so a new one needs no new code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrations.aviv.intentions import describe_search, find_intentions, type_of
from integrations.aviv.portals import name_portal, region_of
from integrations.aviv.shapes import find_lead_id, parse_instant
from integrations.aviv.submitting import check_submit, render_create
from integrations.cleaning import clean_text
from integrations.errors import UnexpectedPayload
from integrations.phones import to_e164
from integrations.problems import Problem

__all__ = [
    "AvivPhone",
    "ParsedAviv",
    "Problem",
    "check_submit",
    "parse_lead",
    "render_create",
    "render_meta",
]

#: What an erasure request takes away, and what a lead must once have had for its absence to mean one.
_PERSONAL = ("firstName", "lastName", "message", "phoneNumbers")


@dataclass(frozen=True, slots=True)
class AvivPhone:
    """One number: as AVIV shows it, and in E.164 where it is a possible number. ``is_verified`` is three-valued."""

    number: str
    e164: str | None
    kind: str = ""
    is_verified: bool | None = None


@dataclass(slots=True)
class ParsedAviv:
    """A lead as AVIV showed it. ``values`` are our lead's columns, only those it says something about.

    ``ttl_at`` is when it must be gone from here, and None where what AVIV says cannot be right (a warning tells).
    ``is_owner`` is None where nothing is said. ``is_blank``: it says itself that no name, message or number is left;
    ``had_person``: at least one is there. Neither holds where it cannot be told.
    """

    lead_id: str
    ingested_at: datetime | None = None
    portal: str = ""
    portal_name: str = ""
    ttl_at: datetime | None = None
    category: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    phones: list[AvivPhone] = field(default_factory=list)
    is_owner: bool | None = None
    is_blank: bool = False
    had_person: bool = False
    intention: str = ""
    classified_id: str = ""
    listing: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class _Reader:
    """Takes values out of one lead and remembers which were unusable."""

    def __init__(self, warnings: list[str]) -> None:
        self.warnings = warnings

    def object_in(self, parent: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The object of this name; empty where it is absent or something else."""
        value = parent.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.warnings.append(f"{name} is left out: AVIV does not show an object.")
        return {}

    def text_in(self, parent: Mapping[str, Any], name: str) -> str | None:
        """The text of this name, without space around it; None where it is empty. A number counts as text."""
        value = parent.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str):
            return clean_text(value).strip() or None
        if value is not None:
            self.warnings.append(f"{name} is left out: AVIV does not show text.")
        return None

    def instant_in(self, parent: Mapping[str, Any], name: str) -> datetime | None:
        """The moment of this name, given in Unix seconds."""
        value = parent.get(name)
        found = parse_instant(value)
        if found is None and value not in (None, ""):
            self.warnings.append(f"{name} is left out: AVIV does not show Unix seconds.")
        return found

    def truth_in(self, parent: Mapping[str, Any], name: str) -> bool | None:
        """True, false, or None where it is not said. Nothing is taken for either that is not plainly it."""
        value = parent.get(name)
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if isinstance(value, bool) or value is None:
            return value
        self.warnings.append(f"{name} is left open: AVIV does not show true or false.")
        return None


def parse_lead(raw: Mapping[str, Any]) -> ParsedAviv:
    """Theirs → ours. Raises `UnexpectedPayload` only where there is no usable id, and for nothing else that is JSON."""
    lead_id = find_lead_id(raw)
    if lead_id is None:
        raise UnexpectedPayload("AVIV showed a lead without an id.")
    lead = ParsedAviv(lead_id)
    reader = _Reader(lead.warnings)
    _read_metadata(lead, reader, reader.object_in(raw, "metadata"))
    contact = reader.object_in(raw, "contactRequest")
    lead.is_owner = reader.truth_in(contact, "isOwner")
    lead.phones = _read_phones(contact, lead.portal, reader)
    _read_presence(lead, contact)
    # A tracked call has a number of its own: not one that was ever given, so it never was a person's to erase.
    call = reader.object_in(raw, "callDetails")
    if (caller := reader.text_in(call, "seekerPhoneNumber")) is not None:
        lead.phones.append(AvivPhone(caller, _to_e164(caller, lead.portal), "CALL"))
    _read_listing(lead, reader, reader.object_in(raw, "property"))
    _fill_values(lead, reader, contact)
    intentions = find_intentions(raw)
    lead.intention = ", ".join(intentions)
    lead.values["type"] = type_of(intentions)
    lead.values["questionnaire"] = describe_search(raw, call) or None
    lead.values = {name: value for name, value in lead.values.items() if value is not None}
    return lead


def _read_metadata(lead: ParsedAviv, reader: _Reader, metadata: Mapping[str, Any]) -> None:
    lead.ingested_at = reader.instant_in(metadata, "ingestionDate")
    lead.portal = (reader.text_in(metadata, "portal") or "")[:50]
    lead.portal_name = name_portal(lead.portal)
    lead.category = (reader.text_in(metadata, "leadCategory") or "")[:50]
    ttl_at = reader.instant_in(metadata, "TTL" if "TTL" in metadata else "ttl")
    if ttl_at is None:
        return
    # Deleting cannot be undone: a date that is wrong on the face of it is told, and left to a person.
    if lead.ingested_at is None or ttl_at <= lead.ingested_at:
        lead.warnings.append("TTL is not acted on: AVIV does not show a date after the lead's arrival.")
    else:
        lead.ttl_at = ttl_at


def _read_phones(contact: Mapping[str, Any], portal: str, reader: _Reader) -> list[AvivPhone]:
    rows = contact.get("phoneNumbers")
    if rows is not None and not isinstance(rows, list):
        reader.warnings.append("phoneNumbers is left out: AVIV does not show a list.")
        return []
    phones = []
    for entry in rows or []:
        row = {"number": entry} if isinstance(entry, str) else entry
        if not isinstance(row, dict):
            reader.warnings.append("One of the phoneNumbers is left out: AVIV does not show an object.")
            continue
        if (number := reader.text_in(row, "number")) is not None:
            kind = (reader.text_in(row, "type") or "")[:20]
            verified = reader.truth_in(row, "verified")
            phones.append(AvivPhone(number, _to_e164(number, portal), kind, verified))
    return phones


def _to_e164(number: str, portal: str) -> str | None:
    return to_e164(number, region_of(portal))


def _read_presence(lead: ParsedAviv, contact: Mapping[str, Any]) -> None:
    """Whether a person is there. Only what AVIV shows as empty counts as gone: what it does not show proves nothing."""
    shown = [contact[name] for name in _PERSONAL if name in contact]
    left = [value for value in shown if not (value is None or value == [] or _is_empty_text(value))]
    lead.is_blank = bool(shown) and not left
    readable = any(isinstance(contact.get(name), str) and contact[name].strip() for name in _PERSONAL[:3])
    lead.had_person = readable or bool(lead.phones)


def _is_empty_text(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _read_listing(lead: ParsedAviv, reader: _Reader, listing: Mapping[str, Any]) -> None:
    for name in (
        "classifiedId",
        "offererEstateId",
        "offererMarketingKey",
        "projectId",
        "projectOffererEstateId",
        "projectOffererMarketingKey",
    ):
        if (text := reader.text_in(listing, name)) is not None:
            lead.listing[name] = text
    lead.classified_id = lead.listing.get("classifiedId", "")


def _fill_values(lead: ParsedAviv, reader: _Reader, contact: Mapping[str, Any]) -> None:
    values = lead.values
    values["first_name"] = reader.text_in(contact, "firstName")
    values["last_name"] = reader.text_in(contact, "lastName")
    values["full_name"] = " ".join(filter(None, (values["first_name"], values["last_name"]))) or None
    values["email"] = reader.text_in(contact, "email")
    values["message"] = reader.text_in(contact, "message")
    values["phone"] = _choose_phone(lead.phones)
    values["created_at"] = lead.ingested_at
    # The readable reference first: it is the one that people at the agency know a property by.
    named = ("offererMarketingKey", "offererEstateId", "projectOffererMarketingKey", "projectOffererEstateId")
    values["property_reference"] = next((lead.listing[name] for name in named if name in lead.listing), None)
    values["raw_property_reference"] = lead.classified_id or None


def _choose_phone(phones: list[AvivPhone]) -> str | None:
    """The first number that is one, in E.164; else the first text that stands in its place."""
    possible = (phone.e164 for phone in phones if phone.e164)
    return next(possible, phones[0].number if phones else None)


def render_meta(lead: ParsedAviv) -> dict[str, str]:
    """Where the lead comes from, as the ``meta`` of the lead that is handed on: text to text, well under 1024 bytes."""
    said = {
        "aviv_lead_id": lead.lead_id,
        "aviv_portal": lead.portal,
        "aviv_portal_name": lead.portal_name,
        "aviv_category": lead.category,
        "aviv_intention": lead.intention,
        "aviv_classified_id": lead.classified_id,
        "aviv_is_owner": {True: "yes", False: "no", None: ""}[lead.is_owner],
    }
    return {name: text[:60] if name != "aviv_lead_id" else text for name, text in said.items() if text}
