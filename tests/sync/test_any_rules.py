"""Whatever is done to rules and leads: each lead reaches each connection at most once, and never its origin."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from leads.models import Bookmark, Cause, Connection, Forward, Lead, Push, Rule
from leads.sync import forwarding, pushing, rulemaking
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object
from tests.sync.test_forwarding import SOON, make_connection

pytestmark = pytest.mark.django_db
#: Brands that leads come from and go to, and a remote that shows nothing.
SOURCES, TARGETS = range(3), (3, 2, 1, 0)
WHEN = st.sampled_from(
    [
        {},
        {},
        {"type": ["vendor"]},
        {"connection": [0]},
        {"connection": [1, 2]},
        {"consent": [True]},
        {"postcode": ["NG"], "type": ["vendor", "sale"]},
    ]
)
#: With the last one, long messages stop.
MAPPINGS = st.sampled_from([{}, {"text": "{source}"}, {"text": "{message}", "limit": 5, "long": "stop"}])
RULES = st.fixed_dictionaries(
    {
        "target": st.sampled_from(TARGETS),
        "when": WHEN,
        "wish": MAPPINGS,
        "position": st.integers(1, 3),
        "delay_minutes": st.sampled_from([0, 0, 30]),
        "is_on": st.sampled_from([True, True, False]),
    }
)
LEADS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["vendor", "sale"]),
        "message": st.sampled_from(["Hello", "Hello again"]),
        "gdpr_checkbox": st.sampled_from([True, False, None]),
        "advert_postcode": st.sampled_from(["NG1 1AA", "DE1 1AA"]),
    }
)
WHICH = st.integers(0, 2)
ARRIVAL = st.tuples(st.just("arrive"), st.sampled_from(SOURCES), WHICH, LEADS)
ACTS = st.one_of(
    *(ARRIVAL, ARRIVAL, ARRIVAL, ARRIVAL),
    st.tuples(st.just("make"), RULES),
    st.tuples(st.just("edit"), WHICH, RULES),
    *(st.tuples(st.just(name), WHICH) for name in ("switch", "replay", "deliver", "discard", "catch_up")),
    *(st.tuples(st.just(name)) for name in ("reread", "wait")),
)


class TestAnyHistoryOfRules(TestCase):
    """Leads arrive and change, rules are made, edited and switched, the feed and webhooks are replayed."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(RULES, min_size=1, max_size=3), st.lists(ACTS, min_size=5, max_size=16))
    def test_each_lead_reaches_each_connection_at_most_once_and_never_its_origin(self, rules, history):
        self.places = [make_connection(name) for name in "ABC"] + [make_connection("CRM", "alterestate")]
        #: Remote id to connection and the payload as it last arrived.
        self.arrived: dict[int, tuple[Connection, dict[str, Any]]] = {}
        self.home: dict[int, int] = {}
        sent: dict[int, tuple[int, int, str]] = {}
        for act, *order in [*(("make", terms) for terms in rules), *history]:
            getattr(self, act)(*order)
            forwarding.forward_news(timezone.now() + SOON)
            for push in Push.objects.exclude(Push.PARKED).exclude(payload={}):
                now = (push.lead_id, push.connection_id, str(push.payload))
                assert sent.setdefault(push.pk, now) == now, "what was sent is changed"
        pairs = [(lead_id, connection_id) for lead_id, connection_id, _ in sent.values()]
        assert len(set(pairs)) == len(pairs), "handed over twice"
        assert not [pair for pair in pairs if self.home[pair[0]] == pair[1]], "sent back"

    def arrive(self, source: int, number: int, fields: dict[str, Any]) -> None:
        remote_id = 100 * source + number + 1
        payload = lead_object(remote_id, created_at=timezone.now().isoformat(), **fields)
        self.arrived[remote_id] = self.places[source], payload
        self.read(*self.arrived[remote_id])

    def read(self, connection: Connection, payload: dict[str, Any]) -> None:
        store(connection, [Seen(payload, timezone.now())], Cause.WEBHOOK, now=timezone.now())
        lead = Lead.objects.get(copies__connection=connection, copies__remote_id=str(payload["id"]))
        self.home.setdefault(lead.pk, connection.pk)

    def replay(self, number: int) -> None:
        for connection, payload in list(self.arrived.values())[number : number + 1]:
            self.read(connection, payload)

    def reread(self) -> None:
        Bookmark.objects.update(change_id=0)

    def wait(self) -> None:
        Forward.objects.update(due_at=timezone.now() - timedelta(seconds=1))

    def make(self, terms: dict[str, Any]) -> None:
        self.save(Rule(name="rule"), terms)

    def edit(self, number: int, terms: dict[str, Any]) -> None:
        for rule in Rule.objects.order_by("pk")[number : number + 1]:
            self.save(rule, terms)

    def save(self, rule: Rule, terms: dict[str, Any]) -> None:
        target = self.places[terms["target"]]
        text = "notes" if target.remote == "alterestate" else "message"
        when = dict(terms["when"])
        if "connection" in when:
            when["connection"] = [self.places[source].pk for source in when["connection"]]
        rule.target, rule.when, rule.mapping = target, when, {text: terms["wish"]} if terms["wish"] else {}
        rule.position, rule.delay_minutes = terms["position"], terms["delay_minutes"]
        rule.is_on = terms["is_on"]
        with contextlib.suppress(rulemaking.RuleRefused):
            rulemaking.save_rule(rule, actor="tests", now=timezone.now())

    def switch(self, number: int) -> None:
        for rule in Rule.objects.order_by("pk")[number : number + 1]:
            rule.is_on = not rule.is_on
            with contextlib.suppress(rulemaking.RuleRefused):
                rulemaking.save_rule(rule, actor="tests", now=timezone.now())

    def catch_up(self, number: int) -> None:
        for rule in Rule.objects.order_by("pk")[number : number + 1]:
            rulemaking.forward_missed(rule, now=timezone.now())

    def deliver(self, number: int) -> None:
        """It arrives, and where leads can be seen a webhook tells of it."""
        for push in Push.objects.filter(state=Push.WAITING).order_by("pk")[number : number + 1]:
            if push.kind == Push.SUBMIT:
                Push.objects.filter(pk=push.pk).update(state=Push.DUPLICATE)
                return
            there = {**lead_object(1000 + push.pk), **push.payload}
            store(push.connection, [Seen(there, timezone.now())], Cause.WEBHOOK, now=timezone.now())

    def discard(self, number: int) -> None:
        for push in Push.objects.filter(state__in=Push.OPEN).order_by("pk")[number : number + 1]:
            pushing.discard(push, "Grace", timezone.now())
