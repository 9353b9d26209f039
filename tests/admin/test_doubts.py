"""A new lead whose sending is in doubt: what a person is told, and the ways out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.models import Attempt, Connection, Push
from tests.admin.conftest import HOSTILE
from tests.admin.pages import text


@pytest.fixture
def aviv(db):
    return Connection.objects.create(remote="aviv", name="AVIV")


def stopped(lead, connection, kind, **values) -> Push:
    now = timezone.now()
    fields = {
        "state": "needs_attention",
        "payload": {"lastName": "Example"},
        "was_unclear": True,
        "problem_code": "unclear",
        "problem": "Sent to AVIV Seeker Leads, and no answer came.",
        "safe_at": now,
    }
    return Push.objects.create(
        lead=lead, connection=connection, kind=kind, created_at=now, due_at=now, **{**fields, **values}
    )


def page(client, push):
    return text(client.get(reverse("admin:leads_push_change", args=[push.pk])))


def press(client, name, push, **data):
    client.post(reverse(f"admin:leads_push_{name}", args=[push.pk]), data)
    push.refresh_from_db()
    return push.state


def test_where_nothing_can_be_looked_up_a_person_says_that_it_is_there(manager, mirror, aviv):
    push = stopped(mirror(), aviv, "submit")
    shown = page(manager, push)
    assert "Sent to AVIV Seeker Leads, and no answer came." in shown
    assert "Not there: send again" in shown
    assert "Try again" not in shown
    assert press(manager, "arrived", push, reference="seen 12") == "done"
    assert "Taken by AVIV Seeker Leads: seen 12." in page(manager, push)


def test_or_has_it_sent_again(manager, mirror, aviv, rung):
    push = stopped(mirror(), aviv, "submit")
    assert press(manager, "again", push) == "waiting"
    assert rung == [("leads.deliver_pushes", {"connection_id": aviv.pk})]


def test_what_may_still_arrive_is_not_sent_again(manager, mirror, aviv):
    push = stopped(mirror(), aviv, "submit", safe_at=timezone.now() + timedelta(minutes=5))
    assert press(manager, "again", push) == "needs_attention"


def test_a_create_in_doubt_can_be_pointed_at_or_sent_again(manager, mirror, account):
    push = stopped(mirror(), account, "create")
    shown = page(manager, push)
    assert "It is there:" in shown
    assert "Not there: send again" in shown
    assert press(manager, "found", push, leadpro_id="99999") == "unclear"


def test_a_duplicate_says_what_the_other_side_said(manager, mirror, aviv):
    push = stopped(mirror(), aviv, "submit", state="duplicate", problem="Already a contact there. Log LOG1.")
    assert "Already a contact there. Log LOG1." in page(manager, push)


def test_what_a_server_wrote_is_never_markup_here(manager, mirror, aviv):
    push = stopped(
        mirror(),
        aviv,
        "submit",
        state="duplicate",
        problem=HOSTILE,
        remote_id=HOSTILE,
        remote_reference=HOSTILE,
    )
    Attempt.objects.create(
        push=push,
        number=1,
        fence=1,
        started_at=push.created_at,
        ended_at=push.created_at,
        outcome="duplicate",
        excerpt=HOSTILE,
    )
    for name, args in (("leads_push_change", [push.pk]), ("leads_push_changelist", [])):
        shown = manager.get(reverse(f"admin:{name}", args=args)).content.decode()
        assert "alert(1)" in shown
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
