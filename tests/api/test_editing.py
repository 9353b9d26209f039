"""Edits over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Change, Connection, Lead, Push
from tests.api.conftest import NEW_LEAD, Caller

Mirror = Callable[..., Lead]


def test_an_edit_shows_at_once_and_is_on_its_way(
    api: Caller, mirror: Mirror, account: Connection, rung: list[Any]
) -> None:
    lead = mirror(1)
    api.get(f"leads/{lead.pk}/")
    answer = api.patch(f"leads/{lead.pk}/", {"status": "Contacted"})
    assert answer.status_code == 202
    row = answer.json()
    assert (row["status"], row["sync"]["state"], row["sync"]["pending"]) == (
        "Contacted",
        "pending",
        {"status": "New"},
    )
    assert row == api.get(f"leads/{lead.pk}/").json()
    assert answer.headers["ETag"] != f'W/"{lead.version}"'
    assert [r["id"] for r in api.get("leads/?status=Contacted").json()["results"]] == [lead.pk]
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]
    change = Change.objects.latest("id")
    assert (change.cause, change.actor, change.fields) == (
        "api",
        "API key Website",
        {"status": ["New", "Contacted"]},
    )


@pytest.mark.parametrize(
    "body", [{}, {"status": "New"}, {"first_name": "Ada", "office_id": 375}, {"questionnaire": []}]
)
def test_where_nothing_differs_the_answer_is_200_and_nothing_is_sent(
    api: Caller, mirror: Mirror, rung: list[Any], body: dict[str, Any]
) -> None:
    lead = mirror(1)
    answer = api.patch(f"leads/{lead.pk}/", body)
    assert (answer.status_code, answer.json()["id"]) == (200, lead.pk)
    assert (Push.objects.count(), rung) == (0, [])
    assert answer.headers["ETag"] == f'W/"{lead.version}"'


@pytest.mark.parametrize(
    "name",
    [
        "type",
        "email",
        "phone",
        "title",
        "source",
        "message",
        "property_type",
        "host",
        "international",
        "advert_url",
        "appointment_availability",
        "stage",
        "full_name",
        "created_at",
        "leadpro_id",
        "id",
        "origin",
        "person_id",
        "warnings",
        "sync",
    ],
)
def test_only_patchable_fields_are_taken(api: Caller, mirror: Mirror, name: str) -> None:
    lead = mirror(1)
    for value in ("x", None):
        answer = api.patch(f"leads/{lead.pk}/", {name: value})
        assert answer.status_code == 400
        assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(name, "read_only")]
    assert Push.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("status", "Nonsense", "unknown_choice"),
        ("status", "", "required"),
        ("first_name", "", "required"),
        ("first_name", None, "required"),
        ("last_name", "x" * 51, "too_long"),
        ("office_id", 4711, "unknown_choice"),
        ("gdpr_checkbox", None, "required"),
        ("next_action_date", "tomorrow", "invalid"),
        ("next_action_date", "2026-01-01T08:00:00", "invalid"),
        ("meta", {"leadmirror": "x"}, "reserved"),
        ("questionnaire", [["a", 1]], "invalid"),
        ("nonsense", 1, "unknown"),
    ],
)
def test_a_value_that_cannot_be_sent_is_named(
    api: Caller, mirror: Mirror, field: str, value: Any, code: str
) -> None:
    lead = mirror(1)
    answer = api.patch(f"leads/{lead.pk}/", {field: value, "postcode": "DE1 1JX"})
    assert answer.status_code == 400
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]
    lead.refresh_from_db()
    assert (lead.postcode, Push.objects.count()) == (None, 0)


def test_an_edit_of_a_version_that_has_moved_is_412(api: Caller, mirror: Mirror) -> None:
    lead = mirror(1)
    tag = api.get(f"leads/{lead.pk}/").headers["ETag"]
    assert api.patch(f"leads/{lead.pk}/", {"status": "Contacted"}, If_Match=tag).status_code == 202
    late = api.patch(f"leads/{lead.pk}/", {"postcode": "DE1 1JX"}, If_Match=tag)
    assert (late.status_code, late.json()["code"]) == (412, "changed_meanwhile")
    assert Lead.objects.get().postcode is None
    for header in ("*", 'W/"0", ' + api.get(f"leads/{lead.pk}/").headers["ETag"]):
        assert api.patch(f"leads/{lead.pk}/", {"status": "Contacted"}, If_Match=header).status_code == 200
    assert api.patch(f"leads/{lead.pk}/", {"status": "New"}, If_Match="nonsense").status_code == 412


def test_a_change_that_slips_in_before_the_save_is_412(
    api: Caller, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leads.api import editing

    lead = mirror(1)

    def slip_in(*args: Any) -> dict[str, Any]:
        Lead.objects.update(version=lead.version + 1)
        return {"status": "Contacted"}

    monkeypatch.setattr(editing, "check_edit", slip_in)
    assert api.patch(f"leads/{lead.pk}/", {}, If_Match=f'W/"{lead.version}"').status_code == 412
    assert Lead.objects.get().status == "New"


def test_a_lead_that_leaves_the_keys_offices_before_the_save_is_404(
    caller: Callable[..., Caller], mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leads.api import editing

    lead = mirror(1)

    def slip_away(*args: Any) -> dict[str, Any]:
        Lead.objects.update(office_id=42)
        return {"status": "Contacted"}

    monkeypatch.setattr(editing, "check_edit", slip_away)
    assert caller(offices=[375]).patch(f"leads/{lead.pk}/", {}).status_code == 404


def test_a_lead_that_is_only_here_is_changed_here(api: Caller, account: Connection) -> None:
    lead_id = api.post("leads/", NEW_LEAD).json()["id"]
    push_id = Push.objects.get().pk
    assert api.patch(f"leads/{lead_id}/", {"postcode": "DE1 1JX"}).status_code == 202
    assert api.post(f"pushes/{push_id}/discard/").status_code == 200
    answer = api.patch(f"leads/{lead_id}/", {"phone": "07700 900199", "message": None})
    assert (answer.status_code, answer.json()["phone"]) == (200, "07700 900199")
    assert (Lead.objects.get().message, Lead.objects.get().sync_state) == (None, "local")
    assert Change.objects.order_by("pk").last().fields["phone"][1] == "07700 900199"
    assert not Push.objects.open().exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [({"status": "Contacted"}, "read_only"), ({"phone": None}, "required"), ({"nonsense": 1}, "")],
)
def test_what_a_new_lead_could_not_say_is_refused_here_too(api: Caller, body: dict, code: str) -> None:
    now = timezone.now()
    lead = Lead.objects.create(phone="07700 900123", listed_at=now, first_seen_at=now, changed_at=now)
    answer = api.patch(f"leads/{lead.pk}/", body)
    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert Lead.objects.get().version == lead.version
