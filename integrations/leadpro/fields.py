"""Every field of a Lead.pro lead, declared once.

The models, the admin form, the REST API, the renderer and the field reference in ``docs/`` follow from this
table. Source: the tables and samples of lead.pro/api-guide (create, instant valuation, update, get). The
documents contradict each other in places; the choice made here is the one that a strict and a lenient server
both accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The JSON type of a field's value."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "instant"  # ISO 8601 text
    STRING_MAP = "string map"  # object whose values are strings
    AVAILABILITY = "availability"  # object of strings or of lists of them: documented and shown
    PAIRS = "pairs"  # list of [question, answer]
    JSON = "json"  # always null in every sample: its type has never been shown


class Access(StrEnum):
    """What Lead.pro lets a client do with a field."""

    READ_ONLY = "read-only"
    CREATE_ONLY = "create-only"
    PATCHABLE = "patchable"
    APPEND_ONLY = "append-only"
    WRITE_ONLY = "write-only"


class Call(StrEnum):
    """The three calls that write."""

    CREATE = "create"
    VALUATION = "valuation"
    UPDATE = "update"


CREATES = frozenset({Call.CREATE, Call.VALUATION})
ALL = frozenset(Call)
UPDATE = frozenset({Call.UPDATE})


@dataclass(frozen=True, slots=True)
class Field:
    """One field. Lengths are characters, ``json_bytes`` is compact UTF-8 JSON; limits hold when sending
    only.
    """

    name: str
    kind: Kind
    access: Access
    label: str
    group: str
    writes: frozenset[Call] = frozenset()
    required: bool = False
    minimum: int = 0
    create_max: int | None = None
    update_max: int | None = None
    json_bytes: int | None = None
    choices: tuple[str, ...] = ()
    open_choices: bool = False
    help: str = ""

    def max_length(self, call: Call) -> int | None:
        """Characters this call takes, or None where the documents give no limit."""
        return self.update_max if call is Call.UPDATE else self.create_max


TYPES = ("sale", "vendor", "landlord", "let", "mortgage_request")
VALUATION_TYPES = ("vendor", "landlord")
SOURCES = (
    "rightmove",
    "rightmove_valuation",
    "zoopla",
    "zoopla_valuation",
    "onthemarket",
    "gumtree",
    "s1",
    "lettingweb",
    "propertypal",
    "propertynews",
    "ivt",
    "homepage",
)
PROPERTY_TYPES = ("detached", "semi-detached", "terraced", "flat-maisonette")

#: The key of ``meta`` that carries the token of a push. Reserved; never shown to callers.
TOKEN_KEY = "leadmirror"  # noqa: S105 - the name of a key, not a key
META_BYTES = 1024
#: What is left of ``meta`` for callers: 96 bytes are kept for the token (interface.md section 4).
CALLER_META_BYTES = META_BYTES - 96

PERSON, ENQUIRY, PROPERTY, CAMPAIGN, PLACE, VALUATION = (
    "Person",
    "Enquiry",
    "Property",
    "Campaign",
    "Where it sits",
    "Valuation",
)


def _read(name: str, kind: Kind, label: str, group: str) -> Field:
    return Field(name, kind, Access.READ_ONLY, label, group)


def _create(name: str, kind: Kind, label: str, group: str, **rules: object) -> Field:
    return Field(name, kind, Access.CREATE_ONLY, label, group, **{"writes": CREATES, **rules})  # type: ignore[arg-type]


def _patch(name: str, kind: Kind, label: str, group: str, **rules: object) -> Field:
    return Field(name, kind, Access.PATCHABLE, label, group, **{"writes": ALL, **rules})  # type: ignore[arg-type]


_T, _I, _N, _B, _J = Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.JSON

LEAD_FIELDS: tuple[Field, ...] = (
    _read("id", _I, "Lead.pro id", PLACE),
    _create(
        "type",
        _T,
        "Type",
        ENQUIRY,
        required=True,
        choices=TYPES,
        help="Cannot be corrected through the API once created.",
    ),
    _create("title", _T, "Title", PERSON, minimum=1, create_max=50),
    _patch("first_name", _T, "First name", PERSON, required=True, minimum=1, create_max=50, update_max=50),
    _patch("last_name", _T, "Last name", PERSON, required=True, minimum=1, create_max=50, update_max=50),
    _read("full_name", _T, "Full name", PERSON),
    _create(
        "email", _T, "E-mail", PERSON, required=True, help="Cannot be changed through the API once created."
    ),
    _create(
        "phone",
        _T,
        "Phone",
        PERSON,
        required=True,
        create_max=255,
        help="Only valid UK numbers are called by Lead.pro's autocaller.",
    ),
    _patch("address", _T, "Address", PERSON, create_max=100, update_max=255),
    _patch("postcode", _T, "Postcode", PERSON, minimum=2, create_max=10, update_max=255),
    _patch("gdpr_checkbox", _B, "Agreed to be contacted", PERSON, help="Not said is not the same as no."),
    _create("international", _B, "International", PERSON),
    _create("message", _T, "Message", ENQUIRY, create_max=255),
    _create(
        "source",
        _T,
        "Source",
        ENQUIRY,
        choices=SOURCES,
        open_choices=True,
        help="An unknown source is silently replaced by homepage.",
    ),
    _create("host", _T, "Page or host", ENQUIRY, create_max=255),
    _create(
        "appointment_availability",
        Kind.AVAILABILITY,
        "Availability",
        ENQUIRY,
        json_bytes=1024,
        help='An object, for example {"hours": ["2026-01-01T08:00:00.000Z"]}.',
    ),
    Field(
        "questionnaire",
        Kind.PAIRS,
        Access.APPEND_ONLY,
        "Questionnaire",
        ENQUIRY,
        writes=ALL,
        json_bytes=2048,
        help="Pairs of question and answer. Lead.pro appends what is sent to what it has.",
    ),
    _patch("meta", Kind.STRING_MAP, "Meta", ENQUIRY, json_bytes=CALLER_META_BYTES, help="Pairs of text."),
    _read("created_at", Kind.INSTANT, "Enquired at", ENQUIRY),
    _read("is_parent", _B, "Is a parent", ENQUIRY),
    _read("parent_id", _I, "Parent's Lead.pro id", ENQUIRY),
    _patch("advert_address", _T, "Advert address", PROPERTY, create_max=100, update_max=255),
    _patch("advert_postcode", _T, "Advert postcode", PROPERTY, minimum=2, create_max=10, update_max=255),
    _create("advert_url", _T, "Advert URL", PROPERTY, create_max=255),
    _create("advert_image", _T, "Advert image", PROPERTY, create_max=255),
    _create("property_type", _T, "Property type", PROPERTY, choices=PROPERTY_TYPES),
    _create(
        "property_bedrooms",
        _I,
        "Bedrooms",
        PROPERTY,
        writes=frozenset({Call.VALUATION}),
        help="Shown by the documents for instant valuations only.",
    ),
    _read("property_bathrooms", _I, "Bathrooms", PROPERTY),
    _read("property_receptions", _I, "Receptions", PROPERTY),
    _read("property_reference", _T, "Property reference", PROPERTY),
    _read("raw_property_reference", _T, "Raw property reference", PROPERTY),
    _read("comparable_props", _J, "Comparable properties", VALUATION),
    _read("minimum_sale_estimation", _I, "Lowest sale estimate", VALUATION),
    _read("average_sale_estimation", _I, "Average sale estimate", VALUATION),
    _read("maximum_sale_estimation", _I, "Highest sale estimate", VALUATION),
    _read("minimum_rent_estimation", _I, "Lowest rent estimate", VALUATION),
    _read("average_rent_estimation", _I, "Average rent estimate", VALUATION),
    _read("maximum_rent_estimation", _I, "Highest rent estimate", VALUATION),
    _read("valuation_status", _T, "Valuation status", VALUATION),
    _read("stage", _T, "Stage", PLACE),
    _patch("status", _T, "Status", PLACE, writes=UPDATE),
    _patch("office_id", _I, "Office", PLACE, help="Left out, Lead.pro picks the nearest office by postcode."),
    _read("office_name", _T, "Office name", PLACE),
    _read("account_id", _I, "Account id", PLACE),
    _read("account_name", _T, "Account", PLACE),
    Field(
        "out_of_area_distance",
        _N,
        Access.READ_ONLY,
        "Distance out of area",
        PLACE,
        help="The documents do not say the unit.",
    ),
    _read("referred_by_office_id", _I, "Referring office id", PLACE),
    _read("referred_by_office_name", _T, "Referring office", PLACE),
    _read("referred_by_account_id", _I, "Referring account id", PLACE),
    _read("referred_by_account_name", _T, "Referring account", PLACE),
    _read("eta", _J, "ETA", PLACE),
    _read("facebook_pixel_id", _T, "Facebook pixel id", CAMPAIGN),
    _patch("utm_source", _T, "UTM source", CAMPAIGN),
    _patch("utm_medium", _T, "UTM medium", CAMPAIGN),
    _patch("utm_campaign", _T, "UTM campaign", CAMPAIGN),
    _patch("utm_content", _T, "UTM content", CAMPAIGN),
    _patch("utm_term", _T, "UTM term", CAMPAIGN),
    _patch("utm_gclid", _T, "Google click id", CAMPAIGN, writes=UPDATE),
)

#: Accepted by an update and shown by no read: what we last set is all that can be known.
NEXT_ACTION_DATE = Field(
    "next_action_date",
    Kind.INSTANT,
    Access.WRITE_ONLY,
    "Next action",
    PLACE,
    writes=UPDATE,
    help="Lead.pro takes it and never shows it again. What stands here is what was last set from here.",
)

FIELDS: dict[str, Field] = {f.name: f for f in (*LEAD_FIELDS, NEXT_ACTION_DATE)}
#: The 57 fields that are columns under their own name; Lead.pro's ``id`` is ``leadpro_id`` here.
MIRRORED: tuple[Field, ...] = tuple(f for f in LEAD_FIELDS if f.name != "id")


def writable(call: Call) -> tuple[Field, ...]:
    """The fields that this call may carry."""
    return tuple(f for f in FIELDS.values() if call in f.writes)
