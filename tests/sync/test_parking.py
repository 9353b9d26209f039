"""A lead that a rule wants to send and the other side would refuse is kept for people to see, and goes once mended."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Cause, Change, Connection, Forward, Lead, Push
from leads.sync import forwarding, pushing, rulemaking
from tests.sync.avivs import NOON, connection, lead_object, read
from tests.sync.test_forwarding import SOON, make_connection, make_rule

pytestmark = pytest.mark.django_db
WORDS = (
    "AlterEstate would refuse this lead. phone: This field is required, and the lead has none."
    " Mend the field, or the rule: it goes out by itself then."
)


@pytest.fixture
def target() -> Connection:
    return make_connection("CRM", "alterestate")


@pytest.fixture
def aviv() -> Connection:
    return connection()


def arrive(aviv: Connection, **contact) -> Lead:
    """A portal lead as a pull stores it, and what the rules make of it."""
    read(aviv, [lead_object(1, **contact)])
    lead = Lead.objects.get()
    Lead.objects.update(first_seen_at=timezone.now(), listed_at=timezone.now())
    forward()
    return lead


def forward():
    return forwarding.forward_news(timezone.now() + SOON)


def mend(lead: Lead, **changes):
    return pushing.change_here(lead, changes, actor="Grace", now=timezone.now())


def test_it_is_parked_once_with_the_field_and_what_to_do(aviv, target):
    make_rule(target, {"origin": ["aviv"]})
    lead = arrive(aviv, phoneNumbers=[])
    push = Push.objects.get()
    assert (push.state, push.problem_code, push.problem_field) == ("needs_attention", "unfit", "phone")
    assert (push.problem, push.payload, push.actor) == (WORDS, {}, "rule: to CRM")
    lead.refresh_from_db()
    assert (lead.sync_state, lead.problem) == ("needs_attention", WORDS)
    row = Forward.objects.get()
    assert (row.state, row.push) == ("stopped", push)
    assert forward() == (0, 0)
    mend(lead, message="Bonsoir")
    forward()
    assert (Push.objects.get().pk, Push.objects.get().problem_field) == (push.pk, "phone")


def test_it_is_never_sent_as_it_is(aviv, target):
    make_rule(target, {"origin": ["aviv"]})
    arrive(aviv, phoneNumbers=[])
    push, now = Push.objects.get(), timezone.now()
    with pytest.raises(pushing.CannotPush, match="it goes out by itself then"):
        pushing.retry(push, "Grace", now)
    for decide in (pushing.send_again, lambda *a: pushing.found(push, 5, *a[1:])):
        with pytest.raises(pushing.CannotPush):
            decide(push, "Grace", now)
    assert not Push.objects.due(now).exists()
    assert Push.objects.get().state == "needs_attention"


def test_mended_here_it_goes_out_as_the_same_push(aviv, target):
    make_rule(target, {"origin": ["aviv"]}, mapping={"form_name": {"text": "{portal}"}})
    lead = arrive(aviv, phoneNumbers=[])
    parked = Push.objects.get()
    assert mend(lead, phone="+33639980123") is True
    assert mend(lead, phone="+33639980123") is False
    forward()
    push = Push.objects.get()
    assert (push.pk, push.state, push.problem, push.problem_code) == (parked.pk, "waiting", "", "")
    assert (push.payload["phone"], push.payload["form_name"]) == ("+33639980123", "SLG-FRA")
    assert Forward.objects.get().state == "handed"
    change = Change.objects.order_by("pk").last()
    assert (change.cause, change.actor, change.fields) == (
        Cause.USER,
        "Grace",
        {"phone": [None, "+33639980123"]},
    )


def test_a_rule_that_is_mended_sends_it_too(aviv, target):
    rule = make_rule(target, {"origin": ["aviv"]})
    arrive(aviv, phoneNumbers=[])
    rule.mapping = {"phone": {"text": "{phone}", "missing": "unknown"}}
    rulemaking.save_rule(rule, actor="Grace", now=timezone.now())
    forward()
    assert (Push.objects.get().state, Push.objects.get().payload["phone"]) == ("waiting", "unknown")


def test_discarded_it_stays_discarded(aviv, target):
    make_rule(target, {"origin": ["aviv"]})
    lead = arrive(aviv, phoneNumbers=[])
    pushing.discard(Push.objects.get(), "Grace", timezone.now())
    mend(lead, phone="+33639980123")
    forward()
    assert (Push.objects.get().state, Forward.objects.get().state) == ("discarded", "stopped")
    lead.refresh_from_db()
    assert lead.sync_state == "local"


def test_a_person_who_hands_it_over_takes_the_parked_one_up(aviv, target):
    make_rule(target, {"origin": ["aviv"]})
    lead = arrive(aviv, phoneNumbers=[])
    push = pushing.hand_over(lead, connection=target, fields={"phone": "+33639980123"}, now=timezone.now())
    assert (Push.objects.get().pk, push.state) == (push.pk, "waiting")
    mend(lead, phone="+33639980199")
    forward()
    assert Push.objects.get().payload["phone"] == "+33639980123"
    assert Forward.objects.get().state == "handed"


def test_what_a_rule_stops_as_too_long_is_parked_as_well(aviv, target):
    mapping = {"notes": {"text": "{message}", "limit": 5, "long": "stop"}}
    make_rule(target, {"origin": ["aviv"]}, mapping=mapping)
    arrive(aviv, message="far too long")
    assert (Push.objects.get().problem_code, Push.objects.get().problem_field) == ("unfit", "notes")


def test_a_parked_one_whose_rule_goes_elsewhere_is_discarded(aviv, target):
    rule = make_rule(target, {"origin": ["aviv"]})
    arrive(aviv, phoneNumbers=[])
    rule.target = make_connection("Other", "alterestate")
    rulemaking.save_rule(rule, actor="Grace", now=timezone.now())
    forward()
    assert Push.objects.get(connection=target).state == "discarded"


def test_a_lead_parked_on_its_way_to_leadpro_is_mended_here(aviv):
    brand = make_connection("Brand")
    make_rule(brand, {"origin": ["aviv"]}, mapping={"type": {"text": "{type}", "missing": "sale"}})
    lead = arrive(aviv, phoneNumbers=[], firstName=None)
    assert Push.objects.get().problem_field == "first_name"
    assert pushing.is_only_here(lead)
    mend(lead, first_name="Ada", phone="+33639980123")
    forward()
    push = Push.objects.get()
    assert (push.kind, push.state, push.payload["type"], push.payload["first_name"]) == (
        "create",
        "waiting",
        "sale",
        "Ada",
    )
    assert not pushing.is_only_here(lead)
    assert Lead.objects.get().full_name == "Ada Example1"
    with pytest.raises(pushing.CannotPush, match="Lead.pro has got this lead meanwhile"):
        mend(lead, phone="1")


def test_what_was_mended_here_outlives_the_next_pull(aviv):
    read(aviv, [lead_object(1, phoneNumbers=[])])
    mend(Lead.objects.get(), phone="+33639980123", last_name="Mended")
    read(aviv, [lead_object(1, phoneNumbers=[], message="Autre")], NOON.replace(hour=13))
    lead = Lead.objects.get()
    assert (lead.phone, lead.last_name, lead.message) == ("+33639980123", "Mended", "Autre")
