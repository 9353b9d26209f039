"""Which read answers which hint: none is lost, none costs more than it must, and each is counted."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models import F
from django.test import Client
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads import tasks, webhooks
from leads.models import Cause, Change, Connection, Copy, Delivery, Heartbeat, Lead, Tally, tallying
from leads.sync import receiving
from leads.sync.refreshing import refresh_remote_id
from leads.sync.storing import Stored
from tests.sync.test_receiving import at_once, findings, post, process, rung

__all__ = ["at_once", "rung"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_hints_of_a_second_are_gathered_before_the_read(
    client: Client, sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "GATHER", timedelta(seconds=0.5))
    there = sandbox.add_lead()["id"]
    post(client, leadpro.webhook_secret, {"event": "lead.created", "data": {"id": there}})
    later = threading.Timer(0.2, keep, [leadpro, {"event": "lead.updated", "data": {"id": there}}])
    later.start()
    assert process(leadpro) == 0.0
    later.join()
    assert len(sandbox.log) == 1
    assert findings() == [("done", "early"), ("repeated", "")]


def keep(leadpro: Connection, data: dict[str, object]) -> Delivery:
    try:
        return receiving.keep(leadpro, repr(data).encode(), data, timezone.now())
    finally:
        if threading.current_thread() is not threading.main_thread():
            database.close()


def test_the_same_bytes_while_the_first_ones_wait_are_repeated_and_ring_no_bell(
    client: Client, sandbox: Sandbox, leadpro: Connection, rung: list[str]
) -> None:
    hook = {"event": "lead.updated", "data": {"id": sandbox.add_lead()["id"]}}
    for _ in range(3):
        post(client, leadpro.webhook_secret, hook)
    assert (findings(), len(rung)) == ([("waiting", ""), ("repeated", ""), ("repeated", "")], 1)
    process(leadpro)
    assert (len(sandbox.log), findings()[0]) == (1, ("done", "early"))


def test_the_same_bytes_after_the_read_began_are_read_again(
    client: Client, sandbox: Sandbox, leadpro: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = sandbox.add_lead(status="New")["id"]
    hook = {"event": "lead.updated", "data": {"id": there}}
    read = refresh_remote_id

    def read_while_it_happens_again(*args: object, **more: object) -> Stored:
        stored = read(*args, **more)
        if not sandbox.requests("GET", "/leads/*")[1:]:
            sandbox.staff_edit(there, status="Contacted")
            post(client, leadpro.webhook_secret, hook)
        return stored

    monkeypatch.setattr(receiving, "refresh_remote_id", read_while_it_happens_again)
    post(client, leadpro.webhook_secret, hook)
    process(leadpro)
    assert Lead.objects.get().status == "Contacted"
    assert (len(sandbox.log), findings()) == (2, [("done", "early"), ("done", "early")])


def test_a_repetition_after_somebody_else_read_the_lead_is_not_answered_by_that_read(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead(status="New")["id"]
    hook = {"event": "lead.updated", "data": {"id": there}}
    post(client, leadpro.webhook_secret, hook)
    refresh_remote_id(leadpro, there, "person", Cause.REFRESH)
    sandbox.staff_edit(there, status="Contacted")
    post(client, leadpro.webhook_secret, hook)
    process(leadpro)
    assert Lead.objects.get().status == "Contacted"
    assert findings() == [("done", "early"), ("repeated", "")]


def test_a_hint_that_somebody_elses_read_has_answered_costs_no_call(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead()["id"]
    post(client, leadpro.webhook_secret, {"event": "lead.created", "data": {"id": there}})
    refresh_remote_id(leadpro, there, "person", Cause.REFRESH)
    process(leadpro)
    assert (len(sandbox.log), findings()) == (1, [("done", "late")])


def test_a_read_by_a_host_whose_clock_was_ahead_answers_no_hint(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead(status="New")["id"]
    refresh_remote_id(leadpro, there, "person", Cause.REFRESH)
    Copy.objects.update(as_of=timezone.now() + timedelta(hours=1))
    sandbox.staff_edit(there, status="Contacted")
    post(client, leadpro.webhook_secret, {"event": "lead.updated", "data": {"id": there}})
    process(leadpro)
    assert (Lead.objects.get().status, findings()) == ("Contacted", [("done", "early")])


def test_hints_are_counted_as_early_late_or_empty(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead(status="New")["id"]

    def hint(number: int) -> None:
        post(client, leadpro.webhook_secret, {"event": "lead.updated", "n": number, "data": {"id": there}})
        process(leadpro)

    hint(1)
    hint(2)
    sandbox.staff_edit(there, status="Contacted")
    refresh_remote_id(leadpro, there, "schedule", Cause.REFRESH)
    hint(3)
    Change.objects.update(at=F("at") - timedelta(hours=7))
    hint(4)
    assert [finding for _, finding in findings()] == ["early", "empty", "late", "empty"]
    tallying.flush()
    rows = Tally.objects.filter(measure__startswith="hint:").order_by("measure")
    assert list(rows.values_list("measure", "count")) == [
        ("hint:early", 1),
        ("hint:empty", 2),
        ("hint:late", 1),
    ]


def test_an_unknown_lead_is_asked_for_once_more_and_then_counted_as_not_found(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    post(client, leadpro.webhook_secret, {"event": "lead.created", "data": {"id": 4711}})
    assert 55 < process(leadpro) <= 60
    assert findings() == [("waiting", "")]
    Delivery.objects.update(due_at=timezone.now())
    assert process(leadpro) == 0.0
    assert (findings(), len(sandbox.log)) == ([("failed", "not_found")], 2)
    assert not Lead.objects.exists()


def test_a_lead_that_shows_up_a_little_later_is_mirrored(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead()["id"]
    sandbox.fault("status", status=404, body='{"error": "not found"}')
    post(client, leadpro.webhook_secret, {"event": "lead.created", "data": {"id": there}})
    process(leadpro)
    assert not Lead.objects.exists()
    Delivery.objects.update(due_at=timezone.now())
    process(leadpro)
    assert (Lead.objects.get().leadpro_id, findings()) == (there, [("done", "early")])


def test_a_replayed_delivery_is_read_again_whatever_was_known(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead(status="New")["id"]
    post(client, leadpro.webhook_secret, {"event": "lead.updated", "data": {"id": there}})
    process(leadpro)
    sandbox.staff_edit(there, status="Contacted")
    pk = Delivery.objects.get().pk
    assert receiving.replay([pk], timezone.now()) == 1
    process(leadpro)
    assert (Lead.objects.get().status, len(sandbox.log), findings()) == ("Contacted", 2, [("done", "early")])


def test_a_spent_budget_keeps_the_hints_and_lets_others_join_them(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    Connection.objects.update(not_before=timezone.now() + timedelta(seconds=60))
    hook = {"event": "lead.updated", "data": {"id": sandbox.add_lead()["id"]}}
    post(client, leadpro.webhook_secret, hook)
    assert 55 < process(leadpro) <= 60
    post(client, leadpro.webhook_secret, hook)
    assert findings() == [("waiting", ""), ("repeated", "")]
    Connection.objects.update(not_before=None)
    process(leadpro)
    assert (len(sandbox.log), findings()[0]) == (1, ("done", "early"))


def test_what_arrives_while_the_claim_is_let_go_is_rung_for_again(
    client: Client, sandbox: Sandbox, leadpro: Connection, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Heartbeat.release

    def release_late(name: str) -> None:
        post(client, leadpro.webhook_secret, {"event": "lead.updated", "data": {"id": 1}})
        release(name)

    monkeypatch.setattr(Heartbeat, "release", release_late)
    tasks.process_deliveries(connection_id=leadpro.pk)
    assert len(rung) == 2


def test_a_storm_rings_one_bell_at_once_and_one_after_it(
    client: Client, leadpro: Connection, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "QUIET", 30.0)
    waits: list[float] = []

    def note(wait: float, *_: object) -> threading.Timer:
        waits.append(wait)
        return threading.Timer(0, lambda: None)

    monkeypatch.setattr(webhooks, "Timer", note)
    webhooks._rung_at.clear()
    for number in range(10):
        post(client, leadpro.webhook_secret, {"data": {"id": number + 1}})
    webhooks._rung_at.clear()
    assert (len(rung), len(waits)) == (1, 1)
    assert 20 < waits[0] <= 30
