"""What a probe has learnt is what the engine goes by."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Connection, Lane, Push
from leads.remotes import open_leadpro
from leads.sync import pushing
from leads.sync.delivering.driver import make_rules
from leads.sync.probing import updating
from leads.sync.referencing import sync_reference
from tests.sync.probes import ask, mirror

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox shows at once what it took."""
    monkeypatch.setattr(updating, "PAUSES", (0.0, 0.05))


def test_a_statuses_path_that_works_is_used_until_the_setting_changes(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    sandbox.set_readings(statuses_path="/lead-statuses")
    sync_reference(leadpro)
    ask(leadpro)
    assert leadpro.reference_synced_at is None
    assert sync_reference(leadpro) == (7, 14)
    leadpro.statuses_path = "/status"
    assert leadpro.setting_in_use("statuses_path") == "/status"


def test_none_of_the_likely_statuses_paths_is_said(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.set_readings(statuses_path="/somewhere/else")
    fact = ask(leadpro)["statuses_path"]
    assert not fact.is_learnt
    assert "/lead-statuses" in fact.found
    assert not leadpro.is_paused


def test_a_configured_path_that_is_no_guess_of_ours_is_asked_first(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    sandbox.set_readings(statuses_path="/somewhere/else")
    leadpro.statuses_path = "somewhere/else"
    leadpro.save()
    assert ask(leadpro)["statuses_path"].value == "/somewhere/else"
    assert leadpro.learnt("instead") == {}


def test_a_refused_guess_pauses_nothing(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.set_readings(statuses_path="/lead-statuses")
    sandbox.fault("status", "GET", "/statuses", status=403, body={"message": "Missing Authentication Token"})
    assert ask(leadpro)["statuses_path"].value == "/lead-statuses"
    assert not leadpro.is_paused


def test_404_counts_as_nobody_once_the_look_up_is_known_to_be_there(
    sandbox: Sandbox, leadpro: Connection
) -> None:
    sandbox.set_readings(lookup_nobody="404")
    assert make_rules(leadpro).lookup_has_found() is False
    ask(leadpro)
    assert leadpro.lookup_has_found is False
    assert make_rules(leadpro).lookup_has_found() is True


def test_404_proves_nothing_where_every_look_up_is_a_404(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.fault("status", "GET", "/person/leads", times=None, status=404, body={"message": "Not Found"})
    facts = ask(leadpro)
    assert facts["lookup_nobody"].value == "404"
    assert "proves nothing" in facts["lookup_path"].found
    assert make_rules(leadpro).lookup_has_found() is False


def test_an_empty_object_is_nobody_once_that_is_learnt(sandbox: Sandbox, leadpro: Connection) -> None:
    sandbox.set_readings(lookup_nobody="object")
    ask(leadpro)
    remote = open_leadpro(leadpro, Lane.PERSON)
    assert remote.find_leads(email="nobody@example.org").data == []


def test_pages_are_a_warning(sandbox: Sandbox, leadpro: Connection) -> None:
    mirror(sandbox, leadpro)
    sandbox.set_readings(lookup_shape="paginated")
    fact = ask(leadpro)["lookup_form"]
    assert fact.is_warning and "pages" in fact.found


def make_unclear(leadpro: Connection, settings: Any) -> Push:
    """A create whose answer was lost, and whose settle time is over when it is looked for."""
    settings.PUSH_SEND_WINDOW_SECONDS, settings.PUSH_SETTLE_SECONDS = 0.5, 0.0
    values = {"first_name": "Ada", "last_name": "Example", "email": "ada@example.org", "type": "sale"}
    values["phone"] = "07700900123"
    push = pushing.request_create(values, connection=leadpro, now=timezone.now())
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert push.state == Push.UNCLEAR
    while timezone.now() <= push.safe_at:
        time.sleep(0.05)
    pushing.deliver_push(push.pk)
    push.refresh_from_db()
    return push


def test_a_lead_shown_without_meta_may_be_ours_and_nothing_is_sent_again(
    sandbox: Sandbox, leadpro: Connection, settings: Any
) -> None:
    sandbox.fault("drop_after", "POST", "/leads")
    sandbox.fault("wrong_shape", "GET", "/person/leads", times=None, body=[{"id": 77, "first_name": "Ada"}])
    assert make_unclear(leadpro, settings).state == Push.UNCLEAR
    assert len(sandbox.requests("POST")) == 1


@pytest.mark.parametrize("is_learnt", [True, False])
def test_a_look_up_known_to_hide_children_proves_no_absence(
    sandbox: Sandbox, leadpro: Connection, settings: Any, is_learnt: bool
) -> None:
    if is_learnt:
        leadpro.capabilities = {"base_url": leadpro.base_url, "lookup_children": False}
        leadpro.save()
    sandbox.fault("drop", "POST", "/leads")
    assert make_unclear(leadpro, settings).state == (Push.UNCLEAR if is_learnt else Push.WAITING)
