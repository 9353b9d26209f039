"""A push whose body was never written, or was erased with its person, is never sent as nothing."""

from __future__ import annotations

import pytest
from django.db import transaction

from integrations.problems import Problem
from integrations.verdicts import Submitted
from leads.models import Copy, Erasure, Lead, Push
from leads.sync import erasing, pushing
from leads.sync.restoring import after_restore
from tests.sync.test_handing import AVIV_FIELDS, aviv, deliver, now, portal_lead
from tests.sync.test_submitting import alterestate, made_here, remote

__all__ = ["alterestate", "aviv", "remote"]
pytestmark = pytest.mark.django_db


def parked(lead, connection) -> Push:
    missing = Problem("phone", "required", "This field is required.")
    return pushing.park(lead, connection=connection, problems=[missing], now=now())


def emptied(lead, connection, **fields) -> Push:
    """In doubt, stopped, and nothing left of what was sent."""
    push = pushing.hand_over(lead, connection=connection, fields=fields, now=now())
    Push.objects.filter(pk=push.pk).update(
        state="needs_attention", problem_code="unclear", was_unclear=True, payload={}
    )
    push.refresh_from_db()
    return push


def test_what_was_never_sent_stays_parked_through_a_restore(leadpro, alterestate, remote):
    lead = made_here(leadpro)
    push = parked(lead, alterestate)
    after_restore(now())
    push.refresh_from_db()
    assert (push.is_parked, push.was_unclear) == (True, False)
    remote.answers = [Submitted("LOG1", "deal-2")]
    pushing.hand_over(lead, connection=alterestate, now=now())
    deliver(alterestate)
    (payload,) = remote.taken
    assert payload["full_name"] == "Ada Example"


def test_sent_again_without_a_body_it_goes_out_as_the_lead_is_now(leadpro, alterestate, remote):
    push = emptied(made_here(leadpro), alterestate)
    remote.answers = [Submitted("LOG1", "deal-2")]
    pushing.send_again(push, "Grace", now())
    deliver(alterestate)
    push.refresh_from_db()
    (payload,) = remote.taken
    assert (push.state, payload["full_name"], payload["phone"]) == ("done", "Ada Example", "+447700900123")


def test_or_is_refused_where_the_remote_would_refuse_that(leadpro, aviv, remote):
    push = emptied(made_here(leadpro), aviv, **AVIV_FIELDS)
    with pytest.raises(pushing.CannotPush, match="as it is now would be refused. classified_id: "):
        pushing.send_again(push, "Grace", now())
    push.refresh_from_db()
    assert (push.state, push.payload) == ("needs_attention", {})


@pytest.mark.parametrize("account", ["leadpro", "alterestate"])
def test_nothing_is_tried_again_and_a_person_is_told_what_to_do(leadpro, alterestate, account):
    push = emptied(made_here(leadpro), alterestate)
    if account == "leadpro":
        Push.objects.filter(pk=push.pk).update(kind="create")
    with pytest.raises(pushing.CannotPush, match="not kept here any more.*send again"):
        pushing.retry(push, "Grace", now())


def test_a_person_erased_after_a_send_in_doubt_is_not_taken_up_as_nothing(aviv, leadpro):
    lead = portal_lead(aviv)
    push = pushing.hand_over(lead, connection=leadpro, now=now())
    Push.objects.update(state="unclear", was_unclear=True)
    pushing.discard(push, "Grace", now())
    with transaction.atomic():
        erasing.erase_copies(aviv, [Copy.objects.get().pk], Erasure.REMOTE, now())
    lead = Lead.objects.get()
    with pytest.raises(
        pushing.CannotPush, match="What was sent to Lead.pro before is not kept here any more"
    ):
        pushing.hand_over(lead, connection=leadpro, now=now())
    push.refresh_from_db()
    assert (push.state, push.payload) == ("discarded", {})
