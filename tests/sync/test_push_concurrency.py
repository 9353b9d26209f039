"""Several workers on the same rows: real threads, real transactions, on SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Connection, Copy, Lead, Push
from leads.models.state import refresh_states
from leads.sync import missing, pushing
from leads.sync.locking import lock
from tests.conftest import SANDBOX_KEY
from tests.sync.test_pushing import PERSON
from tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(sandbox: Sandbox) -> Connection:
    connection = Connection(
        remote="leadpro", name="Lead.pro", base_url=sandbox.leadpro_url, requests_per_minute=60000
    )
    connection.set_secret(SANDBOX_KEY)
    connection.save()
    return connection


def test_four_workers_send_each_push_once(account, sandbox):
    for n in range(24):
        push = pushing.request_create(
            {**PERSON, "last_name": f"Example{n}"}, connection=account, now=timezone.now()
        )
        pushing.request_update(push.lead, {"status": "Contacted"}, now=timezone.now())
    deadline = time.monotonic() + 60
    while Push.objects.filter(state__in=Push.MOVING).exists():
        assert time.monotonic() < deadline, list(Push.objects.values("state", "problem"))
        in_threads(4, lambda: pushing.deliver_due(Connection.objects.get(pk=account.pk)))
    assert set(Push.objects.values_list("state", flat=True)) == {"done"}
    assert len(sandbox.requests("POST", "/leads")) == 24
    assert len(sandbox.requests("PATCH", "/leads/*")) == 24
    assert {lead["status"] for lead in sandbox.leads} == {"Contacted"}
    assert Lead.objects.count() == 24


def test_one_push_wanted_by_many_is_sent_once(account, sandbox):
    push = pushing.request_create(PERSON, connection=account, now=timezone.now())
    in_threads(6, lambda: pushing.deliver_push(push.pk))
    push.refresh_from_db()
    assert (push.state, push.attempts) == ("done", 1)
    assert len(sandbox.requests("POST", "/leads")) == 1


def test_nothing_is_sent_inside_a_transaction(account, sandbox):
    from leads.remotes import InsideTransaction

    push = pushing.request_create(PERSON, connection=account, now=timezone.now())
    with transaction.atomic():
        pushing.deliver_push(push.pk)
    push.refresh_from_db()
    assert sandbox.leads == []
    assert (push.state, push.bugs, InsideTransaction.__name__) == ("unclear", 1, "InsideTransaction")


def test_a_lock_takes_its_own_rows_and_not_those_beside_them(account):
    """The connection's row, locked too, would stand between two people's saves: each push refers to it."""
    push = pushing.request_create(PERSON, connection=account, now=timezone.now())
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert lock(Push.objects.select_related("connection")).get() == push
        assert list(lock(Push.objects.all()).values_list("pk", flat=True)) == [push.pk]
    locked = [query["sql"].partition("FOR UPDATE")[2] for query in queries if "FOR UPDATE" in query["sql"]]
    assert locked == ([' OF "leads_push"', ""] if connection.features.has_select_for_update else [])


def test_a_lead_that_is_found_gone_while_somebody_saves_it_is_no_deadlock(account, sandbox, monkeypatch):
    for name in ("Example", "Other"):
        pushing.deliver_push(
            pushing.request_create({**PERSON, "last_name": name}, connection=account, now=timezone.now()).pk
        )
    lead = Lead.objects.get(last_name="Example")
    copy = Copy.objects.get(lead=lead)
    Copy.objects.filter(pk=copy.pk).update(missing_since=timezone.now() - timedelta(days=2))
    is_marked, saved = threading.Event(), threading.Event()

    def wait_for_the_save(lead_ids, now):
        is_marked.set()
        saved.wait(1)
        refresh_states(lead_ids, now)

    monkeypatch.setattr(missing, "refresh_states", wait_for_the_save)

    def find_gone():
        assert missing.mark_missing(copy, timezone.now(), timezone.now())

    def save():
        is_marked.wait(10)
        pushing.request_update(lead, {"status": "Contacted"}, now=timezone.now())
        saved.set()

    work = iter((find_gone, save))

    def take_one() -> None:
        next(work)()

    in_threads(2, take_one)
    assert Push.objects.filter(kind=Push.UPDATE, state=Push.WAITING).count() == 1
    assert Copy.objects.get(pk=copy.pk).gone_at is not None


def test_from_the_save_to_the_remote_it_takes_no_second(account, sandbox):
    pushing.deliver_push(pushing.request_create(PERSON, connection=account, now=timezone.now()).pk)
    times = []
    for _ in range(5):
        pushing.request_create(PERSON, connection=account, now=timezone.now())
        began = time.monotonic()
        pushing.deliver_due(account)
        times.append(time.monotonic() - began)
    assert min(times) < 0.5, times
