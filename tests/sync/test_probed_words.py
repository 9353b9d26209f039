"""What a probe says of a Lead.pro that re-spells, mislabels or wraps what the documents show plain."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from integrations.errors import UnexpectedPayload
from integrations.sandbox import Sandbox
from leads.models import Connection
from leads.sync.probing import updating
from leads.sync.referencing import sync_reference
from tests.sync.probes import ask, mirror

pytestmark = pytest.mark.django_db(transaction=True)

NOT_JSON = "It is refused: labelled text/html, not as JSON."


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox shows at once what it took."""
    monkeypatch.setattr(updating, "PAUSES", (0.0, 0.05))


def test_names_that_are_only_respelt_are_not_called_emptied(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.set_readings(names_form="title", patch_needs_names=False)
    fact = ask(leadpro, write=True)["patch_needs_names"]
    assert (fact.found, fact.value) == ("no", False)


@pytest.mark.parametrize(("left", "verb"), [("", "emptied"), ("Unknown", "changed")])
def test_names_that_an_update_without_them_loses_are_told_and_put_back(
    sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch, left: str, verb: str
) -> None:
    sandbox.set_readings(patch_needs_names=False)
    change = sandbox.leadpro.change

    def lose_names(lead_id: int, changes: dict[str, Any], **how: Any) -> Any:
        names = {} if "first_name" in changes else {"first_name": left, "last_name": left}
        return change(lead_id, {**changes, **names}, **how)

    monkeypatch.setattr(sandbox.leadpro, "change", lose_names)
    fact = ask(leadpro, write=True)["patch_needs_names"]
    assert (fact.found, fact.value) == (f"yes: left out, they are {verb}", True)
    assert sandbox.leads[0]["first_name"] == "leadmirror"


@pytest.mark.parametrize(
    ("form", "effect", "warns"),
    [
        ("e164", "As spelt, then national, then +44 are asked for.", False),
        ("dashes", "No spelling that is asked for matches: new leads are found by e-mail only.", True),
    ],
)
def test_a_number_that_is_kept_otherwise_is_asked_for_as_it_is_shown(
    sandbox: Sandbox, leadpro: Connection, form: str, effect: str, warns: bool
) -> None:
    sandbox.set_readings(phone_form=form)
    facts = ask(leadpro, write=True)
    match, delay = facts["phone_match"], facts["lookup_delay"]
    assert (match.value, match.found) == ("exact", "exactly as shown, which is not as sent")
    assert (match.effect, match.is_warning) == (effect, warns)
    assert delay.found == f"within {delay.value:g} s"
    assert sandbox.leads[0]["phone"] in [entry.query.get("phone") for entry in sandbox.log]


@pytest.mark.parametrize(("patched", "said"), [("merge", "merged"), ("replace", "replaced")])
def test_meta_shown_as_text_is_read(sandbox: Sandbox, leadpro: Connection, patched: str, said: str) -> None:
    sandbox.set_readings(meta_form="text", patch_meta=patched)
    facts = ask(leadpro, write=True)
    assert (facts["patch_meta"].value, facts["patch_meta"].found) == (patched, said)
    assert facts["lookup_meta"].value is True


def test_meta_of_no_known_form_recognises_nothing(sandbox: Sandbox, leadpro: Connection) -> None:
    there = mirror(sandbox, leadpro)
    row = {"id": there, "first_name": "Ada", "meta": [{"key": "a", "value": "b"}]}
    sandbox.fault("wrong_shape", "GET", "/person/leads", skip=2, body=[row])
    fact = ask(leadpro)["lookup_meta"]
    assert (fact.value, fact.found, fact.is_warning) == (False, "in no form that is known", True)


@pytest.mark.parametrize("write", [False, True])
def test_a_refusal_that_comes_as_a_success_is_said(
    sandbox: Sandbox, leadpro: Connection, write: bool
) -> None:
    sandbox.set_readings(error_body="success_false", status_by="id", strict_progression=True)
    facts = ask(leadpro, write=write)
    fact = facts["error_body"]
    assert fact.found == "200 as if it were a success, message"
    assert fact.effect == "It counts as unclear: Lead.pro is asked before anything is sent again."
    assert fact.is_warning and fact.value == {"form": "message", "status": 200, "names_field": False}
    assert facts["missing_lead"].found == "200 as if it were a success, message"
    assert facts["lookup_path"].is_learnt
    if write:
        assert facts["patch_needs_names"].found == "yes (200 without)"
        assert (facts["status_by"].value, facts["patch_meta"].value) == ("id", "merge")


def test_data_that_is_not_labelled_as_json_is_said_to_be_refused(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    mirror(sandbox, leadpro)
    sandbox.fault("wrong_type", "GET", times=None)
    facts = ask(leadpro)
    for name in ("offices", "statuses_path", "statuses_form", "lookup_nobody", "lookup_form"):
        assert (facts[name].effect, facts[name].is_warning) == (NOT_JSON, True), name
    assert facts["missing_lead"].is_warning and facts["missing_lead"].effect.startswith("Not clear enough")
    for name in ("lookup_meta", "phone_match", "email_match"):
        assert not facts[name].is_learnt and facts[name].found == NOT_JSON
    assert leadpro.lookup_has_found is False
    with pytest.raises(UnexpectedPayload):
        sync_reference(leadpro)


def test_an_update_answered_with_no_json_is_said_to_be_unclear(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.fault("wrong_type", "PATCH", "*", times=None)
    fact = ask(leadpro, write=True)["patch_answer"]
    assert (fact.value, fact.effect) == (
        "echo",
        "Every update counts as unclear until the lead is read again.",
    )
    assert fact.is_warning


def test_what_an_earlier_probe_learnt_is_shown_as_kept(
    sandbox: Sandbox, leadpro: Connection, capsys: Any
) -> None:
    sandbox.set_readings(status_by="id")
    sync_reference(leadpro)
    ask(leadpro, write=True)
    leadpro.status_by = "id"
    leadpro.save()
    fact = ask(leadpro)["status_by"]
    assert (fact.is_learnt, fact.value, fact.effect) == (False, "id", "Sent by id, as set.")
    assert fact.kept.startswith("by id (from 20")
    assert fact.found == "It takes a test lead to see: --write."
    call_command("probe_leadpro")
    words = " ".join(capsys.readouterr().out.split())
    assert "kept: by id (from 20" in words
    assert words.endswith("learnt=12 kept=7 not_learnt=1")


def test_what_was_kept_before_there_were_words_is_shown_too(sandbox: Sandbox, leadpro: Connection) -> None:
    leadpro.capabilities = {
        "base_url": leadpro.base_url,
        "status_by": "id",
        "patch_needs_names": True,
        "lookup_delay": 4.0,
    }
    leadpro.save()
    facts = ask(leadpro)
    assert facts["patch_needs_names"].kept == "yes (from before)"
    assert facts["patch_needs_names"].effect == "It is gone by as learnt then."
    assert facts["status_by"].effect == "Sent by id instead of by name, until that setting is changed."
    assert facts["lookup_delay"].kept == "4.0 (from before)"
    assert not facts["patch_meta"].kept


def test_one_lead_in_a_wrapper_is_no_list(sandbox: Sandbox, leadpro: Connection) -> None:
    mirror(sandbox, leadpro)
    sandbox.set_readings(lookup_shape="data_when_one")
    assert ask(leadpro)["lookup_form"].found == "an object, wrapped, where there is one"
