"""Theirs → ours and back: nothing that arrives is refused, and nothing is sent that was not meant."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.errors import UnexpectedPayload
from integrations.leadpro.fields import MIRRORED, Call, Kind
from integrations.leadpro.payloads import (
    canonical_hash,
    parse_lead,
    render_create,
    render_instant,
    render_update,
)
from tests.integrations.leadpro.samples import LEAD

NAMES = {field.name for field in MIRRORED}


def value_of(name: str, value: Any) -> tuple[Any, list[str]]:
    lead = parse_lead({"id": 1, name: value})
    return lead.values[name], lead.warnings


def test_the_sample_is_taken_as_it_is() -> None:
    lead = parse_lead(LEAD)
    assert (lead.leadpro_id, lead.token, lead.warnings) == (18376, None, [])
    expected = {name: LEAD[name] for name in NAMES}
    expected["created_at"] = datetime(2026, 2, 25, 8, 25, 47, 38000, tzinfo=UTC)
    assert lead.values == expected


def test_missing_and_unknown_keys_are_no_fault_and_all_57_names_are_there() -> None:
    lead = parse_lead({"id": "7", "brand_new": {"a": 1}})
    assert len(NAMES) == 57
    assert lead.values == dict.fromkeys(NAMES)
    assert lead.warnings == []


@pytest.mark.parametrize("id_", [None, "", "abc", 0, -1, True, 1.5, 2**63, "9" * 30, [1], {}])
def test_a_lead_without_a_usable_id_is_unexpected(id_: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        parse_lead({"id": id_})


def test_our_token_is_taken_out_of_meta() -> None:
    lead = parse_lead({"id": 1, "meta": {"leadmirror": "t1", "a": "b"}})
    assert (lead.token, lead.values["meta"]) == ("t1", {"a": "b"})
    lead = parse_lead({"id": 1, "meta": {"leadmirror": "t1"}})
    assert (lead.token, lead.values["meta"]) == ("t1", None)
    assert parse_lead({"id": 1, "meta": {"leadmirror": 5}}).token is None
    odd = parse_lead({"id": 1, "meta": {"leadmirror": "t1", "odd": math.inf, "deep": [[]]}})
    assert (odd.token, odd.values["meta"]) == ("t1", {"odd": None, "deep": [[]]})


def test_the_payload_itself_is_left_alone() -> None:
    payload = {"id": 1, "meta": {"leadmirror": "t1", "a": "b"}}
    parse_lead(payload)
    assert payload == {"id": 1, "meta": {"leadmirror": "t1", "a": "b"}}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("phone", 1632960123, "1632960123"),
        ("message", "a\x00b", "ab"),
        ("message", "half \ud800", "half ?"),
        ("message", "", ""),
        ("message", "m" * 9000, "m" * 9000),
        ("office_id", "375", 375),
        ("office_id", 375.0, 375),
        ("parent_id", 2**63 - 1, 2**63 - 1),
        ("out_of_area_distance", "12.5", 12.5),
        ("out_of_area_distance", 3, 3),
        ("gdpr_checkbox", 1, True),
        ("gdpr_checkbox", "false", False),
        ("is_parent", 0, False),
        ("created_at", "2026-02-25T10:25:47+02:00", datetime(2026, 2, 25, 8, 25, 47, tzinfo=UTC)),
        ("created_at", "2026-02-25 08:25:47", datetime(2026, 2, 25, 8, 25, 47, tzinfo=UTC)),
        ("created_at", "2026-02-25", datetime(2026, 2, 25, tzinfo=UTC)),
        ("meta", [], {}),
        ("meta", {"a": 1, "b": None}, {"a": 1, "b": None}),
        ("meta", '{"a": "b"}', {"a": "b"}),
        ("questionnaire", [["Pets?", "Yes"]], [["Pets?", "Yes"]]),
        ("questionnaire", [["Rooms?", 3], ["When?", None]], [["Rooms?", "3"], ["When?", ""]]),
        ("questionnaire", {"Pets?": "Yes"}, [["Pets?", "Yes"]]),
        ("questionnaire", [{"question": "Pets?", "answer": ["Cat", "Dog"]}], [["Pets?", "Cat, Dog"]]),
        ("questionnaire", [{"Pets?": "Yes"}], [["Pets?", "Yes"]]),
        ("questionnaire", [], []),
        ("comparable_props", [{"a": 1}], [{"a": 1}]),
        ("eta", "soon", "soon"),
    ],
)
def test_what_can_be_kept_is_kept(name: str, value: Any, expected: Any) -> None:
    assert value_of(name, value) == (expected, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", {"a": 1}),
        ("office_id", 2**64),
        ("office_id", "375b"),
        ("office_id", True),
        ("average_sale_estimation", 1.5),
        ("average_sale_estimation", 1e30),
        ("out_of_area_distance", math.inf),
        ("out_of_area_distance", "nan"),
        ("out_of_area_distance", [1]),
        ("gdpr_checkbox", "perhaps"),
        ("gdpr_checkbox", 2),
        ("created_at", "yesterday"),
        ("created_at", 1772007947),
        ("created_at", "0001-01-01T00:00:00+14:00"),
        ("meta", "text"),
        ("meta", [1]),
        ("appointment_availability", "{not json"),
        ("questionnaire", "text"),
        ("eta", math.nan),
    ],
)
def test_what_does_not_fit_is_empty_and_said(name: str, value: Any) -> None:
    kept, warnings = value_of(name, value)
    assert kept is None
    assert len(warnings) == 1
    assert f"({name}) is empty here" in warnings[0]


def test_pairs_that_are_none_are_left_out_and_said() -> None:
    kept, warnings = value_of("questionnaire", [["Pets?", "Yes"], ["alone"], 7])
    assert kept == [["Pets?", "Yes"]]
    assert warnings == [
        "Questionnaire (questionnaire) is incomplete here: Lead.pro does not show a list of pairs throughout."
    ]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(
        ["2026-02-25T08:25:47Z", "9999-12-31T23:59:59-14:00", "1e999", "[[", '{"a": NaN}', "1_0"]
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
IDS = st.integers(1, 2**63 - 1) | st.integers(1, 10**18).map(str)


@settings(max_examples=100, deadline=None)
@given(IDS, st.dictionaries(st.sampled_from(sorted(NAMES)) | st.text(), JSON))
def test_no_json_object_with_an_id_makes_parsing_fail(id_: Any, rest: dict[str, Any]) -> None:
    lead = parse_lead({**rest, "id": id_})
    assert set(lead.values) == NAMES
    for field in MIRRORED:
        assert is_storable(field.kind, lead.values[field.name])
    assert len(canonical_hash({**rest, "id": id_})) == 64


def is_storable(kind: Kind, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return "\x00" not in value and value.encode().decode() == value
    if isinstance(value, (bool, datetime)):
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, float):
        return math.isfinite(value)
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return all(is_storable(kind, item) for item in inner)


def nest(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_beyond_reason_harms_nobody() -> None:
    lead = parse_lead({"id": 1, "eta": nest(900), "meta": {"a": nest(900)}})
    assert lead.values["meta"].keys() == {"a"}
    assert canonical_hash({"id": 1, "eta": nest(900)}) == canonical_hash({"eta": nest(900), "id": 1})


def test_the_hash_depends_on_the_json_and_not_on_the_order_of_keys() -> None:
    one = canonical_hash({"id": 1, "meta": {"a": "1", "b": "2"}})
    assert one == canonical_hash({"meta": {"b": "2", "a": "1"}, "id": 1})
    assert one != canonical_hash({"meta": {"b": "2", "a": "1"}, "id": 2})
    assert canonical_hash({"a": [1, 2]}) != canonical_hash({"a": [2, 1]})
    assert canonical_hash({"a": 2**70}) != canonical_hash({"a": 2**71})


def test_a_create_carries_the_token_and_only_what_is_set() -> None:
    values = {**parse_lead(LEAD).values, "first_name": "Marla", "next_action_date": datetime.now(UTC)}
    payload = render_create(values, "t1", Call.CREATE)
    assert payload["meta"] == {"Property ID": "7362", "Virtual Tour": "true", "leadmirror": "t1"}
    assert payload["first_name"] == "Marla"
    assert None not in payload.values()
    assert payload.keys().isdisjoint({"id", "status", "stage", "created_at", "next_action_date", "full_name"})
    assert values["meta"] == {"Property ID": "7362", "Virtual Tour": "true"}


def test_bedrooms_are_sent_with_valuations_only() -> None:
    values = {"type": "vendor", "property_bedrooms": 4}
    assert render_create(values, "t1", Call.VALUATION)["property_bedrooms"] == 4
    assert "property_bedrooms" not in render_create(values, "t1", Call.CREATE)


def test_trap_4_every_update_carries_both_names_and_only_the_changes_given() -> None:
    payload = render_update({"office_id": 42, "type": "let"}, ("Marla", "Sample"))
    assert payload == {"first_name": "Marla", "last_name": "Sample", "office_id": 42}
    named = render_update({"first_name": "Maria"}, {"first_name": "Marla", "last_name": "Sample"})
    assert named == {"first_name": "Maria", "last_name": "Sample"}


@pytest.mark.parametrize("name", [None, "", "m" * 51])
def test_a_name_that_lead_pro_would_not_take_is_left_out(name: str | None) -> None:
    assert render_update({"office_id": 42}, (name, "Sample")) == {"last_name": "Sample", "office_id": 42}


def test_trap_6_an_update_carries_no_answers_but_those_given() -> None:
    assert "questionnaire" not in render_update({"office_id": 42}, ("Marla", "Sample"))
    payload = render_update({"questionnaire": [["Pets?", "Yes"]]}, ("Marla", "Sample"))
    assert payload["questionnaire"] == [["Pets?", "Yes"]]


def test_instants_are_sent_in_utc_as_the_samples_write_them() -> None:
    local = datetime(2025, 7, 12, 11, 0, tzinfo=timezone(timedelta(hours=1)))
    assert render_instant(local) == "2025-07-12T10:00:00Z"
    assert render_instant(datetime(2025, 7, 12, 10, 0, 0, 38000, tzinfo=UTC)) == "2025-07-12T10:00:00.038Z"
    payload = render_update({"next_action_date": local}, ("Marla", "Sample"))
    assert payload["next_action_date"] == "2025-07-12T10:00:00Z"


def test_trap_11_estimates_and_valuation_status_are_independent() -> None:
    lead = parse_lead({"id": 1, "average_rent_estimation": 1200, "valuation_status": "Not Enough"})
    assert lead.values["average_rent_estimation"] == 1200
    assert lead.values["average_sale_estimation"] is None


def test_trap_12_what_arrives_is_not_measured_by_the_rules_for_sending() -> None:
    long = {"id": 1, "title": "t" * 60, "message": "m" * 8192, "postcode": "p" * 300, "type": "brand_new"}
    lead = parse_lead(long)
    assert lead.warnings == []
    assert {name: lead.values[name] for name in long if name != "id"} | {"id": 1} == long


def test_trap_13_spellings_come_back_as_they_were_sent() -> None:
    values = parse_lead({"id": 1, "postcode": "De1 1JX", "phone": " 01632 960123 "}).values
    assert (values["postcode"], values["phone"]) == ("De1 1JX", " 01632 960123 ")
