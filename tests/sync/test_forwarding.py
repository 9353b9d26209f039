"""Leads go on by rule: once per connection, never back, whatever happens to the rules meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads import tasks
from leads.models import Cause, Connection, Forward, Lead, Push, Rule
from leads.sync import forwarding, rulemaking
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=20)
MADE_AT = timezone.now().isoformat()


def make_connection(name, remote="leadpro"):
    connection = Connection(remote=remote, name=name, base_url="http://127.0.0.1:9")
    connection.set_secret("invented")
    connection.save()
    return connection


def make_rule(target, when=None, is_on=True, **terms):
    rule = Rule(name=f"to {target.name}", target=target, when=when or {}, is_on=is_on, **terms)
    return rulemaking.save_rule(rule, actor="tests", now=timezone.now())


def arrive(connection, leadpro_id, **fields):
    fields.setdefault("created_at", MADE_AT)
    store(
        connection,
        [Seen(lead_object(leadpro_id, **fields), timezone.now())],
        Cause.REFRESH,
        now=timezone.now(),
    )
    return Lead.objects.get(copies__connection=connection, copies__remote_id=str(leadpro_id))


def forward():
    return forwarding.forward_news(timezone.now() + SOON)


@pytest.fixture
def brand():
    return make_connection("Brand A")


@pytest.fixture
def other():
    return make_connection("Brand B")


def creates(connection):
    return Push.objects.filter(connection=connection).exclude(kind=Push.UPDATE)


def test_a_lead_that_fits_is_handed_over_once(brand, other):
    make_rule(other, {"connection": [brand.pk], "type": ["vendor"]})
    lead = arrive(brand, 1, type="vendor")
    arrive(brand, 2, type="sale")
    assert forward() == (1, 1)
    assert forward() == (0, 0)
    push = creates(other).get()
    assert (push.lead_id, push.state, push.actor) == (lead.pk, Push.WAITING, "rule: to Brand B")
    assert Forward.objects.get().push_id == push.pk


def test_leads_from_before_the_rule_stay(brand, other):
    arrive(brand, 1)
    make_rule(other, {"connection": [brand.pk]})
    arrive(brand, 1, status="Contacted")
    assert forward() == (0, 0)


def test_history_that_is_read_later_stays(brand, other):
    make_rule(other, {"connection": [brand.pk]})
    old = timezone.now() - timedelta(days=3)
    arrive(brand, 1, created_at=old.isoformat())
    assert forward() == (0, 0)


def test_a_lead_that_comes_to_fit_later_goes_then(brand, other):
    make_rule(other, {"connection": [brand.pk], "consent": [True]})
    arrive(brand, 1, gdpr_checkbox=None)
    assert forward() == (0, 0)
    arrive(brand, 1, gdpr_checkbox=False)
    assert forward() == (0, 0)
    arrive(brand, 1, gdpr_checkbox=True)
    assert forward() == (1, 1)


def test_the_first_rule_that_fits_decides(brand, other):
    make_rule(other, {"connection": [brand.pk]}, position=20, mapping={"message": {"text": "second"}})
    make_rule(
        other,
        {"connection": [brand.pk], "type": ["vendor"]},
        position=10,
        mapping={"message": {"text": "first"}},
    )
    arrive(brand, 1, type="vendor")
    arrive(brand, 2, type="sale")
    forward()
    assert [push.payload["message"] for push in creates(other).order_by("lead_id")] == ["first", "second"]


def test_a_delayed_forward_waits_and_is_held_while_its_rule_is_off(brand, other):
    rule = make_rule(other, {"connection": [brand.pk]}, delay_minutes=30)
    arrive(brand, 1)
    assert forward() == (1, 0)
    rule.is_on = False
    rulemaking.save_rule(rule, actor="tests", now=timezone.now())
    Forward.objects.update(due_at=timezone.now())
    assert forward() == (0, 0)
    rule.is_on = True
    rulemaking.save_rule(rule, actor="tests", now=timezone.now())
    assert forward() == (0, 1)


def test_what_came_while_a_rule_was_off_is_counted_and_can_be_sent_on(brand, other):
    rule = make_rule(other, {"connection": [brand.pk]})
    rule.is_on = False
    rulemaking.save_rule(rule, actor="tests", now=timezone.now())
    arrive(brand, 1)
    rule.is_on = True
    rulemaking.save_rule(rule, actor="tests", now=timezone.now())
    assert forward() == (0, 0)
    assert rulemaking.count_missed(rule) == 1
    assert rulemaking.forward_missed(rule, now=timezone.now()) == 1
    assert rulemaking.forward_missed(rule, now=timezone.now()) == 0
    assert forward() == (0, 1)
    assert creates(other).count() == 1


def test_every_change_of_a_rule_is_a_version(brand, other):
    rule = make_rule(other, {"connection": [brand.pk]})
    rule.when = {"connection": [brand.pk], "type": ["vendor"]}
    rulemaking.save_rule(rule, actor="Ada", now=timezone.now())
    rulemaking.save_rule(rule, actor="Ada", now=timezone.now())
    assert [(v.version, v.actor, v.terms["when"]) for v in rule.versions.all()] == [
        (2, "Ada", {"connection": [brand.pk], "type": ["vendor"]}),
        (1, "tests", {"connection": [brand.pk]}),
    ]


def test_a_rule_back_to_where_leads_come_from_is_refused(brand):
    with pytest.raises(rulemaking.RuleRefused) as refused:
        make_rule(brand, {"connection": [brand.pk]})
    assert refused.value.field == "target"
    assert str(refused.value) == (
        "These leads come from this very connection; they cannot go back there. Choose another one."
    )
    assert Rule.objects.count() == 0


def test_a_circle_of_rules_is_refused_and_named(brand, other):
    make_rule(other, {"connection": [brand.pk]})
    with pytest.raises(rulemaking.RuleRefused) as refused:
        make_rule(brand, {"connection": [other.pk]})
    assert "to Brand A → to Brand B" in str(refused.value)
    off = make_rule(brand, {"connection": [other.pk]}, is_on=False)
    off.is_on = True
    with pytest.raises(rulemaking.RuleRefused):
        rulemaking.save_rule(off, actor="tests", now=timezone.now())


def test_a_dry_run_counts_and_writes_nothing(brand, other):
    for number in range(1, 6):
        arrive(brand, number, type="vendor" if number < 4 else "sale")
    rule = Rule(
        name="try",
        target=other,
        when={"type": ["vendor"]},
        mapping={"message": {"text": "{source}", "limit": 3, "long": "stop"}},
    )
    result = rulemaking.dry_run(rule, now=timezone.now())
    assert (result.total, result.would_go, result.stopped) == (5, 0, 3)
    assert result.problems == {"message: At most 3 characters are taken here; this has 9.": 3}
    rule.mapping = {}
    assert rulemaking.dry_run(rule, now=timezone.now()).would_go == 3
    assert Forward.objects.count() == Push.objects.count() == 0


def test_a_forward_that_cannot_go_stops_with_a_reason_and_goes_when_the_lead_is_mended(brand, other):
    mapping = {"message": {"text": "{message}", "limit": 10, "long": "stop"}}
    make_rule(other, {"connection": [brand.pk]}, mapping=mapping)
    arrive(brand, 1, message="far too long a message")
    assert forward() == (1, 1)
    stopped = Forward.objects.get()
    assert (stopped.state, stopped.problem) == (
        Forward.STOPPED,
        "message: At most 10 characters are taken here; this has 22.",
    )
    arrive(brand, 1, message="short")
    forward()
    assert Forward.objects.get().state == Forward.HANDED
    assert creates(other).get().payload["message"] == "short"


def test_a_failure_of_our_own_over_one_lead_holds_no_other(brand, other, monkeypatch):
    make_rule(other, {"connection": [brand.pk]})
    bad, good = arrive(brand, 1), arrive(brand, 2)
    shape_for = forwarding.shape_for

    def stumble(rule, facts):
        if facts.lead_id == bad.pk:
            raise ValueError("a fault of ours")
        return shape_for(rule, facts)

    monkeypatch.setattr(forwarding, "shape_for", stumble)
    forward()
    assert creates(other).get().lead_id == good.pk
    held = Forward.objects.get(lead=bad)
    assert held.state == Forward.WAITING
    assert held.problem.endswith(f"it is tried again; tell support: forward {held.pk}.")
    monkeypatch.undo()
    Forward.objects.update(due_at=timezone.now())
    forward()
    held.refresh_from_db()
    assert (held.state, held.problem) == (Forward.HANDED, "")


def test_what_had_come_unread_when_a_rule_was_switched_off_counts_as_missed(brand, other):
    rule = make_rule(other, {"connection": [brand.pk]})
    arrive(brand, 1)
    for is_on in (False, True):
        rule.is_on = is_on
        rulemaking.save_rule(rule, actor="tests", now=timezone.now())
    assert forward() == (0, 0)
    assert rulemaking.count_missed(rule) == 1


def test_a_dry_run_counts_by_when_people_enquired(brand, other):
    arrive(brand, 1, created_at=(timezone.now() - timedelta(days=31)).isoformat())
    arrive(brand, 2, created_at=(timezone.now() - timedelta(days=29)).isoformat())
    result = rulemaking.dry_run(Rule(name="try", target=other), now=timezone.now())
    assert (result.total, result.would_go) == (1, 1)


def test_whoever_brings_a_lead_rings_for_the_rules_and_they_for_the_pushes(brand, other, monkeypatch):
    bells = []
    monkeypatch.setattr(tasks, "ring", lambda task, **ids: bells.append((task.name, ids)))
    make_rule(other, {"connection": [brand.pk]})
    tasks.process_deliveries(connection_id=brand.pk)
    assert bells == []
    arrive(brand, 1)
    tasks.process_deliveries(connection_id=brand.pk)
    assert bells == [("leads.forward_leads", {})]
    tasks.forward_leads()
    assert bells[1:] == [("leads.deliver_pushes", {"connection_id": other.pk})]
