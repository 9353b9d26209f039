"""Every category and its odd cases, from recorded shapes to our columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.aviv.payloads import AvivPhone, parse_lead, render_meta
from integrations.errors import UnexpectedPayload
from tests.integrations.aviv.samples import FOLDER, sample

INGESTED = datetime(2026, 3, 2, 8, 25, 47, tzinfo=UTC)
LEADS = sorted(
    path.stem for path in FOLDER.glob("*.json") if path.stem not in ("page", "subscription", "audit")
)


def test_an_enquiry_about_a_listing_has_a_person_a_reference_and_no_type() -> None:
    lead = parse_lead(sample("classified"))
    assert lead.values == {
        "first_name": "Ada",
        "last_name": "Example",
        "full_name": "Ada Example",
        "email": "ada.example@example.org",
        "phone": "+33639980012",
        "message": "Bonjour, ce bien est-il toujours disponible ?",
        "created_at": INGESTED,
        "property_reference": "VM-2026-031",
        "raw_property_reference": "26ABCDEFGH12",
    }
    assert lead.phones == [AvivPhone("06 39 98 00 12", "+33639980012", "MOBILE", True)]
    assert (lead.portal, lead.portal_name, lead.category) == ("SLG-FRA", "SeLoger", "CLASSIFIED")
    assert (lead.is_owner, lead.is_blank, lead.had_person) == (False, False, True)
    assert lead.ttl_at == datetime(2029, 3, 2, 8, 25, 47, tzinfo=UTC)
    assert (lead.ingested_at, lead.warnings) == (INGESTED, [])
    lower = sample("classified")
    lower["metadata"]["ttl"] = lower["metadata"].pop("TTL")
    assert parse_lead(lower).ttl_at == lead.ttl_at


def test_a_new_build_is_known_by_its_programme() -> None:
    lead = parse_lead(sample("classified_new_build"))
    assert lead.values["property_reference"] == "Les Terrasses"
    assert lead.listing["projectId"] == "PRJ-9"
    assert lead.is_owner is None


@pytest.mark.parametrize(
    ("name", "intention", "lead_type"),
    [
        ("agency_sell", "SELL", "vendor"),
        ("agency_question", "ASK_A_QUESTION", None),
        ("property_search", "BUYER", "sale"),
        ("property_search_mixed", "BUYER, SELLER", None),
        ("classified", "", None),
        ("call_tracking", "", None),
    ],
)
def test_the_type_is_what_aviv_says_and_nothing_where_it_says_none_or_two(
    name: str, intention: str, lead_type: str | None
) -> None:
    lead = parse_lead(sample(name))
    assert (lead.intention, lead.values.get("type")) == (intention, lead_type)


@pytest.mark.parametrize(
    ("intention", "lead_type"), [("SELL", "vendor"), ("BUY", "sale"), ("RENT", "let"), ("MANAGE", "landlord")]
)
def test_every_intention_of_an_agency_lead_has_its_type(intention: str, lead_type: str) -> None:
    raw = sample("agency_sell")
    raw["metadata"]["seekerIntention"] = intention
    assert parse_lead(raw).values["type"] == lead_type


@pytest.mark.parametrize(
    ("kinds", "lead_type"),
    [
        (["BUYER"], "sale"),
        (["TENANT"], "let"),
        (["SELLER"], "vendor"),
        (["LANDLORD"], "landlord"),
        (["BUYER", "BUYER"], "sale"),
        (["BUYER", "SOMETHING_NEW"], None),
        ([], None),
        ("TENANT", "let"),
    ],
)
def test_every_kind_of_search_has_its_type(kinds: Any, lead_type: str | None) -> None:
    assert (
        parse_lead({**sample("property_search"), "distributionType": kinds}).values.get("type") == lead_type
    )


def test_a_search_is_told_as_questions_and_answers() -> None:
    assert parse_lead(sample("property_search")).values["questionnaire"] == [
        ["Kind of property", "HOUSE, APARTMENT"],
        ["Rooms", "3 to 4"],
        ["Space in m²", "from 60"],
        ["Budget in €", "up to 300000"],
        ["City", "Lyon"],
        ["Postal codes", "69003, 69006"],
        ["Departments", "69"],
    ]


def test_a_tracked_call_has_a_number_and_was_never_a_person_to_erase() -> None:
    lead = parse_lead(sample("call_tracking"))
    assert lead.values["phone"] == "+33639980013"
    assert lead.values["questionnaire"] == [
        ["Call", "ANSWERED"],
        ["Call lasted, in seconds", "65"],
        ["Left a voice mail", "no"],
    ]
    assert (lead.had_person, lead.is_blank) == (False, True)


def test_an_unknown_category_and_portal_are_kept_under_their_own_words() -> None:
    lead = parse_lead(sample("unknown_category"))
    assert (lead.category, lead.portal, lead.portal_name) == ("OPEN_HOUSE", "NEW-FRA", "NEW-FRA")
    assert lead.values["last_name"] == "Example"


def test_an_erased_lead_is_blank_although_its_email_is_still_shown() -> None:
    lead = parse_lead(sample("erased"))
    assert (lead.is_blank, lead.had_person) == (True, False)
    assert parse_lead(sample("classified")).had_person


@pytest.mark.parametrize("name", ["no_contact", "wrong_types"])
def test_what_cannot_be_read_is_not_taken_for_an_erasure(name: str) -> None:
    assert parse_lead(sample(name)).is_blank is False


@pytest.mark.parametrize("contact", [{}, {"email": "ada@example.org"}, None, "gone", []])
def test_an_erasure_is_what_aviv_shows_as_empty_not_what_it_does_not_show(contact: Any) -> None:
    lead = parse_lead({**sample("classified"), "contactRequest": contact})
    assert (lead.is_blank, lead.had_person) == (False, False)


@pytest.mark.parametrize("left", [{"firstName": "A"}, {"message": "x"}, {"phoneNumbers": [{"number": "12"}]}])
def test_one_thing_of_a_person_left_is_no_erasure(left: dict[str, Any]) -> None:
    raw = sample("erased")
    raw["contactRequest"] |= left
    lead = parse_lead(raw)
    assert (lead.is_blank, lead.had_person) == (False, True)


def test_a_lead_without_a_number_has_no_phone() -> None:
    lead = parse_lead(sample("no_phone"))
    assert "phone" not in lead.values
    assert lead.phones == []


def test_the_first_number_that_is_one_is_the_leads() -> None:
    lead = parse_lead(sample("two_phones"))
    assert lead.values["phone"] == "+441632960123"
    assert [phone.e164 for phone in lead.phones] == [None, "+441632960123"]
    assert [phone.is_verified for phone in lead.phones] == [None, False]


def test_a_number_is_read_as_the_portals_country_writes_it() -> None:
    assert parse_lead(sample("german")).values["phone"] == "+493023125123"


def test_empty_texts_are_nothing() -> None:
    lead = parse_lead(sample("empty_strings"))
    assert lead.values == {"created_at": INGESTED}
    assert (lead.is_blank, lead.portal_name, lead.classified_id) == (True, "", "")
    assert lead.warnings == []


def test_wrong_types_are_left_out_and_told_one_by_one() -> None:
    lead = parse_lead(sample("wrong_types"))
    assert lead.lead_id == "4711"
    assert lead.values == {"last_name": "12", "full_name": "12", "phone": "+33639980012"}
    assert (lead.is_owner, lead.ingested_at, lead.ttl_at) == (None, None, None)
    told = " ".join(lead.warnings)
    for name in (
        "ingestionDate",
        "TTL",
        "leadCategory",
        "isOwner",
        "firstName",
        "email",
        "message",
        "property",
    ):
        assert f"{name} is left" in told
    assert "One of the phoneNumbers is left out" in told
    assert "verified is left open" in told


def test_a_ttl_that_is_not_after_the_arrival_is_told_and_never_acted_on() -> None:
    lead = parse_lead(sample("ttl_before_ingestion"))
    assert lead.ttl_at is None
    assert lead.warnings == ["TTL is not acted on: AVIV does not show a date after the lead's arrival."]


@pytest.mark.parametrize("ttl", [0, -1, True, "soon", 10**20, [1], 1.5e300])
def test_no_ttl_that_is_none_deletes_anything(ttl: Any) -> None:
    raw = sample("classified")
    raw["metadata"]["TTL"] = ttl
    assert parse_lead(raw).ttl_at is None


@pytest.mark.parametrize(
    "metadata", [None, {}, [], "x", {"leadId": ""}, {"leadId": None}, {"leadId": "x" * 101}]
)
def test_a_lead_without_an_id_is_no_lead(metadata: Any) -> None:
    with pytest.raises(UnexpectedPayload, match="without an id"):
        parse_lead({"metadata": metadata})


def test_nothing_says_which_source_of_leadpro_it_is() -> None:
    for name in LEADS:
        assert not {"source", "gdpr_checkbox", "international", "office_id"} & set(
            parse_lead(sample(name)).values
        )


def test_where_a_lead_comes_from_can_be_handed_on_as_meta() -> None:
    assert render_meta(parse_lead(sample("agency_sell"))) == {
        "aviv_lead_id": "0b6f2f5e-6d0c-4a37-9a53-3f1f7f0a0003",
        "aviv_portal": "MAG-FRA",
        "aviv_portal_name": "Meilleurs Agents",
        "aviv_category": "AGENCY",
        "aviv_intention": "SELL",
        "aviv_is_owner": "yes",
    }
    assert all(len(json.dumps(render_meta(parse_lead(sample(name))))) < 900 for name in LEADS)


ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(contact=ANYTHING, phones=ANYTHING, extra=ANYTHING, listing=ANYTHING, call=ANYTHING, kinds=ANYTHING)
def test_whatever_is_in_a_lead_reading_it_never_fails(
    contact: Any, phones: Any, extra: Any, listing: Any, call: Any, kinds: Any
) -> None:
    who = (
        contact
        if isinstance(contact, dict)
        else {"firstName": contact, "phoneNumbers": phones, "isOwner": extra}
    )
    metadata = {"leadId": "a", "portal": extra, "TTL": extra, "ingestionDate": call, "leadCategory": kinds}
    search = {"rooms": listing, "geo": listing, "estateType": kinds, "budget": {"amountMin": extra}}
    for shown in (listing, search):
        lead = parse_lead(
            {
                "metadata": metadata,
                "contactRequest": who,
                "property": shown,
                "callDetails": call,
                "distributionType": kinds,
            }
        )
        json.dumps(lead.values, default=str).encode()
        assert not (lead.is_blank and lead.had_person)
        assert lead.ttl_at is None or lead.ttl_at > lead.ingested_at
