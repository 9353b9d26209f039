"""The probe reads from a sandbox that is switched to every reading it can tell apart, and the command."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.sandbox import Sandbox
from leads.models import Connection, Copy, Lane, Push, Send
from leads.sync.delivering.driver import make_rules
from leads.sync.probing import asking
from tests.sync.probes import ask, mirror

pytestmark = pytest.mark.django_db(transaction=True)


READINGS: list[tuple[dict[str, Any], str, Any]] = [
    *(
        ({"office_ids": to}, "offices", {"form": "data", "ids": ids})
        for to, ids in (("mixed", "mixed"), ("strings", "text"), ("ints", "numbers"))
    ),
    *(
        ({"statuses_path": path}, "statuses_path", path)
        for path in ("/statuses", "/lead-statuses", "/leads/statuses")
    ),
    ({"statuses_wrapped": False}, "statuses_form", "array"),
    ({"statuses_wrapped": True}, "statuses_form", "data"),
    *(
        ({"lookup_nobody": form}, "lookup_nobody", form)
        for form in ("array", "404", "data", "object", "blank")
    ),
    *(
        ({"lookup_shape": to}, "lookup_form", form)
        for to, form in (
            ("array", "array"),
            ("object_when_one", "object"),
            ("data_when_one", "wrapped_object"),
            ("data", "data"),
            ("paginated", "paginated"),
        )
    ),
    *(({"phone_match": form}, "phone_match", form) for form in ("exact", "normalised")),
    *(({"email_match": form}, "email_match", form) for form in ("ignore_case", "exact")),
    *(
        ({"missing_status": status}, "missing_lead", {"status": status, "form": "message"})
        for status in (404, 410, 422)
    ),
    *(
        ({"error_body": form}, "missing_lead", {"status": 404, "form": form})
        for form in ("message", "string", "errors", "html", "text")
    ),
    *(
        (
            {"error_body": form, "refusal_status": 400},
            "error_body",
            {"form": form, "status": 400, "names_field": False},
        )
        for form in ("message", "string", "html", "text")
    ),
    ({"omit_nulls": True}, "lookup_meta", True),
    ({"extra_fields": True}, "lookup_form", "array"),
]


@pytest.mark.parametrize(("readings", "name", "value"), READINGS, ids=str)
def test_every_reading_that_reads_can_tell_is_found_out(
    sandbox: Sandbox, leadpro: Connection, readings: dict[str, Any], name: str, value: Any
) -> None:
    mirror(sandbox, leadpro)
    sandbox.set_readings(**readings)
    fact = ask(leadpro)[name]
    assert fact.is_learnt, fact.found
    assert fact.value == value
    leadpro.refresh_from_db()
    assert leadpro.learnt(name) == value
    assert {entry.method for entry in sandbox.log} == {"GET"}
    assert Send.objects.filter(lane=Lane.PERSON).count() == len(sandbox.log) + 1
    assert not Push.objects.exists()


@pytest.mark.parametrize("are_shown", [True, False])
def test_whether_child_leads_are_shown_is_found_out(
    sandbox: Sandbox, leadpro: Connection, are_shown: bool
) -> None:
    first = mirror(sandbox, leadpro, email="di@example.org")
    mirror(sandbox, leadpro, email="di@example.org", parent_id=first, is_parent=False)
    sandbox.set_readings(lookup_children=are_shown)
    assert ask(leadpro)["lookup_children"].value is are_shown
    assert make_rules(leadpro).absence_counts() is are_shown


def test_a_look_up_without_meta_is_found_out(sandbox: Sandbox, leadpro: Connection) -> None:
    there = mirror(sandbox, leadpro)
    sandbox.fault("wrong_shape", "GET", "/person/leads", skip=2, body=[{"id": there, "first_name": "Ada"}])
    fact = ask(leadpro)["lookup_meta"]
    assert (fact.value, fact.is_warning) == (False, True)
    assert make_rules(leadpro).lookup_shows_meta() is False


def test_an_empty_mirror_leaves_only_what_it_cannot_ask_for(leadpro: Connection) -> None:
    facts = ask(leadpro)
    left = {name for name, fact in facts.items() if not fact.is_learnt}
    known = {"lookup_form", "lookup_meta", "phone_match", "email_match", "lookup_children"}
    writes = {
        "lookup_delay",
        "patch_answer",
        "patch_needs_names",
        "patch_meta",
        "status_by",
        "questionnaire_form",
    }
    assert left == known | writes | {"shows_next_action"}
    assert "no lead of this account" in facts["lookup_form"].found
    assert "--write" in facts["patch_meta"].found


@pytest.mark.parametrize("path", ["/offices", "/statuses", "/person/leads", "/leads/*"])
@pytest.mark.parametrize("fault", ["status", "drop", "truncated", "html", "bad_json"])
def test_a_call_that_fails_leaves_its_question_open_and_no_other(
    sandbox: Sandbox, leadpro: Connection, path: str, fault: str
) -> None:
    mirror(sandbox, leadpro)
    whole = {name for name, fact in ask(leadpro).items() if fact.is_learnt}
    sandbox.fault(fault, "GET", path, times=None)
    learnt = {name for name, fact in ask(leadpro).items() if fact.is_learnt}
    lookup = {"lookup_path", "lookup_nobody", "lookup_form", "lookup_meta", "phone_match", "email_match"}
    may_fail = {
        "/offices": {"offices"},
        "/statuses": {"statuses_path", "statuses_form"},
        "/person/leads": lookup,
    }
    assert whole - learnt <= may_fail.get(path, {"missing_lead"}) | set()
    assert learnt < whole or path in ("/person/leads", "/leads/*")
    leadpro.refresh_from_db()
    assert not leadpro.is_paused


def test_what_was_learnt_before_stays_where_a_later_probe_fails(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    mirror(sandbox, leadpro)
    sandbox.set_readings(phone_match="normalised")
    ask(leadpro)
    sandbox.fault("status", "GET", "/person/leads", times=None)
    assert not ask(leadpro)["phone_match"].is_learnt
    leadpro.refresh_from_db()
    assert leadpro.learnt("phone_match") == "normalised"
    assert "phone_match" in leadpro.learnt("not_learnt")
    leadpro.base_url += "/elsewhere"
    assert leadpro.learnt("phone_match") is None


def test_a_spent_budget_is_kept_and_said(
    sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.0)
    leadpro.requests_per_minute = 3
    leadpro.save()
    facts = ask(leadpro)
    assert len(sandbox.log) == 3
    assert facts["lookup_path"].is_learnt
    assert "request budget" in facts["lookup_nobody"].found


def test_the_command_prints_a_table_and_counts(sandbox: Sandbox, leadpro: Connection, capsys: Any) -> None:
    call_command("probe_leadpro")
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["Asked", "Found", "So", "leadmirror", "does", "this"]
    assert any(line.startswith("Where statuses are listed") and "/statuses" in line for line in lines)
    assert lines[-1].startswith("learnt=") and max(map(len, lines)) <= 122
    assert "Nothing is changed there." in err
    leadpro.refresh_from_db()
    assert leadpro.learnt("probed_at")
    assert {entry.method for entry in sandbox.log} == {"GET"}


def test_the_command_says_which_lead_to_delete(sandbox: Sandbox, leadpro: Connection, capsys: Any) -> None:
    call_command("probe_leadpro", "--write", "--connection", str(leadpro.pk))
    assert f"#{sandbox.leads[0]['id']}" in capsys.readouterr().err
    assert Copy.objects.get().remote_id == str(sandbox.leads[0]["id"])


def test_the_command_refuses_in_one_line_where_nothing_can_be_asked(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    sandbox.set_api_key("another-key")
    with pytest.raises(CommandError, match="refuses our key since"):
        call_command("probe_leadpro", "--write")
    with pytest.raises(CommandError, match="refuses our key since"):
        call_command("probe_leadpro")
    assert not sandbox.requests("POST")
    leadpro.set_secret("")
    leadpro.save()
    with pytest.raises(CommandError, match="not connected: no key is set"):
        call_command("probe_leadpro")


def test_a_wrong_base_url_stops_the_probe(sandbox: Sandbox, leadpro: Connection) -> None:
    leadpro.base_url += "/nothing"
    leadpro.save()
    with pytest.raises(CommandError, match="Check the base URL"):
        call_command("probe_leadpro")
    leadpro.refresh_from_db()
    assert leadpro.is_paused and leadpro.learnt("missing_lead") is None


def test_a_lead_pro_that_is_down_is_one_line(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.fault("status", times=None)
    with pytest.raises(CommandError, match=r"Nothing could be learnt.*fault on its side"):
        call_command("probe_leadpro")
