"""Lists of leads: pages that hold still, filters as named, sparse answers, few queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from leads.models import Lead
from tests.api.conftest import T0, Caller

Mirror = Callable[..., Lead]


def numbers(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["leadpro_id"] for row in answer.json()["results"]]


def moment(day: int) -> str:
    return f"2026-02-{day:02}T08:00:00.000Z"


def test_the_newest_enquiry_comes_first_whenever_it_was_read(api: Caller, mirror: Mirror) -> None:
    for leadpro_id, day in ((1, 10), (2, 20), (3, 5), (4, 20)):
        mirror(leadpro_id, created_at=moment(day))
    assert numbers(api.get("leads/")) == [4, 2, 1, 3]


def test_the_place_in_the_list_never_moves(api: Caller, mirror: Mirror) -> None:
    mirror(1, created_at=moment(1))
    mirror(2, created_at=moment(2))
    mirror(1, at=T0 + timedelta(hours=1), created_at=moment(20))
    assert numbers(api.get("leads/")) == [2, 1]


def test_pages_link_both_ways_and_keep_the_filters(api: Caller, mirror: Mirror) -> None:
    for n in range(1, 8):
        mirror(n, created_at=moment(n), type="sale" if n != 4 else "let")
    first = api.get("leads/?type=sale&page_size=2&fields=leadpro_id")
    assert first.json()["results"] == [{"leadpro_id": 7}, {"leadpro_id": 6}]
    assert first.json()["previous"] is None
    assert first.json()["next"].startswith(
        "http://testserver/api/v1/leads/?type=sale&page_size=2&fields=leadpro_id&cursor="
    )
    second = api.get(first.json()["next"])
    assert numbers(second) == [5, 3]
    third = api.get(second.json()["next"])
    assert (numbers(third), third.json()["next"]) == ([2, 1], None)
    back = api.get(third.json()["previous"])
    assert numbers(back) == [5, 3]
    start = api.get(back.json()["previous"])
    assert (numbers(start), start.json()["previous"]) == ([7, 6], None)
    assert numbers(api.get(start.json()["next"])) == [5, 3]


def test_leads_that_come_in_meanwhile_move_no_page(api: Caller, mirror: Mirror) -> None:
    for n in range(1, 21):
        mirror(n, created_at=moment(1 + n % 7))
    seen: list[int] = []
    url, arriving = "leads/?page_size=3", 100
    while url:
        answer = api.get(url)
        seen += numbers(answer)
        mirror(arriving, created_at=moment(25))
        mirror(arriving + 1, created_at=moment(1 + arriving % 7))
        arriving += 2
        url = answer.json()["next"]
    old = [n for n in seen if n < 100]
    assert sorted(old) == list(range(1, 21))
    assert len(seen) == len(set(seen))


def test_a_page_has_fifty_rows_unless_told_and_five_hundred_at_most(api: Caller, mirror: Mirror) -> None:
    for n in range(1, 53):
        mirror(n)
    assert len(numbers(api.get("leads/"))) == 50
    assert len(numbers(api.get("leads/?page_size=500"))) == 52
    for size in ("0", "501", "-1", "x", "1.5", "", "٣", "9999999999"):
        answer = api.get(f"leads/?page_size={quote(size)}")
        assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (400, ["page_size"])


@pytest.mark.parametrize(
    "cursor",
    ["x", "", "%00", "bnVsbA", "W10", "WzAsICJhIiwgMSwgMV0", "é", "W" * 3000, "WzAsInRlc3QiLDFlOTk5LDFd"],
)
def test_a_cursor_of_unknown_make_is_400(api: Caller, cursor: str) -> None:
    answer = api.get(f"leads/?cursor={quote(cursor, safe='%')}")
    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (400, ["cursor"])


def test_a_cursor_belongs_to_its_filters(api: Caller, mirror: Mirror) -> None:
    for n in (1, 2):
        mirror(n)
    cursor = api.get("leads/?page_size=1").json()["next"].partition("cursor=")[2]
    answer = api.get(f"leads/?page_size=1&type=sale&cursor={cursor}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "other_filters")


def test_a_page_costs_the_same_queries_however_long_it_is(
    api: Caller, mirror: Mirror, django_assert_num_queries: Any
) -> None:
    for n in range(1, 41):
        mirror(n)
    api.get("leads/")
    for size in (1, 40):
        with django_assert_num_queries(5):  # the key, the positions, the leads, their copies, connections
            assert len(numbers(api.get(f"leads/?page_size={size}"))) == size
    with django_assert_num_queries(3):
        api.get("leads/?fields=id,email")


def test_fields_makes_the_answer_sparse(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    assert api.get("leads/?fields=email,id,person_id").json()["results"] == [
        {"id": lead.pk, "email": "ada@example.org", "person_id": None}
    ]
    row = api.post("leads/search/", {"fields": "sync"}).json()["results"][0]
    assert list(row) == ["sync"]
    assert row["sync"]["state"] == "in_sync"


def test_a_search_goes_on_with_the_same_body(api: Caller, mirror: Mirror) -> None:
    for n in (1, 2, 3):
        mirror(n)
    body = {"email": "ada@example.org", "page_size": 2}
    first = api.post("leads/search/", body)
    assert numbers(first) == [3, 2]
    assert "example.org" not in first.json()["next"]
    assert numbers(api.post(first.json()["next"], body)) == [1]
    stray = api.post(first.json()["next"], {})
    assert (stray.status_code, stray.json()["errors"][0]["code"]) == (400, "other_filters")


def test_a_lead_has_every_key_and_lead_pros_types(api: Caller, mirror: Mirror) -> None:
    mirror(
        18376,
        meta={"colour": "blue", "leadmirror": "another-installation"},
        questionnaire=[["When?", "Soon"]],
        average_sale_estimation=250000,
        out_of_area_distance=1.5,
        gdpr_checkbox=None,
        appointment_availability={"hours": ["2026-01-01T08:00:00.000Z"]},
    )
    row = api.get("leads/").json()["results"][0]
    assert len(row) == 57 + 7
    assert (row["leadpro_id"], row["origin"], row["person_id"], row["warnings"]) == (
        18376,
        "leadpro",
        None,
        [],
    )
    assert row["created_at"] == "2026-02-25T08:25:47.038Z"
    assert row["meta"] == {"colour": "blue"}
    assert row["questionnaire"] == [["When?", "Soon"]]
    assert (row["average_sale_estimation"], row["out_of_area_distance"], row["is_parent"]) == (
        250000,
        1.5,
        True,
    )
    assert (row["gdpr_checkbox"], row["eta"], row["next_action_date"], row["message"]) == (
        None,
        None,
        None,
        None,
    )
    assert row["appointment_availability"] == {"hours": ["2026-01-01T08:00:00.000Z"]}
    sync = row["sync"]
    assert sync.keys() == {"state", "seen_at", "changed_at", "next_refresh_at", "pending", "problem"}
    assert (sync["state"], sync["pending"], sync["problem"]) == ("in_sync", {}, None)
    seen = datetime.fromisoformat(sync["seen_at"])
    assert seen.tzinfo is not None
    assert seen.astimezone(UTC) == T0
