"""What Lead.pro would refuse is refused here, with a code for machines and a sentence for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.leadpro.checking import Checked, check_values
from integrations.leadpro.client import StatusRow
from integrations.leadpro.fields import FIELDS, Call

PERSON: dict[str, Any] = {
    "first_name": "Marla",
    "last_name": "Sample",
    "email": "marla.sample@example.org",
    "phone": "01632 960123",
}
SALE = {**PERSON, "type": "sale", "advert_address": "1 Example Street", "advert_postcode": "EX1 2MP"}
VENDOR = {**PERSON, "type": "vendor", "address": "1 Example Street", "postcode": "EX1 2MP"}
STATUSES = [StatusRow(20, "New", 50, True), StatusRow(21, "Contacted", 100, True)]


def create(**changes: Any) -> Checked:
    return check_values({**SALE, **changes}, Call.CREATE)


def update(**changes: Any) -> Checked:
    return check_values(changes, Call.UPDATE, partial=True, statuses=STATUSES)


def codes(checked: Checked) -> dict[str, str]:
    return {problem.field: problem.code for problem in checked.problems}


@pytest.mark.parametrize(
    ("values", "call"), [(SALE, Call.CREATE), (VENDOR, Call.CREATE), (VENDOR, Call.VALUATION)]
)
def test_a_sound_lead_passes_unchanged(values: dict[str, Any], call: Call) -> None:
    checked = check_values(values, call)
    assert (checked.problems, checked.warnings, checked.values, checked.is_sound) == ([], [], values, True)


def test_a_create_needs_the_five_starred_fields() -> None:
    starred = ["type", "first_name", "last_name", "email", "phone"]
    assert codes(check_values({}, Call.CREATE)) == dict.fromkeys(starred, "required")
    assert codes(check_values(dict.fromkeys(starred), Call.CREATE)) == dict.fromkeys(starred, "required")
    blank = check_values(dict.fromkeys(starred, " "), Call.CREATE, partial=True)
    assert set(codes(blank).values()) == {"required"}
    assert check_values({}, Call.CREATE, partial=True).problems == []


def test_an_update_needs_the_names_unless_it_is_partial() -> None:
    whole = check_values({"office_id": 42}, Call.UPDATE)
    assert codes(whole) == {"first_name": "required", "last_name": "required"}
    assert update(office_id=42).problems == []
    assert codes(update(first_name="")) == {"first_name": "required"}


@pytest.mark.parametrize(
    ("name", "longest", "shortest"),
    [
        ("title", 50, 1),
        ("first_name", 50, 1),
        ("phone", 255, 1),
        ("address", 100, 0),
        ("postcode", 10, 2),
        ("advert_postcode", 10, 2),
        ("message", 255, 0),
        ("advert_url", 255, 0),
        ("host", 255, 0),
    ],
)
def test_lengths_are_characters(name: str, longest: int, shortest: int) -> None:
    assert create(**{name: "é" * longest}).problems == []
    assert codes(create(**{name: "é" * (longest + 1)})) == {name: "too_long"}
    assert create(**{name: "é" * shortest}).problems == []
    if shortest and not FIELDS[name].required:
        assert codes(create(**{name: "é" * (shortest - 1)})) == {name: "too_short"}


def test_trap_12_an_update_takes_longer_addresses_than_a_create() -> None:
    assert update(address="a" * 255, postcode="p" * 255).problems == []
    assert codes(update(address="a" * 256)) == {"address": "too_long"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_name", 5),
        ("gdpr_checkbox", "true"),
        ("gdpr_checkbox", 1),
        ("office_id", "375b"),
        ("office_id", True),
        ("office_id", 2**63),
        ("office_id", 1.0),
        ("message", "a\x00b"),
        ("message", "half \ud83d"),
        ("meta", {"a": "\x00"}),
        ("meta", {"\ud83d": "a"}),
        ("meta", {"a": 1}),
        ("meta", {"a": None}),
        ("meta", {1: "a"}),
        ("meta", [["a", "b"]]),
        ("appointment_availability", ["2026-01-01"]),
        ("appointment_availability", {"hours": [1]}),
        ("questionnaire", {"Pets?": "Yes"}),
        ("questionnaire", [["Pets?"]]),
        ("questionnaire", [["Pets?", "Yes", "No"]]),
        ("questionnaire", [["Pets?", True]]),
        ("questionnaire", ["ab"]),
        ("questionnaire", [["Pets?", "\x00"]]),
        ("email", "marla.sample"),
        ("email", "marla@sample@example.org"),
        ("email", "marla sample@example.org"),
        ("email", "marla@example"),
        ("email", ".marla@example.org"),
        ("email", "m" * 250 + "@example.org"),
        ("no_such_field", 1),
    ],
)
def test_a_value_of_the_wrong_kind_is_invalid(name: str, value: Any) -> None:
    checked = create(**{name: value})
    assert codes(checked) == {name: "invalid"}
    assert checked.problems[0].detail.endswith(".")
    assert name not in checked.values


@pytest.mark.parametrize("email", ["a+b@example.org", "o'sample@mail.example.co.uk", " marla@example.org "])
def test_addresses_that_a_strict_server_takes_are_valid(email: str) -> None:
    assert create(email=email).values["email"] == email.strip()


def test_meta_leaves_room_for_our_token_and_counts_bytes() -> None:
    frame = len('{"k":""}')
    assert create(meta={"k": "v" * (928 - frame)}).problems == []
    assert codes(create(meta={"k": "v" * (929 - frame)})) == {"meta": "too_large"}
    assert codes(create(meta={"k": "é" * 480})) == {"meta": "too_large"}
    assert codes(create(meta={"leadmirror": "x"})) == {"meta": "reserved"}


def test_other_json_counts_bytes_too() -> None:
    assert codes(create(questionnaire=[["q" * 1020, "a" * 1020]])) == {"questionnaire": "too_large"}
    assert create(questionnaire=[["q" * 1020, "a" * 1019]]).problems == []
    assert codes(create(appointment_availability={"note": "é" * 600})) == {
        "appointment_availability": "too_large"
    }


def test_trap_12_availability_may_be_texts_or_lists_of_texts() -> None:
    for entry in ("2026-01-01T08:00:00.000Z", ["2026-01-01T08:00:00.000Z"]):
        checked = create(appointment_availability={"hours": entry})
        assert (checked.problems, checked.warnings) == ([], [])
    odd = create(appointment_availability={"hours": "mornings"})
    assert odd.problems == []
    assert "Availability" in odd.warnings[0]


def test_trap_10_types_are_five_and_two_for_valuations() -> None:
    for name in ("sale", "let", "vendor", "landlord", "mortgage_request"):
        assert create(type=name).problems == []
        valuation = codes(check_values({**VENDOR, "type": name}, Call.VALUATION))
        assert valuation == ({} if name in ("vendor", "landlord") else {"type": "unknown_choice"})
    assert codes(create(type="Sale")) == {"type": "unknown_choice"}
    assert codes(create(property_type="castle")) == {"property_type": "unknown_choice"}


def test_an_unknown_source_is_a_warning() -> None:
    checked = create(source="carrier pigeon")
    assert checked.problems == []
    assert checked.warnings == ["Source: this name is not one Lead.pro knows; Lead.pro will store homepage."]
    assert create(source="zoopla").warnings == []


def test_fields_are_refused_where_a_call_does_not_take_them() -> None:
    made = create(id=1, stage="Unread", status="New", property_bedrooms=3)
    assert codes(made) == dict.fromkeys(["id", "stage", "status", "property_bedrooms"], "read_only")
    details = {problem.field: problem.detail for problem in made.problems}
    assert "read only" in details["stage"]
    assert "once the lead is in Lead.pro" in details["status"]
    assert "instant valuations only" in details["property_bedrooms"]
    changed = update(type="let", email="new@example.org", full_name="M")
    assert codes(changed) == dict.fromkeys(["type", "email", "full_name"], "read_only")
    assert "cannot be changed once" in changed.problems[0].detail


def test_null_is_absent_in_a_create_and_clears_text_in_an_update() -> None:
    checked = create(address=None, meta=None, stage=None)
    assert (checked.problems, checked.values) == ([], SALE)
    assert update(address=None, utm_term=None).values == {"address": "", "utm_term": ""}
    assert codes(update(gdpr_checkbox=None, status=None, first_name=None)) == {
        "first_name": "required",
        "gdpr_checkbox": "required",
        "status": "required",
    }


@pytest.mark.parametrize(
    "said",
    [
        "2025-07-12T10:00:00Z",
        "2025-07-12T11:00:00+01:00",
        datetime(2025, 7, 12, 11, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_trap_8_a_next_action_date_has_a_time_zone(said: Any) -> None:
    assert update(next_action_date=said).values == {"next_action_date": datetime(2025, 7, 12, 10, tzinfo=UTC)}


@pytest.mark.parametrize("said", ["2025-07-12T10:00:00", "2025-07-12", "soon", 5, datetime(2025, 7, 12)])
def test_trap_8_a_next_action_date_without_one_is_refused(said: Any) -> None:
    assert codes(update(next_action_date=said)) == {"next_action_date": "invalid"}


def test_rules_of_the_webhook_guide_alone_are_warnings() -> None:
    assert (
        "Advert address and postcode are missing"
        in check_values({**PERSON, "type": "let"}, Call.CREATE).warnings[0]
    )
    assert check_values({**PERSON, "type": "let", "office_id": 42}, Call.CREATE).warnings == []
    for name in ("vendor", "landlord", "mortgage_request"):
        checked = check_values({**PERSON, "type": name}, Call.CREATE)
        assert checked.problems == []
        assert "Address or postcode is missing" in checked.warnings[0]


def test_the_other_address_pair_is_taken_with_a_warning() -> None:
    checked = check_values({**VENDOR, "advert_postcode": "EX1 2MP"}, Call.CREATE)
    assert checked.problems == []
    assert "not those of an advert" in checked.warnings[0]
    assert create(address="2 Example Street", postcode="EX1 2MP").warnings == []


def test_a_number_the_autocaller_will_not_call_is_a_warning() -> None:
    checked = create(phone="+33 1 99 00 12 34")
    assert checked.problems == []
    assert "autocaller" in checked.warnings[0]


CODES = {
    "required",
    "invalid",
    "too_long",
    "too_short",
    "too_large",
    "unknown_choice",
    "read_only",
    "reserved",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), JSON), st.sampled_from(Call), st.booleans())
def test_no_json_makes_checking_fail(values: dict[str, Any], call: Call, partial: bool) -> None:
    checked = check_values(values, call, partial=partial, offices={1: "One"}, statuses=STATUSES)
    assert {problem.field for problem in checked.problems}.isdisjoint(checked.values)
    assert {problem.code for problem in checked.problems} <= CODES
