"""The lead objects of AVIV's schema pages: what each category holds, and how readings bend what is shown."""

from __future__ import annotations

import json
from typing import Any

from .readings import Readings

Lead = dict[str, Any]

#: The legal end of a lead, three years after its creation.
TTL_SECONDS = 1096 * 86_400
CATEGORIES = ("CLASSIFIED", "AGENCY", "PROPERTY_SEARCH", "CALL_TRACKING")
PERSON = ("firstName", "lastName", "gender", "language", "message")
CONTACT_KEYS = ("firstName", "lastName", "gender", "email", "language", "phoneNumbers", "message", "isOwner")
TOP_KEYS = ("property", "project", "distributionType", "callDetails")
METADATA_KEYS = ("leadId", "portal", "TTL", "seekerIntention")

#: What a lead added by a test says, unless told otherwise.
PLAIN_CONTACT: Lead = {
    "firstName": "Ada",
    "lastName": "Example",
    "gender": "FEMALE",
    "email": "ada@example.org",
    "language": "FR",
    "phoneNumbers": [{"type": "MOBILE", "number": "+33639980123", "verified": False}],
    "message": "Bonjour, ce bien est-il toujours disponible ?",
}
NOBODY: Lead = {
    "firstName": None,
    "lastName": None,
    "gender": None,
    "language": None,
    "phoneNumbers": [],
    "message": None,
}
PLAIN_PROPERTY: Lead = {
    "classifiedId": "26A1B2C3D4E5",
    "offererEstateId": "EX-1001",
    "offererMarketingKey": "VT-1001",
    "projectId": None,
    "projectOffererEstateId": None,
    "projectOffererMarketingKey": None,
}
PLAIN_PARTS: dict[str, Lead] = {
    "CLASSIFIED": {"property": PLAIN_PROPERTY},
    "AGENCY": {},
    "PROPERTY_SEARCH": {
        "property": {
            "estateType": ["APARTMENT"],
            "rooms": {"numberOfRoomsMin": 2, "numberOfRoomsMax": 3},
            "spaces": {"spaceMin": 40},
            "budget": {"amountMax": 320_000},
            "geo": {"city": "Lyon", "postalCodes": ["69003"], "departments": ["69"]},
        },
        "distributionType": ["BUYER"],
    },
    "CALL_TRACKING": {
        "property": PLAIN_PROPERTY,
        "callDetails": {
            "seekerPhoneNumber": "+33639980123",
            "isVoiceMail": False,
            "duration": 74,
            "status": "ANSWERED",
        },
    },
}


def build_lead(category: str, lead_id: str, ingested_at: int, fields: Lead) -> Lead:
    """A whole lead from some of its fields, named as in the schemas whatever object they stand in.

    ``phone`` stands for one mobile number, ``without`` names contact fields to leave out, ``raw`` holds further
    parts of any shape. ValueError on an unknown field.
    """
    fields = dict(fields)
    without, raw = tuple(fields.pop("without", ())), fields.pop("raw", {})
    if "phone" in fields:
        fields["phoneNumbers"] = [{"type": "MOBILE", "number": fields.pop("phone"), "verified": False}]
    unknown = set(fields) - {*CONTACT_KEYS, *TOP_KEYS, *METADATA_KEYS}
    if unknown:
        raise ValueError(f"a lead of AVIV has no {', '.join(sorted(unknown))}")
    contact = PLAIN_CONTACT if category != "CALL_TRACKING" else NOBODY
    contact = contact | {name: fields[name] for name in CONTACT_KEYS if name in fields}
    lead: Lead = {
        "metadata": _build_metadata(category, lead_id, ingested_at, fields),
        "contactRequest": {name: value for name, value in contact.items() if name not in without},
    }
    parts = PLAIN_PARTS.get(category, PLAIN_PARTS["CLASSIFIED"])
    lead |= parts | {name: fields[name] for name in TOP_KEYS if name in fields}
    lead |= raw
    return lead


def _build_metadata(category: str, lead_id: str, ingested_at: int, fields: Lead) -> Lead:
    metadata: Lead = {
        "leadId": fields.get("leadId") or lead_id,
        "ingestionDate": ingested_at,
        "portal": fields.get("portal", "SLG-FRA"),
        "TTL": fields.get("TTL", ingested_at + TTL_SECONDS),
        "leadCategory": category,
    }
    if category == "AGENCY" or "seekerIntention" in fields:
        metadata["seekerIntention"] = fields.get("seekerIntention", "SELL")
    return metadata


def erase(lead: Lead, readings: Readings) -> Lead:
    """The lead as it is shown after its person asked for erasure."""
    contact = {**lead["contactRequest"], "phoneNumbers": []}
    gone = (*PERSON, "email") if readings.erasure_takes_email else PERSON
    for name in gone:
        if readings.erasure_form == "absent":
            contact.pop(name, None)
        else:
            contact[name] = None
    return {**lead, "contactRequest": contact}


def bends(readings: Readings) -> bool:
    """Whether leads are shown otherwise than they are kept."""
    return readings.ttl_key != "TTL" or readings.extra_fields or not readings.shows_is_owner


def render_body(body: str, readings: Readings) -> str:
    """A kept lead's JSON as the API shows it."""
    return dump(render_lead(json.loads(body), readings)) if bends(readings) else body


def render_lead(lead: Lead, readings: Readings) -> Lead:
    """The lead as the API shows it under these readings."""
    metadata, contact = dict(lead["metadata"]), dict(lead["contactRequest"])
    if readings.ttl_key != "TTL":
        metadata[readings.ttl_key] = metadata.pop("TTL")
    if not readings.shows_is_owner:
        contact.pop("isOwner", None)
    shown = {**lead, "metadata": metadata, "contactRequest": contact}
    if readings.extra_fields:
        contact["preferredContactTime"] = "EVENING"
        shown |= {"score": {"value": 0.5}, "tags": ["new"]}
    return shown


def dump(lead: Lead) -> str:
    """Compact JSON."""
    return json.dumps(lead, ensure_ascii=False, separators=(",", ":"))
