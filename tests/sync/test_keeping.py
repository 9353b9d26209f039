"""A create is unclear and discarded, people go on typing here, and then the lead turns up at Lead.pro after all."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Cause, Conflict, Lead, Push
from leads.sync import pushing
from leads.sync.storing import Seen, store
from tests.sync.test_push_decisions import lost_create
from tests.sync.test_pushing import create, deliver, update

pytestmark = pytest.mark.django_db


def discarded(leadpro, sandbox, **typed) -> tuple[Lead, Push]:
    """Its create is lost, in one account it did arrive; ``typed`` waits for it. Then the create is discarded."""
    push = lost_create(leadpro, sandbox, "drop_after")
    if typed:
        update(push.lead, **typed)
    pushing.discard(push, "Grace", timezone.now())
    return Lead.objects.get(pk=push.lead_id), push


def change_here(lead, **typed) -> None:
    pushing.change_here(lead, typed, actor="Grace", now=timezone.now())


def turns_up(leadpro, sandbox) -> dict:
    """A webhook's read shows the lead."""
    (remote,) = sandbox.leads
    store(leadpro, [Seen(remote, timezone.now())], Cause.WEBHOOK, now=timezone.now())
    return remote


def state_of(lead) -> tuple[str, dict]:
    lead.refresh_from_db()
    return lead.sync_state, lead.pending


def test_what_was_typed_after_the_discard_goes_to_leadpro(leadpro, sandbox):
    lead, _ = discarded(leadpro, sandbox)
    change_here(lead, advert_address="9 Drama Street", meta={"ref": "7"})
    remote = turns_up(leadpro, sandbox)
    assert state_of(lead) == ("pending", {"advert_address": "1 Drama Street", "meta": None})
    assert (lead.advert_address, lead.leadpro_id) == ("9 Drama Street", remote["id"])
    push = Push.objects.get(kind="update")
    assert (push.actor, push.edits["advert_address"]["base"]) == ("Grace", "1 Drama Street")
    deliver(leadpro)
    assert state_of(lead) == ("in_sync", {})
    there = sandbox.lead(remote["id"])
    assert (there["advert_address"], there["meta"]["ref"]) == ("9 Drama Street", "7")
    assert "leadmirror" in there["meta"]


def test_so_does_what_waited_for_the_create_and_was_ended_with_it(leadpro, sandbox):
    lead, _ = discarded(leadpro, sandbox, postcode="NG1 1AB", questionnaire=[["Budget?", "300k"]])
    remote = turns_up(leadpro, sandbox)
    deliver(leadpro)
    there = sandbox.lead(remote["id"])
    assert (there["postcode"], there["questionnaire"]) == ("NG1 1AB", [["Budget?", "300k"]])
    assert state_of(lead) == ("in_sync", {})


def test_what_both_sides_changed_meanwhile_waits_for_a_person(leadpro, sandbox):
    lead, _ = discarded(leadpro, sandbox, postcode="NG1 1AB")
    (remote,) = sandbox.leads
    sandbox.staff_edit(remote["id"], postcode="OX1 1AA")
    turns_up(leadpro, sandbox)
    deliver(leadpro)
    conflict = Conflict.objects.get(lead=lead)
    assert (conflict.base, conflict.mine, conflict.theirs) == (None, "NG1 1AB", "OX1 1AA")
    assert sandbox.lead(remote["id"])["postcode"] == "OX1 1AA"


def test_what_no_update_can_change_is_kept_beside_leadpros_value_until_a_person_has_seen_it(leadpro, sandbox):
    lead, _ = discarded(leadpro, sandbox)
    change_here(lead, phone="07700 900999")
    turns_up(leadpro, sandbox)
    assert state_of(lead) == ("needs_attention", {"phone": "07700 900123"})
    assert (lead.phone, lead.problem.split(".")[0]) == (
        "07700 900999",
        "Changed here after it was sent: phone",
    )
    push = Push.objects.get(kind="update")
    with pytest.raises(pushing.CannotPush, match="takes no change of phone"):
        pushing.resolve(push, {"phone": "mine"}, "Grace", timezone.now())
    pushing.resolve(push, {"phone": "theirs"}, "Grace", timezone.now())
    assert (state_of(lead), lead.phone) == (("in_sync", {}), "07700 900123")


def test_what_was_sent_otherwise_than_the_lead_has_it_was_typed_by_nobody(leadpro, sandbox):
    push = create(leadpro)
    Push.objects.update(payload={**push.payload, "advert_address": "2 Drama Street"})
    sandbox.fault("drop_after", method="POST", path="/leads")
    deliver(leadpro)
    push.refresh_from_db()
    pushing.discard(push, "Grace", timezone.now())
    turns_up(leadpro, sandbox)
    lead = Lead.objects.get()
    assert (state_of(lead), lead.advert_address) == (("in_sync", {}), "2 Drama Street")


@pytest.mark.parametrize("fault", ["drop_after", "drop"])
def test_handed_over_again_it_is_followed_by_what_was_typed_since(leadpro, sandbox, fault):
    push = lost_create(leadpro, sandbox, fault)
    pushing.discard(push, "Grace", timezone.now())
    lead = Lead.objects.get()
    change_here(lead, advert_address="9 Drama Street", phone="07700 900999")
    again = pushing.hand_over(lead, connection=leadpro, now=timezone.now())
    assert again.pk == push.pk
    if fault == "drop":
        Push.objects.filter(pk=push.pk).update(state="waiting")  # looked for, and settled as absent
    deliver(leadpro)
    deliver(leadpro)
    (remote,) = sandbox.leads
    assert (remote["advert_address"], remote["phone"]) == ("9 Drama Street", "07700 900123")
    assert state_of(lead) == ("needs_attention", {"phone": "07700 900123"})
    assert (lead.advert_address, lead.phone) == ("9 Drama Street", "07700 900999")
