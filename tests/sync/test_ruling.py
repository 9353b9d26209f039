"""What rules mean, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.problems import Problem
from leads.sync.ruling import (
    Edge,
    Facts,
    choose_office,
    fill,
    find_circle,
    in_area,
    may_go,
    misfits,
    shape,
    sources_of,
)


def facts(came_from=1, known_at=(), portal="", origin="leadpro", **values):
    return Facts(7, origin, came_from, frozenset(known_at), portal, values)


@pytest.mark.parametrize(
    ("postcode", "area", "fits"),
    [
        ("NG1 1AA", "NG", True),
        ("ng11aa", "NG", True),
        ("NG1 1AA", "N", False),
        ("N1 1AA", "NG", False),
        ("NG1 1AA", "NG1", True),
        ("NG11 1AA", "NG1", False),
        ("NG1 1AA", "NG1 1AA", True),
        ("75008", "75", True),
        ("33000", "75", False),
        ("", "NG", False),
        ("NG1 1AA", "", False),
    ],
)
def test_a_postcode_is_in_its_area_and_no_other(postcode, area, fits):
    assert in_area(postcode, area) is fits


def test_an_empty_rule_fits_every_lead():
    assert misfits({}, facts()) == []
    assert misfits({"type": []}, facts()) == []


def test_every_condition_that_does_not_fit_is_named():
    when = {"type": ["vendor"], "source": ["ivt", "website"], "consent": [True]}
    assert misfits(when, facts(type="sale", source="website", gdpr_checkbox=None)) == [
        "type: sale, and not vendor",
        "consent: not said, and not yes",
    ]


@pytest.mark.parametrize(("said", "fits"), [(True, True), (False, False), (None, False)])
def test_null_is_not_consent(said, fits):
    assert (misfits({"consent": [True]}, facts(gdpr_checkbox=said)) == []) is fits


def test_values_are_compared_without_case_and_as_text():
    lead = facts(office_id=375, utm_source="Spring", portal="SLG-FRA")
    assert misfits({"office_id": ["375"], "utm_source": ["spring"], "portal": ["slg-fra"]}, lead) == []


def test_a_lead_never_goes_back_where_it_came_from_nor_where_it_is():
    assert may_go(facts(came_from=1), 1) == "It came from there."
    assert may_go(facts(came_from=1, known_at={2}), 2) == "It is there already, on its way, or discarded."
    assert may_go(facts(came_from=1, known_at={1}), 3) == ""


def test_templates_fill_names_and_nothing_else():
    lead = facts(first_name="Ada", last_name=None, portal="SLG-FRA")
    assert (
        fill("{first_name} {last_name}/{portal} {0} {first_name.__class__}", lead)
        == "Ada /SLG-FRA {0} {first_name.__class__}"
    )


def test_what_is_missing_falls_back_and_what_is_too_long_is_cut_or_stopped():
    lead = facts(message="x" * 30, last_name=None)
    mapping = {
        "notes": {"text": "{message}", "limit": 10},
        "full_name": {"text": "{last_name}", "missing": "Unknown"},
        "form_name": {"text": "{message}", "limit": 5, "long": "stop"},
        "platform": {"text": "{last_name}"},
    }
    made = shape(mapping, {}, lead)
    assert made.fields == {"notes": "xxxxxxxx …", "full_name": "Unknown"}
    assert made.notes == ["notes: cut to 10 of 30 characters; the full text is kept here."]
    assert made.problems == [
        Problem("form_name", "too_long", "At most 5 characters are taken here; this has 30.")
    ]


def test_a_field_alone_keeps_its_kind_and_within_text_it_is_words():
    lead = facts(gdpr_checkbox=True, property_bedrooms=3, meta={"a": "b"})
    mapping = {
        "gdpr_checkbox": {"text": "{gdpr_checkbox}"},
        "property_bedrooms": {"text": " {property_bedrooms} "},
        "meta": {"text": "{meta}"},
        "message": {"text": "{property_bedrooms} beds, agreed: {gdpr_checkbox}{meta}"},
    }
    assert shape(mapping, {}, lead).fields == {
        "gdpr_checkbox": True,
        "property_bedrooms": 3,
        "meta": {"a": "b"},
        "message": "3 beds, agreed: yes",
    }


def test_a_field_without_a_limit_of_its_own_has_the_remotes():
    lead = facts(message="x" * 30)
    made = shape({"notes": {"text": "{message}", "long": "stop"}}, {}, lead, {"notes": 20})
    assert [problem.detail for problem in made.problems] == [
        "At most 20 characters are taken here; this has 30."
    ]
    assert shape({"notes": {"text": "{message}"}}, {}, lead, {"notes": 20}).fields["notes"] == "x" * 18 + " …"


@pytest.mark.parametrize(
    ("office", "postcode", "chosen"),
    [
        ({}, "NG1 1AA", None),
        ({"fixed": 375}, "", 375),
        ({"postcodes": {"NG": 1, "NG1": 2}}, "NG1 1AA", 2),
        ({"postcodes": {"NG": 1, "NG1": 2}}, "NG2 1AA", 1),
        ({"postcodes": {"NG": 1}, "else": 9}, "DE1 1AA", 9),
        ({"postcodes": {"NG": 1}}, "DE1 1AA", None),
    ],
)
def test_the_most_exact_postcode_area_chooses_the_office(office, postcode, chosen):
    assert choose_office(office, postcode) == chosen


def test_sources_follow_from_origin_and_connection():
    remotes = {1: "leadpro", 2: "aviv", 3: "aviv"}
    assert sources_of({}, remotes) == {1, 2, 3}
    assert sources_of({"origin": ["aviv"]}, remotes) == {2, 3}
    assert sources_of({"origin": ["aviv"], "connection": [2]}, remotes) == {2}
    assert sources_of({"origin": ["import"]}, remotes) == {1}
    assert sources_of({"origin": ["api", "admin"]}, remotes) == frozenset()


def test_two_rules_that_face_each_other_are_a_circle():
    there = Edge("out", frozenset({1}), 2)
    back = Edge("home", frozenset({2}), 1)
    assert find_circle([there]) == []
    assert find_circle([there, back]) == ["out", "home"]
    assert find_circle([there, Edge("on", frozenset({2}), 3), Edge("home", frozenset({3}), 1)]) == [
        "out",
        "on",
        "home",
    ]


def _has_circle(edges):
    """Brute force: from each connection, everything that can be reached."""
    nodes = {n for e in edges for n in (*e.sources, e.target)}
    for start in nodes:
        reached, todo = set(), [start]
        while todo:
            at = todo.pop()
            for edge in edges:
                if at in edge.sources and edge.target != at and edge.target not in reached:
                    reached.add(edge.target)
                    todo.append(edge.target)
        if start in reached:
            return True
    return False


arrows = st.builds(
    Edge,
    st.text("abc", min_size=1, max_size=2),
    st.frozensets(st.integers(1, 5), max_size=5),
    st.integers(1, 5),
)


@given(st.lists(arrows, max_size=6))
def test_a_circle_is_found_exactly_where_there_is_one(edges):
    assert bool(find_circle(edges)) is _has_circle(edges)
