"""New leads over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from leads.models import Change, Connection, Lead, Push
from tests.api.conftest import NEW_LEAD, Caller

Rung = list[tuple[str, dict[str, int]]]


def faults(answer: Any) -> set[tuple[str, str]]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return {(e["field"], e["code"]) for e in answer.json()["errors"]}


def test_a_create_is_saved_at_once_and_a_worker_is_woken(
    api: Caller, account: Connection, rung: Rung
) -> None:
    answer = api.post("leads/", NEW_LEAD)
    assert answer.status_code == 202
    lead, push = Lead.objects.get(), Push.objects.get()
    assert answer.headers["Location"] == f"http://testserver/api/v1/leads/{lead.pk}/"
    assert answer.headers["ETag"] == f'W/"{lead.version}"'
    assert "Preference-Applied" not in answer.headers
    row = answer.json()
    assert row == api.get(f"leads/{lead.pk}/").json()
    assert {name: row[name] for name in NEW_LEAD} == NEW_LEAD
    assert (row["id"], row["leadpro_id"], row["origin"]) == (lead.pk, None, "api")
    assert (row["sync"]["state"], row["sync"]["problem"], row["sync"]["seen_at"]) == ("pending", None, None)
    assert row["meta"] is None
    assert (push.kind, push.state, push.connection_id, push.actor) == (
        "create",
        "waiting",
        account.pk,
        "API key Website",
    )
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]
    change = Change.objects.get()
    assert (change.cause, change.actor) == ("api", "API key Website")
    assert api.get("changes/").json()["results"][0]["fields"]["email"] == [None, "grace@example.org"]


def test_every_creatable_field_is_taken(api: Caller, account: Connection) -> None:
    more = {
        "title": "Dr",
        "gdpr_checkbox": False,
        "international": True,
        "message": "Hello",
        "source": "zoopla",
        "office_id": 42,
        "meta": {"a": "b"},
        "questionnaire": [["When?", "Soon"]],
        "appointment_availability": {"hours": ["2026-01-01T08:00:00.000Z"]},
        "property_type": "terraced",
        "utm_source": "x",
        "stage": None,
    }
    row = api.post("leads/", {**NEW_LEAD, **more}).json()
    assert {name: row[name] for name in more} == more


def test_the_five_starred_fields_are_required_and_no_others(api: Caller, account: Connection) -> None:
    assert faults(api.post("leads/", {})) == {
        (name, "required") for name in ("type", "first_name", "last_name", "email", "phone")
    }
    assert api.post("leads/").status_code == 400
    starred = {name: NEW_LEAD[name] for name in ("type", "first_name", "last_name", "email", "phone")}
    answer = api.post("leads/", starred)
    assert answer.status_code == 202
    assert len(answer.json()["warnings"]) == 1
    assert "Advert address" in answer.json()["warnings"][0]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("type", "rent", "unknown_choice"),
        ("type", 1, "invalid"),
        ("email", "nobody", "invalid"),
        ("first_name", "x" * 51, "too_long"),
        ("first_name", "", "required"),
        ("office_id", 4711, "unknown_choice"),
        ("office_id", True, "invalid"),
        ("gdpr_checkbox", "yes", "invalid"),
        ("meta", {"leadmirror": "x"}, "reserved"),
        ("meta", {"a": 1}, "invalid"),
        ("meta", {"a": "ü" * 500}, "too_large"),
        ("questionnaire", [["a"]], "invalid"),
        ("questionnaire", "text", "invalid"),
        ("status", "New", "read_only"),
        ("stage", "Unread", "read_only"),
        ("full_name", "Grace", "read_only"),
        ("property_bedrooms", 3, "read_only"),
        ("next_action_date", "2026-01-01T08:00:00Z", "read_only"),
        ("id", 1, "read_only"),
        ("leadpro_id", 1, "read_only"),
        ("origin", "admin", "read_only"),
        ("sync", {}, "read_only"),
        ("version", 7, "unknown"),
        ("token", "x", "unknown"),
        ("connection", 999, "unknown_choice"),
        ("connection", "1", "unknown_choice"),
        ("connection", True, "unknown_choice"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named_and_nothing_is_saved(
    api: Caller, account: Connection, field: str, value: Any, code: str
) -> None:
    answer = api.post("leads/", {**NEW_LEAD, field: value})
    assert answer.status_code == 400
    assert faults(answer) == {(field, code)}
    assert (Lead.objects.count(), Push.objects.count()) == (0, 0)


def test_a_connection_may_be_chosen(api: Caller, account: Connection) -> None:
    other = Connection.objects.create(remote="leadpro", name="Second brand", base_url="http://127.0.0.1:9")
    api.post("leads/", {**NEW_LEAD, "connection": other.pk})
    assert Push.objects.get().connection_id == other.pk
    aviv = Connection.objects.create(remote="aviv", name="Portals")
    assert faults(api.post("leads/", {**NEW_LEAD, "connection": aviv.pk})) == {
        ("connection", "unknown_choice")
    }


def test_without_any_connection_nothing_is_saved_and_the_answer_says_why(api: Caller) -> None:
    answer = api.post("leads/", NEW_LEAD)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_connected")
    assert Lead.objects.count() == 0


def test_a_paused_connection_keeps_the_lead_and_says_why_it_waits(api: Caller, account: Connection) -> None:
    Connection.objects.update(
        state="paused", reason="Lead.pro refuses our key since 09:12.", reason_code="credentials"
    )
    answer = api.post("leads/", NEW_LEAD, Prefer="wait=30")
    assert answer.status_code == 202
    assert "refuses our key since 09:12" in answer.json()["sync"]["problem"]
    assert Push.objects.get().state == "waiting"


def test_a_connection_without_a_key_keeps_the_lead_and_says_why_it_waits(
    api: Caller, account: Connection
) -> None:
    Connection.objects.update(secret="")
    row = api.post("leads/", NEW_LEAD, Prefer="wait=30").json()
    assert "is not connected" in row["sync"]["problem"]
    assert api.get("leads/").json()["results"][0] == row


def test_a_valuation_is_for_vendors_and_landlords(api: Caller, account: Connection) -> None:
    body = {
        **NEW_LEAD,
        "type": "vendor",
        "address": "1 Example Street",
        "postcode": "DE1 1JX",
        "property_bedrooms": 3,
    }
    del body["advert_address"], body["advert_postcode"]
    for wrong in ("sale", "let", "mortgage_request"):
        assert faults(api.post("leads/valuation/", {**body, "type": wrong})) == {("type", "unknown_choice")}
    answer = api.post("leads/valuation/", body, Prefer="wait=0")
    assert (answer.status_code, answer.json()["property_bedrooms"]) == (202, 3)
    assert Push.objects.get().kind == "valuation"


def test_a_create_has_no_parameters(api: Caller, account: Connection) -> None:
    assert faults(api.post("leads/?type=sale", NEW_LEAD)) == {("type", "unknown")}


def test_the_maker_of_a_lead_sees_the_answer_though_lead_pro_moved_it(
    caller: Callable[..., Caller], account: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leads import tasks

    def move(task: Any, **ids: int) -> None:
        Lead.objects.update(office_id=42, leadpro_id=7)
        Push.objects.update(state="done", remote_id="7")

    monkeypatch.setattr(tasks, "ring", move)
    limited = caller(offices=[375])
    answer = limited.post("leads/", {**NEW_LEAD, "office_id": 375}, Prefer="wait=5")
    assert (answer.status_code, answer.json()["office_id"]) == (201, 42)
    assert limited.get(f"leads/{answer.json()['id']}/").status_code == 404
