"""A lead of ours as AlterEstate's body, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.alterestate.payloads import FieldRule, render, without_related
from integrations.problems import Problem

LEAD: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Example",
    "full_name": None,
    "email": "ada.example@example.org",
    "phone": "07700 900123",
    "message": "Is it still available?",
    "type": "sale",
    "utm_source": "newsletter",
    "source": "rightmove",
}


def test_a_lead_fills_what_it_can_and_leaves_the_rest_out() -> None:
    mapped = render(LEAD)
    assert mapped.values == {
        "full_name": "Ada Example",
        "phone": "+447700900123",
        "email": "ada.example@example.org",
        "notes": "Is it still available?",
        "listing_type": "buy",
        "utm_source": "newsletter",
    }
    assert (mapped.problems, mapped.notes, mapped.is_sound) == ([], [], True)


@pytest.mark.parametrize(
    ("lead_type", "listing"), [("sale", "buy"), ("let", "rent"), ("vendor", None), (None, None)]
)
def test_only_who_looks_for_a_home_rents_or_buys(lead_type: str | None, listing: str | None) -> None:
    assert render({**LEAD, "type": lead_type}).values.get("listing_type") == listing


def test_what_is_required_and_missing_stops_it() -> None:
    mapped = render({**LEAD, "phone": " ", "email": None})
    assert not mapped.is_sound
    assert [problem.field for problem in mapped.problems] == ["phone", "email"]
    assert {problem.code for problem in mapped.problems} == {"required"}


def test_a_fallback_stands_in_and_says_so() -> None:
    mapped = render({**LEAD, "phone": None}, {"phone": FieldRule(("phone",), fallback="+1 809 555 0100")})
    assert mapped.values["phone"] == "+18095550100"
    assert mapped.notes == ["phone: missing, so “+1 809 555 0100” stands in."]


def test_a_long_message_is_cut_marked_and_kept() -> None:
    mapped = render({**LEAD, "message": "m" * 5000})
    assert mapped.values["notes"] == "m" * 3998 + " …"
    assert mapped.uncut == {"notes": "m" * 5000}
    assert mapped.notes == ["notes: cut to 4000 of 5000 characters; the full text is kept here."]


def test_what_must_not_be_cut_stops_it() -> None:
    mapped = render(
        {**LEAD, "message": "m" * 11}, {"notes": FieldRule(("message",), limit=10, too_long="stop")}
    )
    assert mapped.problems == [
        Problem("notes", "too_long", "At most 10 characters are taken here; this has 11.")
    ]


def test_every_field_can_be_mapped_fixed_or_left_out() -> None:
    rules = {
        "platform": FieldRule(("source",)),
        "form_name": FieldRule(fixed="Portal"),
        "utm_source": FieldRule(),
        "via": FieldRule(fixed="104"),
        "listing_type": FieldRule(("type",), table={"sale": "1"}),
        "property_uid": FieldRule(("property_reference", "advert_postcode")),
    }
    values = render({**LEAD, "advert_postcode": "NG1 1AA"}, rules).values
    assert (values["platform"], values["form_name"], values["via"]) == ("rightmove", "Portal", "104")
    assert (values["listing_type"], values["property_uid"]) == ("1", "NG1 1AA")
    assert "utm_source" not in values


def test_a_required_field_stays_required_whatever_its_rule_says() -> None:
    assert render({**LEAD, "email": None}, {"email": FieldRule(("email",))}).problems[0].field == "email"


def test_a_field_that_is_none_is_left_out_and_told() -> None:
    assert render(LEAD, {"budget": FieldRule(fixed="1")}).notes == [
        "budget: AlterEstate has no such field, so it is left out."
    ]


def test_where_a_round_robin_and_a_user_are_named_it_says_which_counts() -> None:
    rules = {"related": FieldRule(fixed="a@example.org"), "round_robin": FieldRule(fixed="RR1")}
    mapped = render(LEAD, rules)
    assert mapped.notes == ["related: AlterEstate lets round_robin decide where both are given."]
    assert "related" not in without_related(mapped.values)


def test_a_phone_that_is_no_number_goes_as_it_is() -> None:
    assert render({**LEAD, "phone": "ask for Ada"}).values["phone"] == "ask for Ada"


def test_structures_and_odd_characters_do_no_harm() -> None:
    values = render({**LEAD, "message": {"a": 1}, "utm_source": "a\x00\ud800b"}).values
    assert "notes" not in values
    assert values["utm_source"] == "a?b"
