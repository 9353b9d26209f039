"""A portal lead, pulled for real, goes where the rules send it: there once, under every fault, and never doubled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.models import Attempt, Connection, Forward, Lead, Push, Rule
from leads.sync import forwarding, pulling, pushing, rulemaking
from tests.faults.story import work
from tests.faults.test_handing import CLEAR
from tests.faults.test_wire import FAULTS, each
from tests.sync.avivs import sandbox_connection

pytestmark = pytest.mark.django_db
TO_LEADPRO = {"type": {"text": "sale"}, "source": {"text": "{portal}"}}


@pytest.fixture
def aviv(db, sandbox) -> Connection:
    return sandbox_connection(sandbox)


@pytest.fixture
def crm(db, sandbox) -> Connection:
    """AlterEstate, which makes another deal of everything it is sent twice."""
    sandbox.alterestate.readings.change(duplicates="allow")
    connection = Connection(
        remote="alterestate", name="CRM", base_url=sandbox.alterestate_url, requests_per_minute=6000
    )
    connection.set_secret(sandbox.alterestate_api_key)
    connection.save()
    return connection


def send_on(target: Connection, when: dict | None = None, mapping: dict | None = None) -> Rule:
    rule = Rule(
        name=f"to {target.name}",
        target=target,
        when={"origin": ["aviv"], **(when or {})},
        mapping=mapping or {},
        is_on=True,
    )
    return rulemaking.save_rule(rule, actor="tests", now=timezone.now())


def arrive(sandbox, aviv: Connection, **fields) -> Lead:
    """A lead that a portal delivers to AVIV, pulled from there and held against the rules."""
    person = {
        "firstName": "Ada",
        "lastName": "Example",
        "email": "ada@example.org",
        "phone": "+447700900123",
    }
    sandbox.add_aviv_lead(**{**person, **fields})
    pulling.pull(Connection.objects.get(pk=aviv.pk), timezone.now())
    forwarding.forward_news(timezone.now() + timedelta(seconds=20))
    return Lead.objects.get(origin="aviv")


def push_to(target: Connection) -> Push:
    return Push.objects.get(connection=target)


def assert_in_leadpro_once(sandbox, lead: Lead, push: Push) -> None:
    (remote,) = sandbox.leads
    (shown,) = sandbox.aviv_leads
    metadata = shown["metadata"]
    assert remote["meta"]["aviv_id"] == metadata["leadId"]
    assert remote["meta"]["portal"] == metadata["portal"]
    assert remote["meta"]["leadmirror"] == push.token
    lead.refresh_from_db()
    assert (lead.leadpro_id, lead.origin, Lead.objects.count()) == (remote["id"], "aviv", 1)


@each("to Lead.pro")
def test_an_aviv_lead_is_in_leadpro_once_under_every_fault(leadpro, aviv, sandbox, fault):
    send_on(leadpro, mapping=TO_LEADPRO)
    lead = arrive(sandbox, aviv)
    sandbox.fault(method="POST", path="/leads", remote="leadpro", **fault)
    push = work(push_to(leadpro))
    assert push.state == Push.DONE, push.problem
    forwarding.forward_news(timezone.now() + timedelta(seconds=20))
    assert Forward.objects.get().push == push
    assert_in_leadpro_once(sandbox, lead, push)


@each("to AlterEstate")
def test_an_aviv_lead_is_never_sent_to_alterestate_twice_by_itself(crm, aviv, sandbox, fault, request):
    send_on(crm)
    lead = arrive(sandbox, aviv)
    sandbox.fault(method="POST", path="/leads/", remote="alterestate", **fault)
    push = work(push_to(crm))
    is_clear = request.node.callspec.id in CLEAR
    sends = sandbox.requests("POST", "/leads/", remote="alterestate")
    assert len(sends) == (2 if is_clear else 1)
    assert Attempt.objects.filter(push=push).count() == len(sends)
    if is_clear:
        assert (push.state, len(sandbox.alterestate_deals)) == ("done", 1)
        return
    assert (push.state, push.problem_code, push.was_unclear) == ("needs_attention", "unclear", True)
    lead.refresh_from_db()
    assert lead.sync_state == "needs_attention"
    pushing.change_here(lead, {"message": "Encore"}, now=timezone.now())
    forwarding.forward_news(timezone.now() + timedelta(seconds=20))
    pushing.deliver_due(crm)
    assert len(sandbox.requests("POST", "/leads/", remote="alterestate")) == 1


def test_one_lead_goes_to_both_and_a_known_person_is_an_outcome_of_its_own(leadpro, crm, aviv, sandbox):
    sandbox.alterestate.readings.change(duplicates="refuse")
    sandbox.add_alterestate_contact("Ada Example", "+447700900123", "ada@example.org")
    send_on(leadpro, mapping=TO_LEADPRO)
    send_on(crm)
    lead = arrive(sandbox, aviv)
    work(push_to(leadpro))
    push = work(push_to(crm))
    assert push.state == Push.DUPLICATE
    assert push.remote_id == ""
    assert push.remote_reference.startswith("LOG")
    assert "already" in push.problem
    assert sandbox.alterestate_deals == []
    assert_in_leadpro_once(sandbox, lead, push_to(leadpro))
    assert {row.target for row in Forward.objects.all()} == {leadpro, crm}


def test_what_is_unclear_goes_again_by_itself_where_duplicates_are_refused(crm, aviv, sandbox):
    sandbox.alterestate.readings.change(duplicates="refuse")
    Connection.objects.filter(pk=crm.pk).update(options={"refuses_duplicates": True})
    send_on(crm)
    arrive(sandbox, aviv)
    sandbox.fault(method="POST", path="/leads/", remote="alterestate", **FAULTS["answer lost"])
    push = work(push_to(crm))
    assert push.state == Push.DUPLICATE
    assert len(sandbox.alterestate_contacts) == len(sandbox.alterestate_deals) == 1


def test_a_portal_lead_without_a_word_on_consent_is_not_one_with_consent(crm, aviv, sandbox):
    send_on(crm, {"consent": [True]})
    lead = arrive(sandbox, aviv)
    assert lead.gdpr_checkbox is None
    assert Forward.objects.count() == 0
    pushing.change_here(lead, {"gdpr_checkbox": False}, now=timezone.now())
    forwarding.forward_news(timezone.now() + timedelta(seconds=20))
    assert Forward.objects.count() == 0
    pushing.change_here(lead, {"gdpr_checkbox": True}, now=timezone.now())
    forwarding.forward_news(timezone.now() + timedelta(seconds=20))
    assert work(push_to(crm)).state == Push.DONE
