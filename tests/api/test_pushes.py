"""Pushes over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Conflict, Connection, Lead, Push
from leads.models.state import refresh_states
from tests.api.conftest import NEW_LEAD, Caller

Mirror = Callable[..., Lead]


@pytest.fixture
def stopped(api: Caller, mirror: Mirror) -> Push:
    """An update of which two fields wait for a decision."""
    lead = mirror(1, postcode="DE1 1JX")
    api.patch(f"leads/{lead.pk}/", {"status": "Contacted", "office_id": 42})
    push = Push.objects.get()
    now = timezone.now()
    Conflict.objects.create(
        lead=lead, push=push, field="status", base="New", mine="Contacted", theirs="New", opened_at=now
    )
    Conflict.objects.create(
        lead=lead, push=push, field="office_id", base=375, mine=42, theirs=375, opened_at=now
    )
    Push.objects.update(state="needs_attention", problem="Changed here and in Lead.pro.")
    refresh_states([lead.pk], now)
    push.refresh_from_db()
    return push


def test_a_push_says_what_is_on_its_way(api: Caller, mirror: Mirror, account: Connection) -> None:
    lead = mirror(1)
    api.patch(f"leads/{lead.pk}/", {"status": "Contacted"})
    push = Push.objects.get()
    row = api.get(f"pushes/{push.pk}/").json()
    assert row == api.get("pushes/").json()["results"][0]
    assert list(row) == [
        "id",
        "lead",
        "connection",
        "kind",
        "state",
        "attempts",
        "due_at",
        "problem",
        "remote_id",
        "remote_reference",
        "created_at",
    ]
    assert (row["id"], row["lead"], row["connection"]) == (push.pk, lead.pk, account.pk)
    assert (row["kind"], row["state"], row["attempts"]) == ("update", "waiting", 0)
    assert (row["problem"], row["remote_id"], row["remote_reference"]) == (None, None, None)
    assert row["due_at"].endswith("Z")


def test_pushes_are_filtered_and_paged(api: Caller, account: Connection, mirror: Mirror) -> None:
    lead = mirror(1)
    api.patch(f"leads/{lead.pk}/", {"status": "Contacted"})
    for _ in range(3):
        api.post("leads/", NEW_LEAD)
    newest = Push.objects.latest("id")
    assert [r["lead"] for r in api.get(f"pushes/?lead={lead.pk}").json()["results"]] == [lead.pk]
    assert len(api.get("pushes/?kind=create&state=waiting,sending").json()["results"]) == 3
    assert api.get("pushes/?state=done").json()["results"] == []
    assert len(api.get(f"pushes/?connection={account.pk}").json()["results"]) == 4
    first = api.get("pushes/?page_size=3").json()
    assert first["results"][0]["id"] == newest.pk
    assert [r["lead"] for r in api.get(first["next"]).json()["results"]] == [lead.pk]
    for query in ("state=open", "kind=x", "lead=x", "page_size=501"):
        answer = api.get(f"pushes/?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, query.partition("=")[0])


def test_discarding_an_update_puts_lead_pros_value_back(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    api.patch(f"leads/{lead.pk}/", {"status": "Contacted"})
    push_id = Push.objects.get().pk
    answer = api.post(f"pushes/{push_id}/discard/")
    assert (answer.status_code, answer.json()["state"], answer.json()["due_at"]) == (200, "discarded", None)
    row = api.get(f"leads/{lead.pk}/").json()
    assert (row["status"], row["sync"]["state"], row["sync"]["pending"]) == ("New", "in_sync", {})
    history = api.get(f"leads/{lead.pk}/changes/").json()["results"]
    assert history[0]["fields"] == {"status": ["Contacted", "New"]}


def test_discarding_a_create_leaves_the_lead_only_here(api: Caller, account: Connection) -> None:
    lead_id = api.post("leads/", NEW_LEAD).json()["id"]
    api.post(f"pushes/{Push.objects.get().pk}/discard/")
    assert api.get(f"leads/{lead_id}/").json()["sync"]["state"] == "local"


def test_a_retry_wakes_the_worker(api: Caller, account: Connection, rung: list[Any]) -> None:
    api.post("leads/", NEW_LEAD)
    Push.objects.update(state="needs_attention", problem="Refused.", attempts=3)
    rung.clear()
    answer = api.post(f"pushes/{Push.objects.get().pk}/retry/")
    assert (answer.status_code, answer.json()["state"], answer.json()["problem"]) == (202, "waiting", None)
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]


@pytest.mark.parametrize("decision", ["retry", "discard"])
def test_a_decision_about_what_is_over_is_409_with_the_reason(
    api: Caller, account: Connection, rung: list[Any], decision: str
) -> None:
    api.post("leads/", NEW_LEAD)
    Push.objects.update(state="done", remote_id="7")
    rung.clear()
    answer = api.post(f"pushes/{Push.objects.get().pk}/{decision}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_push")
    assert "done" in answer.json()["detail"]
    assert rung == []


def test_a_conflict_is_decided_field_by_field(api: Caller, stopped: Push) -> None:
    shown = api.get(f"leads/{stopped.lead_id}/").json()
    assert (shown["sync"]["state"], shown["sync"]["pending"]) == (
        "needs_attention",
        {"status": "New", "office_id": 375},
    )
    answer = api.post(f"pushes/{stopped.pk}/resolve/", {"status": "theirs", "office_id": {"value": 42}})
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    row = api.get(f"leads/{stopped.lead_id}/").json()
    assert (row["status"], row["office_id"], row["sync"]["state"]) == ("New", 42, "pending")
    decided = dict(Conflict.objects.values_list("field", "decision"))
    assert decided == {"status": "theirs", "office_id": "another"}
    assert set(Conflict.objects.values_list("decided_by", flat=True)) == {"API key Website"}


def test_a_choice_that_names_what_it_was_made_over_is_409_where_that_has_moved(
    api: Caller, stopped: Push
) -> None:
    for choice in ({"choice": "mine", "theirs": "Lost"}, {"value": "Contacted", "theirs": 7}):
        answer = api.post(f"pushes/{stopped.pk}/resolve/", {"office_id": "mine", "status": choice})
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_push")
        assert "shows another status by now" in answer.json()["detail"]
    assert Conflict.objects.filter(decided_at__isnull=True).count() == 2
    body = {"status": {"choice": "mine", "theirs": "New"}, "office_id": {"value": 42, "theirs": 375}}
    assert api.post(f"pushes/{stopped.pk}/resolve/", body).json()["state"] == "waiting"
    decided = dict(Conflict.objects.values_list("field", "decision"))
    assert decided == {"status": "mine", "office_id": "another"}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "choices", "required"),
        ({"status": "ours"}, "status", "invalid"),
        ({"status": None}, "status", "invalid"),
        ({"status": {"value": "New", "more": 1}}, "status", "invalid"),
        ({"status": {}}, "status", "invalid"),
        ({"status": {"theirs": "New"}}, "status", "invalid"),
        ({"status": {"choice": "ours", "theirs": "New"}}, "status", "invalid"),
        ({"status": {"choice": "mine", "value": "New"}}, "status", "invalid"),
        ({"status": {"value": "Nonsense"}}, "status", "unknown_choice"),
        ({"email": {"value": "ada@example.org"}}, "email", "read_only"),
        ({"nonsense": "mine"}, "nonsense", "unknown"),
    ],
)
def test_a_choice_that_is_none_is_named(
    api: Caller, stopped: Push, body: dict[str, Any], field: str, code: str
) -> None:
    answer = api.post(f"pushes/{stopped.pk}/resolve/", body)
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]
    assert Conflict.objects.filter(decided_at__isnull=True).count() == 2


def test_a_field_without_a_conflict_is_409(api: Caller, stopped: Push) -> None:
    answer = api.post(f"pushes/{stopped.pk}/resolve/", {"postcode": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_push")


def test_a_limited_key_sees_and_decides_pushes_of_its_offices_only(
    caller: Callable[..., Caller], stopped: Push
) -> None:
    Lead.objects.update(office_id=375)
    own, foreign = caller(offices=[375]), caller(offices=[999])
    assert [r["id"] for r in own.get("pushes/").json()["results"]] == [stopped.pk]
    assert foreign.get("pushes/").json()["results"] == []
    for path in ("", "retry/", "discard/", "resolve/"):
        call = foreign.get if path == "" else foreign.post
        assert call(f"pushes/{stopped.pk}/{path}").status_code == 404
    for choice in ("mine", {"value": 42}, {"choice": "mine", "theirs": 375}):
        answer = own.post(f"pushes/{stopped.pk}/resolve/", {"office_id": choice})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "not_allowed")
    assert Conflict.objects.filter(decided_at__isnull=True).count() == 2
