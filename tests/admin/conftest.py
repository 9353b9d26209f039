"""What the tests of the admin share: a connection that nothing calls, leads in the mirror, people with roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from leads import tasks
from leads.models import Access, Cause, Connection, Lead, Office, Remote, Stage, Status
from leads.remotes import leadpro
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SECRET = "a-key-that-nobody-must-see-7788"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
NOTTINGHAM, DERBY = 375, 42


@pytest.fixture
def account(db: None) -> Connection:
    """A Lead.pro connection with a key, two offices and two statuses; nothing listens at its address."""
    connection = Connection(remote=Remote.LEADPRO, name="Lead.pro", base_url="http://127.0.0.1:9")
    connection.set_secret(SECRET)
    connection.save()
    for office_id, name in ((NOTTINGHAM, "Nottingham"), (DERBY, "Derby")):
        Office.objects.create(connection=connection, office_id=office_id, name=name, seen_at=T0)
    stage = Stage.objects.create(connection=connection, stage_id=50, name="Unread")
    for status_id, name in ((20, "New"), (21, "Contacted")):
        Status.objects.create(connection=connection, status_id=status_id, name=name, stage=stage, seen_at=T0)
    return connection


@pytest.fixture
def mirror(account: Connection) -> Callable[..., Lead]:
    """Put a lead into the mirror as a read of Lead.pro does."""

    def show(leadpro_id: int = 18376, at: datetime = T0, **fields: Any) -> Lead:
        payload = lead_object(leadpro_id, **fields)
        store(account, [Seen(payload, at)], Cause.REFRESH, now=at + timedelta(seconds=1))
        return Lead.objects.get(leadpro_id=leadpro_id)

    return show


@pytest.fixture
def visitor(db: None) -> Callable[..., Client]:
    """Log somebody in: a role with offices, or "none" for staff without one, or "superuser"."""

    def log_in(role: str, *offices: int) -> Client:
        name = f"{role}-{'-'.join(map(str, offices))}"
        user = User.objects.create_user(
            name, password="irrelevant", is_staff=True, is_superuser=role == "superuser"
        )
        if role in {Access.ADMIN, Access.LEADER, Access.AGENT}:
            Access.objects.create(user=user, role=role, office_ids=list(offices))
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def manager(visitor: Callable[..., Client]) -> Client:
    """Somebody who sees everything."""
    return visitor("admin")


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, int]]]:
    """The doorbells that were rung instead of published."""
    bells: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr(tasks, "ring", lambda task, **ids: bells.append((task.name, ids)))
    return bells


@pytest.fixture(autouse=True)
def _no_remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that calls a remote fails its test."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a request of the admin called a remote")

    monkeypatch.setattr(leadpro, "_client", refuse)
