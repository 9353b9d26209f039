from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from leads.models import Conflict, Copy, Lead, Push
from leads.sync import pushing
from tests.admin.pages import list_of, messages_of, page_of, text


@pytest.fixture
def lead(mirror):
    return mirror()


@pytest.fixture
def push(lead, account):
    pushing.request_update(lead, {"status": "Contacted"}, actor="somebody", now=timezone.now())
    Push.objects.update(state="needs_attention", problem="Lead.pro refused: status.", problem_code="refused")
    return Push.objects.get()


@pytest.fixture
def conflict(lead, push):
    Copy.objects.update(raw={**Copy.objects.get().raw, "status": "Lost"})
    return Conflict.objects.create(
        lead=lead,
        push=push,
        field="status",
        base="New",
        mine="Contacted",
        theirs="Lost",
        opened_at=timezone.now(),
    )


def press(client, name, pk, **data):
    return client.post(reverse(f"admin:leads_{name}", args=[pk]), data, follow=True)


def test_a_push_is_tried_again(manager, push, rung, account):
    press(manager, "push_retry", push.pk)
    push.refresh_from_db()
    assert push.state == "waiting"
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]


def test_a_discarded_update_gives_the_old_value_back(manager, push, lead):
    answer = press(manager, "push_discard", push.pk, back="lead")
    assert answer.redirect_chain[-1][0] == page_of(lead)
    push.refresh_from_db()
    assert push.state == "discarded"
    assert Lead.objects.get().status == "New"


def test_what_the_state_does_not_allow_is_said_in_words(manager, push):
    Push.objects.update(state="done", remote_id="18376")
    answer = press(manager, "push_retry", push.pk)
    assert len(messages_of(answer)) == 1
    assert Push.objects.get().state == "done"


def test_pushes_are_retried_together(manager, push):
    data = {"action": "retry_selected", "_selected_action": [push.pk], "index": "0"}
    answer = manager.post(list_of("push"), data, follow=True)
    assert messages_of(answer) == ["1 push to be tried again."]
    assert Push.objects.get().state == "waiting"


def test_a_lead_pro_id_that_is_no_number_is_refused(manager, push):
    answer = press(manager, "push_found", push.pk, leadpro_id="<b>1</b>")
    assert messages_of(answer) == ["A Lead.pro id is a number."]


def test_a_conflict_shows_both_sides_and_before(manager, conflict, lead):
    page = text(manager.get(page_of(lead)))
    for words in ("Keep mine", "Take theirs", "Another value", "Contacted", "Lost"):
        assert words in page
    assert "Lost" in text(manager.get(list_of("conflict")))


@pytest.mark.parametrize(
    ("choice", "value", "status"),
    [("mine", "", "Contacted"), ("theirs", "", "Lost"), ("value", "New", "New")],
)
def test_a_person_decides(manager, conflict, choice, value, status):
    press(manager, "conflict_resolve", conflict.pk, choice=choice, value=value, theirs='"Lost"')
    conflict.refresh_from_db()
    assert conflict.decided_at is not None
    assert Lead.objects.get().status == status


def test_another_value_is_checked_as_in_the_form(manager, conflict):
    data = {"choice": "value", "value": "No such status", "theirs": '"Lost"'}
    answer = press(manager, "conflict_resolve", conflict.pk, **data)
    assert "Status:" in messages_of(answer)[0]
    conflict.refresh_from_db()
    assert conflict.decided_at is None


def seen_on(page) -> str:
    """What the card sends back of Lead.pro's value."""
    (row,) = page.context["conflict_rows"]
    assert text(page).count(f'name="theirs" value="{escape(row["seen"])}"') == 3
    return row["seen"]


@pytest.mark.parametrize("choice", ["mine", "theirs", "value"])
def test_nobody_decides_over_a_value_that_they_were_not_shown(manager, conflict, lead, choice):
    seen = seen_on(manager.get(page_of(lead)))
    assert json.loads(seen) == "Lost"
    Copy.objects.update(raw={**Copy.objects.get().raw, "status": "Sold"})
    data = {"choice": choice, "value": "New", "theirs": seen}
    answer = press(manager, "conflict_resolve", conflict.pk, **data)
    assert messages_of(answer) == [
        "Lead.pro shows another status by now. Nothing was decided: look at both values and choose again."
    ]
    conflict.refresh_from_db()
    assert (conflict.decided_at, Push.objects.get().edits["status"]["base"]) == (None, "New")
    press(manager, "conflict_resolve", conflict.pk, **data | {"theirs": seen_on(answer)})
    conflict.refresh_from_db()
    assert (conflict.decided_at is None, conflict.theirs) == (False, "Sold")


def test_a_page_that_does_not_say_what_it_showed_decides_nothing(manager, conflict):
    press(manager, "conflict_resolve", conflict.pk, choice="mine")
    conflict.refresh_from_db()
    assert conflict.decided_at is None


def test_what_lead_pro_takes_no_change_of_can_only_be_taken(manager, conflict, lead):
    Conflict.objects.update(field="phone", mine="07700 900999", theirs="07700 900123")
    Copy.objects.update(raw={**Copy.objects.get().raw, "phone": "07700 900123"})
    page = text(manager.get(page_of(lead)))
    assert ("Keep mine" in page, "Another value" in page, "Take theirs" in page) == (False, False, True)
