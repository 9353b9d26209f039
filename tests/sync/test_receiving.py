"""Webhooks: stored first, answered at once, read later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads import tasks, webhooks
from leads.models import Change, Connection, Delivery, Lead
from leads.sync import receiving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints are due when they arrive, so that no test waits a second for others to come."""
    monkeypatch.setattr(receiving, "GATHER", timedelta(0))
    monkeypatch.setattr(webhooks, "QUIET", 0.0)


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Doorbells that were published."""
    bells: list[str] = []
    monkeypatch.setattr(
        tasks.process_deliveries, "apply_async", lambda **_: bells.append("process_deliveries")
    )
    return bells


def process(leadpro: Connection) -> float:
    return receiving.process_due(leadpro, timezone.now() + timedelta(seconds=5))


def findings() -> list[tuple[str, str]]:
    """(state, finding) of every delivery, oldest first."""
    return list(Delivery.objects.order_by("id").values_list("state", "finding"))


def post(client: Client, secret: str, body: object, **extra: object) -> int:
    return client.post(f"/webhooks/{secret}/", body, content_type="application/json", **extra).status_code


def test_a_hint_is_stored_then_read_from_lead_pro(
    client: Client, sandbox: Sandbox, leadpro: Connection, rung: list[str]
) -> None:
    there = sandbox.add_lead(status="New")["id"]
    hook = {"event": "lead.created", "data": {"id": there, "status": "A lie"}}
    assert post(client, leadpro.webhook_secret, hook) == 202
    assert rung == ["process_deliveries"] and not Lead.objects.exists()
    assert receiving.process_due(leadpro, timezone.now() + timedelta(seconds=5)) == 0.0
    lead = Lead.objects.get()
    assert (lead.leadpro_id, lead.status) == (there, "New")
    assert Change.objects.get().cause == "webhook"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.event, delivery.changed_something) == ("done", "lead.created", True)
    assert delivery.finding == "early"


def test_fifty_hints_for_a_lead_are_one_read(client: Client, sandbox: Sandbox, leadpro: Connection) -> None:
    there = sandbox.add_lead()["id"]
    for n in range(50):
        post(client, leadpro.webhook_secret, {"event": "lead.updated", "data": {"id": there}, "n": n})
    receiving.process_due(leadpro, timezone.now() + timedelta(seconds=5))
    assert len(sandbox.log) == 1
    assert Delivery.objects.filter(state="repeated").count() == 49


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[1]", 400),
        (b"NaN", 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, 400),
        (b"\xff\xfe{}", 400),
        (b'"' + b"x" * 300_000 + b'"', 413),
    ],
)
def test_what_is_no_object_stores_nothing(
    client: Client, leadpro: Connection, body: bytes, status: int
) -> None:
    assert post(client, leadpro.webhook_secret, body) == status
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"event": 7, "data": []}',
        b'{"data": {"id": null}}',
        b'{"data": {"id": "x\\u0000"}}',
        b'{"data": {"id": -1}}',
        b"\xef\xbb\xbf{}",
        b'{"event": "' + b"e" * 5000 + b'"}',
    ],
)
def test_an_object_that_names_no_lead_is_kept_and_said(
    client: Client, leadpro: Connection, body: bytes
) -> None:
    assert post(client, leadpro.webhook_secret, body) == 202
    receiving.process_due(leadpro, timezone.now() + timedelta(seconds=5))
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.problem) == (
        "failed",
        "The delivery names no lead. It is kept; nothing was read.",
    )


def test_an_unknown_secret_is_404_and_a_get_is_405(client: Client, leadpro: Connection) -> None:
    assert post(client, "x" * 43, {"event": "lead.created"}) == 404
    assert client.get(f"/webhooks/{leadpro.webhook_secret}/").status_code == 405
    assert not Delivery.objects.exists()


def test_an_address_typed_without_its_last_slash_loses_nothing(client: Client, leadpro: Connection) -> None:
    answer = client.post(
        f"/webhooks/{leadpro.webhook_secret}", {"event": "lead.updated"}, content_type="application/json"
    )
    assert (answer.status_code, Delivery.objects.count()) == (202, 1)


def test_the_old_secret_works_while_it_overlaps(client: Client, leadpro: Connection) -> None:
    old = leadpro.webhook_secret
    leadpro.rotate_webhook_secret(timezone.now())
    assert (
        post(client, old, {"data": {"id": 1}})
        == post(client, leadpro.webhook_secret, {"data": {"id": 1}})
        == 202
    )
    Connection.objects.update(previous_secret_until=timezone.now())
    assert post(client, old, {"data": {"id": 1}}) == 404


def test_a_failing_remote_keeps_the_hint_for_later(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    there = sandbox.add_lead()["id"]
    post(client, leadpro.webhook_secret, {"data": {"id": there}})
    sandbox.fault("status", status=500)
    receiving.process_due(leadpro, timezone.now() + timedelta(seconds=1))
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == ("waiting", 1) and delivery.due_at > timezone.now()
    Delivery.objects.update(due_at=timezone.now())
    receiving.process_due(leadpro, timezone.now() + timedelta(seconds=1))
    assert Delivery.objects.get().state == "done"
