"""Handing a lead to another connection, and deciding what became of it, over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Connection, Copy, Lead, Office, Push
from tests.api.conftest import NEW_LEAD, T0, Caller

Mirror = Callable[..., Lead]


@pytest.fixture
def portal(account: Connection) -> Lead:
    """A lead that came from AVIV."""
    aviv = Connection.objects.create(remote="aviv", name="AVIV")
    lead = Lead.objects.create(**NEW_LEAD, origin="aviv", listed_at=T0, first_seen_at=T0, changed_at=T0)
    moments = {"as_of": T0, "seen_at": T0, "changed_at": T0, "next_refresh_at": T0}
    Copy.objects.create(lead=lead, connection=aviv, remote_id="aviv-7", raw={}, content_hash="x", **moments)
    return lead


@pytest.fixture
def shut(account: Connection) -> Connection:
    """A connection to a remote that shows nothing."""
    return Connection.objects.create(remote="aviv", name="AVIV France")


def stopped_in_doubt(lead: Lead, connection: Connection, kind: str) -> Push:
    now = timezone.now()
    return Push.objects.create(
        lead=lead,
        connection=connection,
        kind=kind,
        state="needs_attention",
        payload={"lastName": "Example"},
        was_unclear=True,
        problem_code="unclear",
        problem="Sent, and nobody knows.",
        created_at=now,
        due_at=now,
        safe_at=now,
    )


def test_a_lead_is_handed_to_another_connection(
    api: Caller, account: Connection, portal: Lead, rung: list[Any]
) -> None:
    answer = api.post(f"leads/{portal.pk}/pushes/", {"connection": account.pk, "fields": {"office_id": 42}})
    push = Push.objects.get()
    assert (answer.status_code, answer.json()) == (202, api.get(f"pushes/{push.pk}/").json())
    assert (push.kind, push.payload["office_id"], push.actor) == ("create", 42, "API key Website")
    assert push.payload["meta"]["aviv_id"] == "aviv-7"
    assert ("leads.deliver_pushes", {"connection_id": account.pk}) in rung
    assert api.get(f"leads/{portal.pk}/").json()["sync"]["state"] == "pending"


def test_a_second_request_is_409_and_makes_nothing(api: Caller, account: Connection, portal: Lead) -> None:
    body = {"connection": account.pk}
    assert api.post(f"leads/{portal.pk}/pushes/", body).status_code == 202
    answer = api.post(f"leads/{portal.pk}/pushes/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_push")
    assert "handed to Lead.pro already" in answer.json()["detail"]
    assert Push.objects.count() == 1


def test_it_does_not_go_back_where_it_came_from(api: Caller, portal: Lead) -> None:
    aviv = Connection.objects.get(remote="aviv")
    answer = api.post(f"leads/{portal.pk}/pushes/", {"connection": aviv.pk})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_push")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "connection", "required"),
        ({"connection": 999}, "connection", "unknown_choice"),
        ({"connection": True}, "connection", "unknown_choice"),
        ({"connection": "leadpro"}, "connection", "unknown_choice"),
        ({"connection": "own", "fields": []}, "fields", "invalid"),
        ({"connection": "own", "fields": {"colour": "red"}}, "colour", "invalid"),
        ({"connection": "own", "fields": {"id": 7}}, "id", "read_only"),
        ({"connection": "own", "fields": {"email": "nobody"}}, "email", "invalid"),
        ({"connection": "own", "fields": {"office_id": 7}}, "office_id", "unknown_choice"),
        ({"connection": "own", "colour": "red"}, "colour", "unknown"),
    ],
)
def test_what_cannot_be_is_400_at_its_field(
    api: Caller, account: Connection, portal: Lead, body: dict[str, Any], field: str, code: str
) -> None:
    body = {**body, "connection": account.pk} if body.get("connection") == "own" else body
    answer = api.post(f"leads/{portal.pk}/pushes/", body)
    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]
    assert Push.objects.count() == 0


def test_a_remote_of_another_kind_names_its_own_fields(api: Caller, portal: Lead, shut: Connection) -> None:
    answer = api.post(f"leads/{portal.pk}/pushes/", {"connection": shut.pk})
    assert [one["field"] for one in answer.json()["errors"]] == ["message", "classified_id"]
    fields = {"message": "May I see it?", "classified_id": "26ABCDEFGH12"}
    answer = api.post(f"leads/{portal.pk}/pushes/", {"connection": shut.pk, "fields": fields})
    assert (answer.status_code, answer.json()["kind"], answer.json()["state"]) == (202, "submit", "waiting")


def test_a_limited_key_hands_over_to_its_own_offices_only(
    account: Connection, mirror: Mirror, caller: Callable[..., Caller]
) -> None:
    limited = caller(offices=[375])
    other = Connection.objects.create(remote="leadpro", name="Brand B")
    for office_id in (375, 42):
        Office.objects.create(connection=other, office_id=office_id, name="x", seen_at=T0)
    mine, foreign = mirror(1, office_id=375), mirror(2, office_id=42)
    body = {"connection": other.pk, "fields": {"office_id": 375, "last_name": "Example"}}
    assert limited.post(f"leads/{foreign.pk}/pushes/", body).status_code == 404
    refused = limited.post(f"leads/{mine.pk}/pushes/", {"connection": other.pk, "fields": {"office_id": 42}})
    assert (refused.status_code, refused.json()["code"]) == (403, "office_not_allowed")
    missing = limited.post(f"leads/{mine.pk}/pushes/", {"connection": other.pk})
    assert [one["field"] for one in missing.json()["errors"]] == ["office_id"]
    assert Push.objects.count() == 0


def test_a_submit_in_doubt_is_said_to_be_there(api: Caller, portal: Lead, shut: Connection) -> None:
    push = stopped_in_doubt(portal, shut, "submit")
    body = {"is_there": True, "remote_reference": "seen 12"}
    answer = api.post(f"pushes/{push.pk}/resolve/", body)
    assert (answer.status_code, answer.json()["state"], answer.json()["remote_reference"]) == (
        200,
        "done",
        "seen 12",
    )
    assert api.post(f"pushes/{push.pk}/resolve/", body).status_code == 409


@pytest.mark.parametrize("kind", ["submit", "create"])
def test_what_is_not_there_is_sent_again(api: Caller, portal: Lead, shut: Connection, kind: str) -> None:
    push = stopped_in_doubt(portal, shut, kind)
    answer = api.post(f"pushes/{push.pk}/resolve/", {"is_there": False})
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")


def test_a_create_in_doubt_needs_its_number(api: Caller, portal: Lead, account: Connection) -> None:
    push = stopped_in_doubt(portal, account, "create")
    for body, field in (
        ({}, "is_there"),
        ({"is_there": "yes"}, "is_there"),
        ({"is_there": True}, "remote_id"),
    ):
        answer = api.post(f"pushes/{push.pk}/resolve/", body)
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    answer = api.post(f"pushes/{push.pk}/resolve/", {"is_there": True, "remote_id": 18376})
    assert (answer.status_code, answer.json()["state"]) == (202, "unclear")
