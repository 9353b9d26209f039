"""One lead: its version, and its history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leads.models import Cause, Connection, Copy, Lead
from leads.models.values import json_value
from tests.api.conftest import T0, Caller

Mirror = Callable[..., Lead]


def test_a_lead_is_the_same_alone_and_in_a_list(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    assert api.get(f"leads/{lead.pk}/").json() == api.get("leads/").json()["results"][0]


def test_an_unmoved_version_is_304_without_a_body(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    tag = api.get(f"leads/{lead.pk}/").headers["ETag"]
    assert tag == f'W/"{lead.version}"'
    for header in (tag, f'"{lead.version}"', f'"x", {tag}', "*"):
        answer = api.get(f"leads/{lead.pk}/", If_None_Match=header)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    for header in ('W/"0"', "nonsense", ""):
        assert api.get(f"leads/{lead.pk}/", If_None_Match=header).status_code == 200


def test_the_version_moves_with_the_data_and_not_with_looking(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    tag = api.get(f"leads/{lead.pk}/").headers["ETag"]
    mirror(1, at=T0 + timedelta(hours=1))
    assert api.get(f"leads/{lead.pk}/").headers["ETag"] == tag
    mirror(1, at=T0 + timedelta(hours=2), status="Contacted")
    assert api.get(f"leads/{lead.pk}/").headers["ETag"] != tag


def test_a_head_request_has_the_headers_alone(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    answer = api.call("HEAD", f"leads/{lead.pk}/")
    assert (answer.status_code, answer.headers["ETag"]) == (200, f'W/"{lead.version}"')


def test_the_history_is_newest_first_and_pages(api: Caller, mirror: Mirror) -> None:
    mirror(2)
    lead = mirror(1)
    for n, status in enumerate(("Contacted", "Viewing", "Sold"), start=1):
        mirror(1, at=T0 + timedelta(hours=n), status=status)
    first = api.get(f"leads/{lead.pk}/changes/?page_size=3").json()
    assert [row["fields"]["status"] for row in first["results"]] == [
        ["Viewing", "Sold"],
        ["Contacted", "Viewing"],
        ["New", "Contacted"],
    ]
    assert first["results"][0].keys() == {"id", "at", "lead", "cause", "actor", "fields"}
    assert (first["results"][0]["lead"], first["results"][0]["cause"]) == (lead.pk, Cause.REFRESH)
    last = api.get(first["next"]).json()
    assert [row["fields"]["status"] for row in last["results"]] == [[None, "New"]]
    assert last["next"] is None


def test_a_lead_that_an_app_reads_is_looked_at_soon(api: Caller, mirror: Mirror, rung: list[object]) -> None:
    lead = mirror(1)
    Copy.objects.update(next_refresh_at=T0 + timedelta(days=9999))
    before = datetime.now(UTC)
    sync = api.get(f"leads/{lead.pk}/").json()["sync"]
    copy = Copy.objects.get()
    assert (sync["seen_at"], sync["next_refresh_at"]) == (json_value(T0), json_value(copy.next_refresh_at))
    assert copy.refresh_class == 0
    assert before <= copy.next_refresh_at <= datetime.now(UTC)
    assert rung == []


def test_reading_a_lead_again_and_again_writes_nothing(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    tag = api.get(f"leads/{lead.pk}/").headers["ETag"]
    Copy.objects.update(refresh_class=9)
    assert api.get(f"leads/{lead.pk}/").status_code == 200
    assert api.get(f"leads/{lead.pk}/", If_None_Match=tag).status_code == 304
    assert Copy.objects.get().refresh_class == 9


@pytest.mark.parametrize("case", ["paused", "no key", "not on the schedule"])
def test_a_look_that_nobody_can_promise_is_null(
    api: Caller, mirror: Mirror, account: Connection, case: str
) -> None:
    lead = mirror(1)
    if case == "paused":
        account.pause("person", "Paused by hand.", T0)
    elif case == "no key":
        account.set_secret("")
        account.save()
    else:
        Copy.objects.update(refresh_class=None)
    sync = api.get(f"leads/{lead.pk}/").json()["sync"]
    assert (sync["seen_at"], sync["next_refresh_at"]) == (json_value(T0), None)
    assert api.get("leads/").json()["results"][0]["sync"] == sync
    assert case == "no key" or Copy.objects.get().wanted_until is None
