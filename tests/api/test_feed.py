"""The feed of changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leads.models import Change, Lead
from tests.api.conftest import T0, Caller

Mirror = Callable[..., Lead]


def test_a_follower_gets_every_change_once_and_in_order(api: Caller, mirror: Mirror) -> None:
    for n in range(1, 6):
        mirror(n)
    mirror(3, at=T0 + timedelta(hours=1), status="Contacted")
    seen, url = [], "changes/?page_size=2"
    while url:
        page = api.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert seen == list(Change.objects.order_by("id").values_list("id", flat=True))
    assert len(seen) == 6
    assert api.get(f"changes/?after={seen[-2]}").json()["results"][0]["fields"] == {
        "status": ["New", "Contacted"]
    }
    assert api.get(f"changes/?after={seen[-1]}").json() == {"next": None, "previous": None, "results": []}


def test_next_is_absolute_and_keeps_the_page_size(api: Caller, mirror: Mirror) -> None:
    first = mirror(1)
    mirror(2)
    change = Change.objects.get(lead=first)
    assert api.get("changes/?page_size=1").json()["next"] == (
        f"http://testserver/api/v1/changes/?page_size=1&after={change.pk}"
    )


def test_the_feed_costs_three_queries(api: Caller, mirror: Mirror, django_assert_num_queries: Any) -> None:
    for n in range(1, 11):
        mirror(n)
    api.get("changes/")
    with django_assert_num_queries(3):
        assert len(api.get("changes/").json()["results"]) == 10


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "after=", "after=99999999999999999999", "page_size=1001", "page_size=0"]
)
def test_a_bad_parameter_is_named(api: Caller, query: str) -> None:
    answer = api.get(f"changes/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]
    assert api.get("changes/?page_size=1000").status_code == 200


def test_a_limited_key_sees_what_concerns_its_offices(caller: Callable[..., Caller], mirror: Mirror) -> None:
    mirror(1, office_id=375)
    mirror(2, office_id=42)
    mirror(1, at=T0 + timedelta(hours=1), status="Contacted")
    mirror(1, at=T0 + timedelta(hours=2), office_id=42, office_name="Derby", message="secret")
    mirror(1, at=T0 + timedelta(hours=3), office_id=42, office_name="Derby", status="Sold")
    mirror(2, at=T0 + timedelta(hours=4), office_id=375, office_name="Nottingham")
    lead = Lead.objects.get(leadpro_id=1)
    arrived = Lead.objects.get(leadpro_id=2)
    limited = caller(offices=[375])
    rows = limited.get("changes/").json()["results"]
    assert [(row["lead"], row["cause"]) for row in rows] == [
        (lead.pk, "refresh"),
        (lead.pk, "refresh"),
        (lead.pk, "left"),
        (arrived.pk, "refresh"),
    ]
    assert (rows[2]["fields"], rows[2]["actor"]) == ({}, None)
    assert rows[3]["fields"]["office_id"] == [42, 375]
    assert limited.get(f"leads/{lead.pk}/changes/").status_code == 404
    history = limited.get(f"leads/{arrived.pk}/changes/").json()["results"]
    assert [row["fields"]["office_id"] for row in history] == [[42, 375]]
