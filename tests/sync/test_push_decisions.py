"""What a person decides about a push, and what becomes of the lead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.models import Change, Conflict, Lead, Push
from leads.sync import pushing
from leads.sync.pushing import CannotPush
from tests.sync.test_pushing import create, deliver, mirrored, update

pytestmark = pytest.mark.django_db


def now():
    return timezone.now()


def in_conflict(leadpro, sandbox, **edits) -> tuple[Lead, Push]:
    """A lead whose postcode both sides changed."""
    lead = mirrored(leadpro, sandbox, postcode="NG1 1AA")
    push = update(lead, postcode="NG1 1AB", **edits)
    assert push is not None
    sandbox.staff_edit(lead.leadpro_id, postcode="OX1 1AA")
    deliver(leadpro)
    push.refresh_from_db()
    lead.refresh_from_db()
    return lead, push


def lost_create(leadpro, sandbox, fault="drop") -> Push:
    push = create(leadpro)
    sandbox.fault(fault, method="POST", path="/leads")
    deliver(leadpro)
    push.refresh_from_db()
    assert push.state == "unclear"
    return push


def test_a_conflict_is_shown_and_nothing_is_overwritten(leadpro, sandbox):
    lead, push = in_conflict(leadpro, sandbox, status="Contacted")
    remote = sandbox.lead(lead.leadpro_id)
    assert (remote["postcode"], remote["status"]) == ("OX1 1AA", "Contacted")
    assert (push.state, push.problem_code, lead.sync_state) == (
        "needs_attention",
        "conflict",
        "needs_attention",
    )
    assert (lead.postcode, lead.status, lead.pending) == ("NG1 1AB", "Contacted", {"postcode": "OX1 1AA"})
    conflict = Conflict.objects.get(lead=lead)
    assert (conflict.field, conflict.base, conflict.mine, conflict.theirs) == (
        "postcode",
        "NG1 1AA",
        "NG1 1AB",
        "OX1 1AA",
    )


@pytest.mark.parametrize(
    ("choice", "expected", "decision"),
    [
        ("mine", "NG1 1AB", "mine"),
        ("theirs", "OX1 1AA", "theirs"),
        ({"value": "LS1 1AA"}, "LS1 1AA", "another"),
    ],
)
def test_a_conflict_is_decided_each_way(leadpro, sandbox, choice, expected, decision):
    lead, push = in_conflict(leadpro, sandbox)
    pushing.resolve(push, {"postcode": choice}, "Grace", now())
    deliver(leadpro)
    push.refresh_from_db()
    lead.refresh_from_db()
    assert (push.state, lead.postcode, lead.sync_state, lead.pending) == ("done", expected, "in_sync", {})
    assert sandbox.lead(lead.leadpro_id)["postcode"] == expected
    row = Conflict.objects.get(lead=lead)
    assert (row.decision, row.chosen, row.decided_by) == (decision, expected, "Grace")
    assert row.decided_at is not None


def test_a_decision_counts_on_the_newest_remote_value(leadpro, sandbox):
    lead, push = in_conflict(leadpro, sandbox)
    from leads.models import Cause
    from leads.sync import storing

    newer = sandbox.staff_edit(lead.leadpro_id, postcode="BA1 1AA")
    storing.store(leadpro, [storing.Seen(newer, now())], Cause.REFRESH, now=now())
    assert Conflict.objects.get(lead=lead).theirs == "BA1 1AA"
    pushing.resolve(push, {"postcode": "mine"}, "Grace", now())
    deliver(leadpro)
    push.refresh_from_db()
    assert push.state == "done"
    assert sandbox.lead(lead.leadpro_id)["postcode"] == "NG1 1AB"


def test_a_decision_over_a_value_that_has_moved_since_decides_nothing(leadpro, sandbox):
    from leads.models import Cause
    from leads.sync import storing

    lead, push = in_conflict(leadpro, sandbox)
    newer = sandbox.staff_edit(lead.leadpro_id, postcode="BA1 1AA")
    storing.store(leadpro, [storing.Seen(newer, now())], Cause.WEBHOOK, now=now())
    with pytest.raises(CannotPush, match="another postcode by now"):
        pushing.resolve(push, {"postcode": "mine"}, "Grace", now(), seen={"postcode": "OX1 1AA"})
    push.refresh_from_db()
    assert (push.edits["postcode"]["base"], Conflict.objects.get().decided_at) == ("NG1 1AA", None)
    pushing.resolve(push, {"postcode": "mine"}, "Grace", now(), seen={"postcode": "BA1 1AA"})
    push.refresh_from_db()
    assert push.edits["postcode"]["base"] == "BA1 1AA"


def test_a_decision_that_staff_overtake_opens_the_conflict_again(leadpro, sandbox):
    lead, push = in_conflict(leadpro, sandbox)
    pushing.resolve(push, {"postcode": "mine"}, "Grace", now())
    sandbox.staff_edit(lead.leadpro_id, postcode="LE1 1AA")
    deliver(leadpro)
    push.refresh_from_db()
    assert push.state == "needs_attention"
    assert Conflict.objects.get(lead=lead, decided_at__isnull=True).theirs == "LE1 1AA"


def test_typing_again_while_a_conflict_is_open_changes_our_side_of_it(leadpro, sandbox):
    lead, _ = in_conflict(leadpro, sandbox)
    assert update(lead, postcode="LS1 1AA") is None
    lead.refresh_from_db()
    assert (Conflict.objects.get(lead=lead).mine, lead.postcode) == ("LS1 1AA", "LS1 1AA")


def test_only_what_is_in_conflict_can_be_decided(leadpro, sandbox):
    _, push = in_conflict(leadpro, sandbox)
    with pytest.raises(CannotPush, match="status does not wait"):
        pushing.resolve(push, {"status": "mine"}, "Grace", now())
    with pytest.raises(CannotPush, match="choose between them"):
        pushing.retry(push, "Grace", now())


def test_a_discarded_update_puts_lead_pros_values_back_as_a_change(leadpro, sandbox):
    lead = mirrored(leadpro, sandbox)
    push = update(lead, status="Contacted", next_action_date=now())
    pushing.discard(push, "Grace", now())
    pushing.discard(push, "Grace", now())
    lead.refresh_from_db()
    assert (lead.status, lead.next_action_date, lead.sync_state, lead.pending) == ("New", None, "in_sync", {})
    back = [
        c.fields["status"] for c in Change.objects.filter(lead=lead).order_by("id") if "status" in c.fields
    ]
    assert back[-1] == ["Contacted", "New"]
    deliver(leadpro)
    assert sandbox.requests("PATCH", "*") == []


def test_a_discarded_edit_of_a_lead_that_is_not_made_yet_goes_back_to_what_stood_there(leadpro):
    create_push = create(leadpro)
    push = update(create_push.lead, first_name="Grace", status="Contacted")
    assert push is not None
    pushing.discard(push, "Grace", now())
    lead = Lead.objects.get(pk=create_push.lead_id)
    assert (lead.first_name, lead.status, lead.sync_state) == ("Ada", None, "pending")


def test_a_discarded_conflict_leaves_theirs(leadpro, sandbox):
    lead, push = in_conflict(leadpro, sandbox)
    pushing.discard(push, "Grace", now())
    lead.refresh_from_db()
    assert (lead.postcode, lead.sync_state) == ("OX1 1AA", "in_sync")
    assert Conflict.objects.get(lead=lead).decision == "theirs"


def test_a_discarded_create_leaves_the_lead_only_here(leadpro, sandbox):
    push = create(leadpro)
    later = update(push.lead, status="Contacted")
    pushing.discard(push, "Grace", now())
    later.refresh_from_db()
    lead = Lead.objects.get(pk=push.lead_id)
    assert (push.state, later.state, lead.sync_state, push.problem) == ("discarded", "discarded", "local", "")
    deliver(leadpro)
    assert sandbox.leads == []
    with pytest.raises(CannotPush, match="only here"):
        update(lead, address="1 Drama Street")


def test_discarding_what_may_exist_says_so(leadpro, sandbox):
    push = lost_create(leadpro, sandbox, "drop_after")
    pushing.discard(push, "Grace", now())
    lead = Lead.objects.get(pk=push.lead_id)
    assert push.problem.startswith("Discarded here. It was sent and never confirmed, so Lead.pro may have it")
    assert push.problem in lead.warnings
    assert lead.sync_state == "local"


def test_what_is_being_sent_cannot_be_discarded(leadpro):
    push = create(leadpro)
    Push.objects.filter(pk=push.pk).update(state="sending", lease_until=now() + timedelta(seconds=60))
    with pytest.raises(CannotPush, match="at this moment"):
        pushing.discard(push, "Grace", now())


def test_what_is_over_cannot_be_retried(leadpro, sandbox):
    push = create(leadpro)
    deliver(leadpro)
    for act in (pushing.retry, pushing.discard):
        with pytest.raises(CannotPush, match="it is done"):
            act(push, "Grace", now())


def test_it_is_there(leadpro, sandbox):
    push = lost_create(leadpro, sandbox)
    remote = sandbox.add_lead(hook=False)
    pushing.found(push, remote["id"], "Grace", now())
    deliver(leadpro)
    push.refresh_from_db()
    lead = Lead.objects.get(pk=push.lead_id)
    assert (push.state, push.remote_id, lead.leadpro_id, lead.sync_state) == (
        "done",
        str(remote["id"]),
        remote["id"],
        "in_sync",
    )
    assert len(sandbox.requests("POST", "*")) == 1


def test_it_is_not_there(leadpro, sandbox):
    push = lost_create(leadpro, sandbox)
    pushing.found(push, 999_999, "Grace", now())
    deliver(leadpro)
    push.refresh_from_db()
    assert (push.state, push.problem) == (
        "needs_attention",
        "Lead.pro has no lead #999999. Check the number, or try again to look for it.",
    )


def test_a_lead_that_is_here_already_cannot_be_pointed_at(leadpro, sandbox):
    other = mirrored(leadpro, sandbox)
    push = lost_create(leadpro, sandbox)
    with pytest.raises(CannotPush, match="is here already"):
        pushing.found(push, other.leadpro_id, "Grace", now())


def test_a_refused_create_goes_out_again_with_what_was_mended(leadpro, sandbox):
    push = create(leadpro, address="bad")
    sandbox.fault(
        "status", status=422, body={"field": "address", "message": "is invalid"}, method="POST", path="/leads"
    )
    deliver(leadpro)
    push.refresh_from_db()
    assert (push.state, push.problem_field) == ("needs_attention", "address")
    mended = update(push.lead, address="1 Drama Street")
    assert mended.pk == push.pk
    deliver(leadpro)
    (remote,) = sandbox.leads
    assert remote["address"] == "1 Drama Street"


def test_a_webhook_that_overtakes_our_own_answer_makes_no_second_lead(leadpro, sandbox, monkeypatch):
    from leads.models import Cause
    from leads.sync import storing
    from leads.sync.delivering import creating

    push = create(leadpro)
    later = update(push.lead, status="Contacted")

    def overtake(name):
        if name == "create:after_send":
            (remote,) = sandbox.leads
            storing.store(leadpro, [storing.Seen(remote, now())], Cause.WEBHOOK, now=now())

    monkeypatch.setattr(creating, "crashpoint", overtake)
    deliver(leadpro)
    push.refresh_from_db()
    later.refresh_from_db()
    (remote,) = sandbox.leads
    assert Lead.objects.count() == 1
    assert (push.state, push.remote_id, later.state) == ("done", str(remote["id"]), "done")
    assert remote["status"] == "Contacted"
