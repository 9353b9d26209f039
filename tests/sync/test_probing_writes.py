"""The probe's test lead, at a sandbox that is switched to every reading it can tell apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from integrations.sandbox import Sandbox
from leads.models import Connection, Lead, Push, SyncState
from leads.sync.delivering.driver import make_rules
from leads.sync.probing import updating
from leads.sync.referencing import sync_reference
from tests.sync.probes import ask, mirror, report_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox shows at once what it took."""
    monkeypatch.setattr(updating, "PAUSES", (0.0, 0.05))


WRITINGS: list[tuple[dict[str, Any], str, Any]] = [
    *(({"status_by": form}, "status_by", form) for form in ("both", "name", "id")),
    *(({"status_by": form, "strict_progression": True}, "status_by", form) for form in ("name", "id")),
    *(({"patch_meta": form}, "patch_meta", form) for form in ("merge", "replace")),
    *(({"patch_needs_names": needed}, "patch_needs_names", needed) for needed in (True, False)),
    *(
        ({"patch_answer": to}, "patch_answer", form)
        for to, form in (
            ("echo", "echo"),
            ("echo_broken", "broken echo"),
            ("lead", "lead"),
            ("empty", "empty"),
        )
    ),
    *(
        ({"error_body": to}, "error_body", {"form": to, "status": 422, "names_field": names})
        for to, names in (
            ("errors", True),
            ("field", True),
            ("message", False),
            ("string", False),
            ("html", False),
            ("text", False),
        )
    ),
    *(({"questionnaire_form": form}, "questionnaire_form", form) for form in ("pairs", "map", "objects")),
    ({"success_status": 201}, "success_status", [200, 201]),
    ({}, "success_status", [200]),
    ({}, "shows_next_action", False),
    ({"lookup_shape": "object_when_one"}, "lookup_form", "object"),
    ({"phone_match": "normalised"}, "phone_match", "normalised"),
    ({"lookup_nobody": "404"}, "lookup_meta", True),
    ({"nulls": "refuse", "unknown_fields": "refuse", "no_office": "refuse"}, "patch_meta", "merge"),
]


@pytest.mark.parametrize(("readings", "name", "value"), WRITINGS, ids=str)
def test_every_reading_that_a_test_lead_can_tell_is_found_out(
    sandbox: Sandbox, leadpro: Connection, readings: dict[str, Any], name: str, value: Any
) -> None:
    sync_reference(leadpro)
    sandbox.set_readings(**readings)
    report = report_of(leadpro, write=True)
    fact = next(fact for fact in report.facts if fact.name == name)
    assert fact.is_learnt, fact.found
    assert fact.value == value
    assert [lead["id"] for lead in sandbox.leads] == [report.lead_id]
    assert len(sandbox.requests("POST")) == 1
    there = sandbox.leads[0]
    assert (there["first_name"], there["last_name"]) == ("leadmirror", "Test, please delete")
    assert there["email"].endswith("@example.com") and there["phone"].startswith("07700 900")
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.sync_state, lead.status) == (
        report.lead_id,
        SyncState.IN_SYNC,
        there["status"],
    )
    assert there["meta"]["leadmirror"] == Push.objects.get().token
    assert report.stopped == ""


def test_everything_is_learnt_on_an_account_with_a_child_lead(sandbox: Sandbox, leadpro: Connection) -> None:
    first = mirror(sandbox, leadpro, email="di@example.org")
    mirror(sandbox, leadpro, email="di@example.org", parent_id=first, is_parent=False)
    assert {name for name, fact in ask(leadpro, write=True).items() if not fact.is_learnt} == set()


@pytest.mark.parametrize("delay", [0.0, 1.0])
def test_the_delay_of_the_look_up_is_measured(sandbox: Sandbox, leadpro: Connection, delay: float) -> None:
    sandbox.set_readings(lookup_delay=delay)
    fact = ask(leadpro, write=True, longest=30.0)["lookup_delay"]
    assert delay <= fact.value < 30.0
    assert fact.found == f"within {fact.value:g} s"


def test_a_lead_that_does_not_show_in_time_is_said_with_how_long_was_waited(
    sandbox: Sandbox, leadpro: Connection, settings: Any
) -> None:
    settings.PUSH_SETTLE_SECONDS = 1.0
    sandbox.set_readings(lookup_delay=60.0)
    fact = ask(leadpro, write=True, longest=1.0)["lookup_delay"]
    assert fact.is_warning and fact.found.startswith("longer than 1")
    assert make_rules(leadpro).settle == timedelta(seconds=2 * fact.value)
    settings.PUSH_SETTLE_SECONDS = 600.0
    assert make_rules(leadpro).settle == timedelta(seconds=600)


@pytest.mark.parametrize(("configured", "works"), [("name", "id"), ("id", "name")])
def test_the_form_of_status_that_works_is_used(
    sandbox: Sandbox, leadpro: Connection, configured: str, works: str
) -> None:
    leadpro.status_by = configured
    leadpro.save()
    sandbox.set_readings(status_by=works)
    ask(leadpro, write=True)
    assert make_rules(leadpro).status_by == works
    leadpro.status_by = works
    assert make_rules(leadpro).status_by == works


def test_names_go_along_even_where_they_are_not_needed(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.set_readings(patch_needs_names=False)
    assert ask(leadpro, write=True)["patch_needs_names"].value is False
    assert make_rules(leadpro).needs_names is True


@pytest.mark.parametrize("fault", ["hang", "drop_after", "truncated", "status"])
def test_a_create_of_unclear_outcome_is_never_sent_again(
    sandbox: Sandbox, leadpro: Connection, settings: Any, fault: str
) -> None:
    settings.HTTP_TIMEOUT_SECONDS = 1.0
    sandbox.fault(fault, "POST", "/leads")
    report = report_of(leadpro, write=True)
    push = Push.objects.get()
    assert (report.lead_id, push.state) == (None, Push.UNCLEAR)
    assert f"push {push.pk}" in report.stopped and "not sent again" in report.stopped
    again = report_of(leadpro, write=True)
    assert "not settled yet" in again.stopped
    assert len(sandbox.requests("POST")) == 1 and not sandbox.requests("PATCH")
    assert next(fact for fact in again.facts if fact.name == "offices").is_learnt


@pytest.mark.parametrize(
    ("fault", "more"), [("rate_limit", {}), ("status", {"status": 422, "body": {"message": "No."}})]
)
def test_a_test_lead_that_was_not_taken_is_not_sent_later(
    sandbox: Sandbox, leadpro: Connection, fault: str, more: dict[str, Any]
) -> None:
    sandbox.fault(fault, "POST", "/leads", **more)
    report = report_of(leadpro, write=True)
    assert report.lead_id is None and "did not take the test lead" in report.stopped
    assert Push.objects.get().state == Push.DISCARDED
    assert not sandbox.leads


@pytest.mark.parametrize("fault", ["status", "drop_after", "rate_limit"])
def test_an_update_that_fails_leaves_its_question_open_and_is_not_repeated(
    sandbox: Sandbox, leadpro: Connection, fault: str
) -> None:
    sandbox.fault(fault, "PATCH", "*", skip=2)
    facts = ask(leadpro, write=True)
    assert not facts["patch_meta"].is_learnt
    assert sum("probe" in str(entry.body) for entry in sandbox.requests("PATCH")) == 1
    if fault != "rate_limit":
        assert facts["status_by"].is_learnt
