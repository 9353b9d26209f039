"""What may still arrive is waited for, also where its push was given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.models import Change, Lead, Push
from leads.sync import pushing, sweeping
from leads.sync.restoring import after_restore
from tests.sync.test_pushing import mirrored, update

pytestmark = pytest.mark.django_db
SETTLING = "Saved. An earlier change of this lead was given up while it may still arrive."


@pytest.fixture
def lead(leadpro, sandbox) -> Lead:
    return mirrored(leadpro, sandbox, address="1 Old Street", questionnaire=[])


def lose(leadpro, sandbox, lead, **changes) -> Push:
    """An update whose request got no answer, and whose effect is not to be seen yet."""
    push = update(lead, **changes)
    assert push is not None
    sandbox.fault("drop", method="PATCH")
    pushing.deliver_due(leadpro)
    push.refresh_from_db()
    assert (push.state, bool(push.plan)) == ("unclear", True)
    return push


def settle() -> None:
    Push.objects.update(safe_at=timezone.now(), due_at=timezone.now())


def test_a_change_after_a_discarded_one_waits_until_that_one_cannot_arrive_any_more(leadpro, sandbox, lead):
    first = lose(leadpro, sandbox, lead, address="2 Wrong Street")
    pushing.discard(first, "Grace", timezone.now())
    first.refresh_from_db()
    second = update(lead, address="3 Right Street")
    assert (second.due_at, second.problem_code) == (first.safe_at, "settling")
    assert second.problem.startswith(SETTLING)
    pushing.retry(second, "Grace", timezone.now())
    pushing.deliver_due(leadpro)
    pushing.deliver_push(second.pk)
    assert len(sandbox.requests("PATCH")) == 1
    assert not sweeping.has_work_for_pushes(leadpro, timezone.now())
    settle()
    pushing.deliver_due(leadpro)
    second.refresh_from_db()
    assert (second.state, second.problem, len(sandbox.requests("PATCH"))) == ("done", "", 2)
    assert [one["address"] for one in sandbox.leads] == ["3 Right Street"]


def test_a_change_beside_one_that_was_put_aside_unsettled_waits_too(leadpro, sandbox, lead):
    first = lose(leadpro, sandbox, lead, address="2 Wrong Street")
    Push.objects.filter(pk=first.pk).update(state="needs_attention", problem_code="bug")
    update(lead, address="3 Right Street")
    pushing.deliver_due(leadpro)
    assert len(sandbox.requests("PATCH")) == 1


def test_what_was_answered_is_not_waited_for(leadpro, sandbox, lead):
    first = lose(leadpro, sandbox, lead, address="2 Wrong Street")
    Push.objects.filter(pk=first.pk).update(plan={**first.plan, "clear": True})
    pushing.discard(first, "Grace", timezone.now())
    second = update(lead, address="3 Right Street")
    pushing.deliver_due(leadpro)
    second.refresh_from_db()
    assert (second.state, second.problem) == ("done", "")


def test_a_discarded_edit_over_one_on_its_way_shows_that_one_again(leadpro, sandbox, lead):
    lose(leadpro, sandbox, lead, address="2 First Street", questionnaire=[["Budget?", "300k"]])
    second = update(lead, address="3 Second Street", questionnaire=[["Garden?", "Yes"]])
    pushing.discard(second, "Grace", timezone.now())
    lead.refresh_from_db()
    assert (lead.address, lead.questionnaire) == ("2 First Street", [["Budget?", "300k"]])
    assert Change.objects.latest("pk").fields["address"] == ["3 Second Street", "2 First Street"]
    assert update(lead, address="3 Second Street") is not None


def test_while_answers_are_on_their_way_it_says_which_lead_pro_still_shows(leadpro, sandbox):
    lead = mirrored(leadpro, sandbox, questionnaire=[["Budget?", "300k"]])
    update(lead, questionnaire=[["Garden?", "Yes"]])
    lead.refresh_from_db()
    assert lead.questionnaire == [["Budget?", "300k"], ["Garden?", "Yes"]]
    assert lead.pending == {"questionnaire": [["Budget?", "300k"]]}


def test_after_a_restore_an_update_goes_out_once_what_was_sent_before_has_settled(leadpro, sandbox, lead):
    now = timezone.now()
    push = update(lead, questionnaire=[["Budget?", "300k"]])
    after_restore(now)
    push.refresh_from_db()
    assert (push.state, push.due_at) == ("waiting", now + timedelta(seconds=620))


def test_after_a_restore_what_was_planned_counts_from_then(leadpro, sandbox, lead):
    now = timezone.now() + timedelta(seconds=100)
    push = lose(leadpro, sandbox, lead, address="2 New Street")
    after_restore(now)
    push.refresh_from_db()
    safe_at = now + timedelta(seconds=620)
    assert (push.state, push.safe_at, push.plan["safe_at"]) == ("unclear", safe_at, safe_at.isoformat())
