"""Requests that wait, against a real Lead.pro stand-in over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads import tasks
from leads.models import Cause, Connection, Lead, Push, Run, StoredAnswer
from leads.sync import bulk, pushing, referencing
from leads.sync.storing import Seen, store
from tests.api.conftest import NEW_LEAD, Caller

pytestmark = pytest.mark.django_db(transaction=True)
VENDOR = {
    **NEW_LEAD,
    "type": "vendor",
    "address": "1 Example Street",
    "postcode": "DE1 1JX",
    "property_bedrooms": 3,
}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, leadpro: Connection) -> None:
    """A worker that answers the doorbell before the request goes on, so that nothing depends on luck."""

    def ring(task: Any, **ids: int) -> None:
        def work() -> None:
            if task is tasks.deliver_pushes:
                connection = Connection.objects.get(pk=ids["connection_id"])
                pushing.deliver_due(connection, until=timezone.now() + timedelta(seconds=10))
            else:
                bulk.continue_run(ids["run_id"])

        transaction.on_commit(work)

    monkeypatch.setattr(tasks, "ring", ring)
    referencing.sync_reference(leadpro, "person")


@pytest.fixture
def known(leadpro: Connection, sandbox: Sandbox) -> Lead:
    """A lead that Lead.pro and the mirror have."""
    payload = sandbox.add_lead(
        hook=False, first_name="Ada", last_name="Example", email="ada@example.org", phone="07700 900123"
    )
    now = timezone.now()
    store(leadpro, [Seen(payload, now)], Cause.REFRESH, now=now)
    return Lead.objects.get()


def test_a_create_that_waits_is_201_with_lead_pros_id(api: Caller, worker: None, sandbox: Sandbox) -> None:
    answer = api.post("leads/", NEW_LEAD, Prefer="wait=20", Idempotency_Key="k")
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert [row["id"] for row in sandbox.leads] == [answer.json()["leadpro_id"]]
    assert answer.json()["sync"]["state"] == "in_sync"
    assert answer.json()["created_at"] is not None
    assert "leadmirror" not in (answer.json()["meta"] or {})
    again = api.post("leads/", NEW_LEAD, Prefer="wait=20", Idempotency_Key="k")
    assert (again.status_code, again.json()) == (201, answer.json())
    assert len(sandbox.leads) == 1
    assert StoredAnswer.objects.get().status == 201


def test_a_create_that_lead_pro_refuses_is_202_with_the_reason(
    api: Caller, worker: None, sandbox: Sandbox
) -> None:
    sandbox.fault("status", "POST", "/leads", status=422)
    answer = api.post("leads/", NEW_LEAD, Prefer="wait=20")
    assert answer.status_code == 202
    assert (answer.json()["sync"]["state"], answer.json()["leadpro_id"]) == ("needs_attention", None)
    assert answer.json()["sync"]["problem"]
    push = api.get("pushes/").json()["results"][0]
    assert (push["state"], push["lead"]) == ("needs_attention", answer.json()["id"])
    sandbox.clear_faults()
    assert api.post(f"pushes/{push['id']}/retry/").status_code == 202
    assert api.get(f"pushes/{push['id']}/").json()["state"] == "done"
    assert len(sandbox.leads) == 1


def test_a_valuation_has_its_six_figures(api: Caller, worker: None, sandbox: Sandbox) -> None:
    answer = api.post("leads/valuation/", VENDOR)
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer.headers
    row, there = answer.json(), sandbox.leads[0]
    for name in ("minimum", "average", "maximum"):
        for kind in ("sale", "rent"):
            figure = f"{name}_{kind}_estimation"
            assert row[figure] == there[figure]
    assert row["average_sale_estimation"] is not None
    assert row["valuation_status"] == there["valuation_status"] is not None


def test_an_edit_that_waits_is_200_once_lead_pro_has_it(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    answer = api.patch(f"leads/{known.pk}/", {"status": "Contacted"}, Prefer="wait=20")
    assert (answer.status_code, answer.json()["status"]) == (200, "Contacted")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.json()["sync"]["state"] == "in_sync"
    assert sandbox.lead(known.leadpro_id or 0)["status"] == "Contacted"


def test_an_answer_that_is_added_is_added_once(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    for _ in range(2):
        answer = api.patch(f"leads/{known.pk}/", {"questionnaire": [["When?", "Soon"]]}, Prefer="wait=20")
        assert (answer.status_code, answer.json()["questionnaire"]) == (200, [["When?", "Soon"]])
    assert sandbox.lead(known.leadpro_id or 0)["questionnaire"] == [["When?", "Soon"]]


def test_a_refresh_that_waits_is_200_with_the_fresh_lead(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    sandbox.staff_edit(known.leadpro_id or 0, status="Contacted")
    answer = api.post(f"leads/{known.pk}/refresh/", Prefer="wait=20")
    assert (answer.status_code, answer.json()["status"]) == (200, "Contacted")
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert Run.objects.get().state == "done"


def test_a_refresh_without_waiting_is_202(api: Caller, leadpro: Connection, known: Lead) -> None:
    answer = api.post(f"leads/{known.pk}/refresh/")
    assert (answer.status_code, answer.json()["id"]) == (202, known.pk)
    assert (Run.objects.get().lane, Run.objects.get().actor) == ("person", "API key Website")


def test_a_refresh_of_a_lead_that_lead_pro_lost_is_409(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    sandbox.delete_lead(known.leadpro_id or 0)
    answer = api.post(f"leads/{known.pk}/refresh/", Prefer="wait=20")
    assert (answer.status_code, answer.json()["code"]) == (409, "gone")
    assert api.get(f"leads/{known.pk}/").status_code == 200


def test_a_refresh_while_lead_pro_asks_for_patience_is_503_with_retry_after(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    sandbox.fault("rate_limit", "GET", "/leads/*", retry_after=40)
    answer = api.post(f"leads/{known.pk}/refresh/", Prefer="wait=20")
    assert (answer.status_code, answer.json()["code"]) == (503, "remote_unavailable")
    assert 35 <= int(answer.headers["Retry-After"]) <= 40


def test_a_refresh_while_lead_pro_is_broken_is_503_with_its_sentence(
    api: Caller, worker: None, known: Lead, sandbox: Sandbox
) -> None:
    sandbox.fault("status", "GET", "/leads/*", status=500, times=50)
    answer = api.post(f"leads/{known.pk}/refresh/", Prefer="wait=1")
    assert (answer.status_code, answer.json()["code"]) == (503, "remote_failing")
    assert "Lead.pro" in answer.json()["detail"]


def test_a_lead_that_is_only_here_has_nothing_to_refresh(api: Caller, leadpro: Connection) -> None:
    lead_id = api.post("leads/", NEW_LEAD).json()["id"]
    answer = api.post(f"leads/{lead_id}/refresh/")
    assert (answer.status_code, answer.json()["code"]) == (409, "only_here")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "ada@example.org"},
        {"phone": "+447700900123"},
        {"phone": "07700 900123"},
        {"email": "ada@example.org", "last_name": "Example"},
    ],
)
def test_a_look_up_mirrors_and_answers_what_lead_pro_has(
    api: Caller, leadpro: Connection, sandbox: Sandbox, body: dict[str, str]
) -> None:
    there = sandbox.add_lead(
        hook=False, first_name="Ada", last_name="Example", email="ada@example.org", phone="07700900123"
    )
    sandbox.add_lead(hook=False, email="bob@example.org", phone="01632 960001")
    answer = api.post("leads/lookup/", body)
    assert answer.status_code == 200
    assert [row["leadpro_id"] for row in answer.json()["results"]] == [there["id"]]
    assert answer.json()["next"] is None
    assert api.get("changes/").json()["results"][0]["cause"] == "lookup"


def test_a_look_up_of_nobody_is_an_empty_list(api: Caller, leadpro: Connection) -> None:
    answer = api.post("leads/lookup/", {"email": "nobody@example.org"})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_look_up_answers_only_what_the_key_may_see(
    caller: Callable[..., Caller], leadpro: Connection, sandbox: Sandbox
) -> None:
    there = sandbox.add_lead(hook=False, email="ada@example.org")
    office = there["office_id"]
    assert (
        caller(offices=[int(office) + 1])
        .post("leads/lookup/", {"email": "ada@example.org"})
        .json()["results"]
        == []
    )
    assert (
        len(
            caller(offices=[int(office)])
            .post("leads/lookup/", {"email": "ada@example.org"})
            .json()["results"]
        )
        == 1
    )


@pytest.mark.parametrize(
    ("fault", "details", "status", "code", "retry_after"),
    [
        ("rate_limit", {"retry_after": 40}, 503, "remote_busy", "40"),
        ("status", {"status": 500}, 502, "remote_failing", None),
        ("html", {}, 502, "remote_failing", None),
        ("drop", {}, 502, "remote_failing", None),
    ],
)
def test_a_look_up_that_fails_says_why_and_is_never_an_empty_list(
    api: Caller,
    leadpro: Connection,
    sandbox: Sandbox,
    fault: str,
    details: dict[str, Any],
    status: int,
    code: str,
    retry_after: str | None,
) -> None:
    sandbox.fault(fault, "GET", "/person/leads", times=10, **details)
    answer = api.post("leads/lookup/", {"email": "ada@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == retry_after
    assert "ada@example.org" not in answer.content.decode()


def test_a_look_up_at_a_paused_connection_is_503_with_the_reason(api: Caller, leadpro: Connection) -> None:
    Connection.objects.update(state="paused", reason="Lead.pro refuses our key since 09:12.")
    answer = api.post("leads/lookup/", {"email": "ada@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (503, "remote_unavailable")
    assert answer.json()["detail"] == "Lead.pro refuses our key since 09:12."


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["email", "phone"]),
        ({"first_name": "Ada"}, ["email", "phone"]),
        ({"email": ""}, ["email"]),
        ({"email": 1}, ["email"]),
        ({"phone": "x" * 400}, ["phone"]),
        ({"email": "ada@example.org", "connection": 99}, ["connection"]),
    ],
)
def test_a_look_up_needs_a_contact(
    api: Caller, leadpro: Connection, body: dict[str, Any], fields: list[str]
) -> None:
    answer = api.post("leads/lookup/", body)
    assert answer.status_code == 400
    assert [e["field"] for e in answer.json()["errors"]] == fields


def test_a_wait_ends_when_its_time_is_up(api: Caller, leadpro: Connection) -> None:
    started = time.monotonic()
    answer = api.post("leads/", NEW_LEAD, Prefer="wait=1")
    assert 0.9 <= time.monotonic() - started < 5
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")
    assert Push.objects.get().state == "waiting"


def test_instants_of_the_round_trip_are_utc_with_milliseconds(api: Caller, worker: None, known: Lead) -> None:
    answer = api.patch(
        f"leads/{known.pk}/", {"next_action_date": "2026-12-01T09:30:00+01:00"}, Prefer="wait=20"
    )
    assert answer.json()["next_action_date"] == "2026-12-01T08:30:00.000Z"
    assert Lead.objects.get().next_action_date == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
