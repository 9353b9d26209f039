"""The health pages tell load balancers and supervisors the truth, and no more than they need."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import OperationalError

from leads.models import Connection, Heartbeat, Lead, Push, Remote

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def push(db):
    connection = Connection.objects.create(remote=Remote.LEADPRO, name="Lead.pro")
    lead = Lead.objects.create(listed_at=NOW, first_seen_at=NOW, changed_at=NOW)
    due = NOW - timedelta(minutes=6)
    return Push.objects.create(lead=lead, connection=connection, kind=Push.CREATE, created_at=due, due_at=due)


def beat(seconds_ago=10):
    Heartbeat.beat("sweep", NOW - timedelta(seconds=seconds_ago))


def test_livez_needs_no_database(client):
    answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_is_ok_with_a_migrated_database(client, db):
    for _ in range(2):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": "ok"})


def test_readyz_is_503_while_migrations_are_missing(client, db, monkeypatch):
    monkeypatch.setattr("leadmirror.health.find_unapplied", lambda: 1)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")


@pytest.mark.parametrize("path", ["/readyz", "/workz"])
def test_an_unreachable_database_is_503_and_gives_no_details(client, monkeypatch, path):
    def refuse(*_args, **_options):
        raise OperationalError("could not connect to db.internal as leadmirror")

    monkeypatch.setattr("leadmirror.health.find_unapplied", refuse)
    monkeypatch.setattr("leads.models.Heartbeat.objects.filter", refuse)
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "database": "unreachable"})


def test_workz_is_ok_when_the_sweep_runs_and_nothing_is_late(client, db, frozen):
    beat()
    answer = client.get("/workz")
    assert (answer.status_code, answer.json()["status"], answer.json()["broker"]) == (200, "ok", "ok")


@pytest.mark.parametrize("seconds_ago", [91, 3600, None])
def test_workz_is_503_when_the_sweep_stopped(client, db, frozen, seconds_ago):
    if seconds_ago is not None:
        beat(seconds_ago)
    assert client.get("/workz").status_code == 503


def test_workz_is_503_when_a_push_is_late(client, frozen, push):
    beat()
    answer = client.get("/workz")
    assert (answer.status_code, answer.json()["late_pushes"]) == (503, 1)


def test_workz_is_503_when_a_dead_worker_left_a_push(client, frozen, push):
    beat()
    Push.objects.update(state=Push.SENDING, lease_until=NOW - timedelta(minutes=6))
    assert client.get("/workz").status_code == 503


@pytest.mark.parametrize(
    "held",
    [
        {"state": Connection.PAUSED},
        {"not_before": NOW + timedelta(minutes=1)},
        {"breaker": {"open_until": "2026-03-01T12:01:00+00:00"}},
    ],
)
def test_a_push_that_something_holds_back_is_not_late(client, frozen, push, held):
    beat()
    Connection.objects.update(**held)
    assert client.get("/workz").status_code == 200


def test_a_push_that_backs_off_is_not_late(client, frozen, push):
    beat()
    Push.objects.update(due_at=NOW + timedelta(minutes=2))
    assert client.get("/workz").status_code == 200


def test_a_dead_broker_is_shown_and_not_fatal(client, db, frozen, settings):
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    beat()
    answer = client.get("/workz")
    assert (answer.status_code, answer.json()["broker"]) == (200, "unreachable")
