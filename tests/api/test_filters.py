"""The filters of lead lists, as they are named and as people type them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from leads.models import Lead
from leads.models.keys import phone_key
from tests.api.conftest import T0, Caller

Mirror = Callable[..., Lead]


def numbers(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["leadpro_id"] for row in answer.json()["results"]]


def moment(day: int) -> str:
    return f"2026-02-{day:02}T08:00:00.000Z"


def test_comma_means_any_of(api: Caller, mirror: Mirror) -> None:
    mirror(1, type="sale", status="New", stage="Unread", source="rightmove", office_id=375)
    mirror(2, type="let", status="Contacted", stage="In progress", source="zoopla", office_id=42)
    mirror(3, type="vendor", status="Lost, sadly", stage=None, source="ivt", office_id=None)
    for query, found in (
        ("type=sale", [1]),
        ("type=sale,let", [2, 1]),
        ("type=sale, let", [2, 1]),
        ("status=Contacted", [2]),
        ("stage=Unread,In%20progress", [2, 1]),
        ("source=ivt,rightmove", [3, 1]),
        ("office_id=42", [2]),
        ("office_id=42,375", [2, 1]),
        ("leadpro_id=3,1,99", [3, 1]),
        ("type=sale&office_id=42", []),
        ("type=no_such_type", []),
        ("sync_state=in_sync&origin=leadpro", [3, 2, 1]),
        ("sync_state=gone,local", []),
        ("origin=api", []),
    ):
        assert numbers(api.get(f"leads/?{query}")) == found, query
    assert numbers(api.post("leads/search/", {"status": ["Lost, sadly", "New"]})) == [3, 1]
    assert numbers(api.post("leads/search/", {"office_id": [42, "375"]})) == [2, 1]
    assert numbers(api.post("leads/search/", {"office_id": 42})) == [2]


@pytest.mark.parametrize(
    "typed",
    [
        "07700 900123",
        "07700900123",
        "+447700900123",
        "+44 7700 900123",
        "0044 7700 900 123",
        "(07700) 900-123",
        " 447700900123",
    ],
)
def test_a_phone_is_found_in_any_spelling(api: Caller, mirror: Mirror, typed: str) -> None:
    mirror(1, phone="07700 900123")
    mirror(2, phone="+44 7700 900123")
    mirror(3, phone="07700 900999")
    assert numbers(api.get(f"leads/?phone={quote(typed)}")) == [2, 1]
    assert numbers(api.get(f"leads/?phone={quote(typed)},07700900999")) == [3, 2, 1]
    assert numbers(api.post("leads/search/", {"phone": typed.strip()})) == [2, 1]


def test_a_plus_that_the_address_turned_into_a_space_is_understood(api: Caller, mirror: Mirror) -> None:
    mirror(1, phone="+33 1 99 00 12 34", created_at=moment(10))
    assert phone_key("+33 1 99 00 12 34") == "+33199001234"
    assert numbers(api.get("leads/?phone=+33199001234")) == [1]
    assert numbers(api.get("leads/?created_after=2026-02-10T09:00:00+01:00")) == [1]
    assert (
        numbers(
            api.get("leads/?created_after=2026-02-10T08:00:00+01:00&created_before=2026-02-10T09:00:00+01:00")
        )
        == []
    )


def test_an_email_is_found_in_any_case(api: Caller, mirror: Mirror) -> None:
    mirror(1, email="Ada@Example.org")
    mirror(2, email="bob@example.org")
    assert numbers(api.get("leads/?email=aDA@example.ORG")) == [1]
    assert numbers(api.get("leads/?email=ada@example.org,bob@example.org")) == [2, 1]
    assert numbers(api.get("leads/?email=ada@example")) == []


def test_created_bounds_take_the_first_moment_and_leave_the_last(api: Caller, mirror: Mirror) -> None:
    for n in (1, 2, 3):
        mirror(n, created_at=moment(n))
    mirror(4, created_at=None)
    assert numbers(api.get(f"leads/?created_after={moment(2)}&created_before={moment(3)}")) == [2]
    assert numbers(api.get("leads/?created_after=2026-03-01T00:00:00Z")) == [4]
    assert numbers(api.get(f"leads/?created_before={moment(3)}")) == [2, 1]


def test_changed_since_includes_its_moment(api: Caller, mirror: Mirror) -> None:
    mirror(1)
    mirror(2, at=T0 + timedelta(days=1))
    shown = api.get("leads/?leadpro_id=2").json()["results"][0]["sync"]["changed_at"]
    assert shown == "2026-03-02T09:00:01.000Z"
    assert numbers(api.get(f"leads/?changed_since={shown}")) == [2]
    assert numbers(api.get("leads/?changed_since=2026-03-02T09:00:01.001Z")) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created_after", "2026-02-01"),
        ("created_after", "2026-02-01T10:00:00"),
        ("created_before", "yesterday"),
        ("changed_since", "0001-01-01T00:00:00+14:00"),
        ("changed_since", ""),
        ("leadpro_id", "x"),
        ("leadpro_id", "1,x"),
        ("leadpro_id", "99999999999999999999"),
        ("office_id", "-1"),
        ("office_id", "٣"),
        ("sync_state", "fine"),
        ("origin", "here"),
        ("type", ""),
        ("type", "sale,,let"),
        ("phone", "none"),
        ("search", "\x00"),
        ("search", "x" * 501),
        ("fields", "id,nonsense"),
        ("fields", ""),
    ],
)
def test_a_value_that_a_filter_cannot_take_is_named(api: Caller, name: str, value: str) -> None:
    answer = api.get(f"leads/?{name}={quote(value)}")
    assert answer.status_code == 400
    assert [e["field"] for e in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("type", None),
        ("type", True),
        ("type", []),
        ("type", [None]),
        ("search", ["a"]),
        ("email", {}),
        ("fields", 1.5),
        ("cursor", 3),
        ("page_size", True),
    ],
)
def test_a_search_takes_no_other_json_types(api: Caller, name: str, value: Any) -> None:
    answer = api.post("leads/search/", {name: value})
    assert answer.status_code == 400
    assert [e["field"] for e in answer.json()["errors"]] == [name]


@pytest.mark.parametrize(
    "typed",
    [
        "ada",
        "ADA exam",
        "ada@example.org",
        "@example.org",
        "07700 900123",
        "+447700900123",
        "7700900123",
        "900123",
        "DE1 1JX",
        "de11jx",
        "Station Road",
        "18376",
        "#18376",
    ],
)
def test_search_finds_a_lead_by_whatever_is_known_of_it(api: Caller, mirror: Mirror, typed: str) -> None:
    mirror(18376, address="4 Station Road", postcode="De1 1JX")
    mirror(
        2,
        first_name="Bob",
        last_name="Other",
        full_name="Bob Other",
        email="bob@example.com",
        phone="01632 960001",
    )
    assert numbers(api.get(f"leads/?search={quote(typed)}")) == [18376]
    assert numbers(api.post("leads/search/", {"search": typed})) == [18376]


@pytest.mark.parametrize("typed", ["nobody", "ada other", "'; DROP TABLE leads", "%", "²", "\\", "1" * 400])
def test_search_finds_nothing_where_nothing_matches(api: Caller, mirror: Mirror, typed: str) -> None:
    mirror(1)
    assert numbers(api.get(f"leads/?search={quote(typed)}")) == []
