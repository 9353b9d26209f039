"""What the tests of the REST face share: a connection that nothing calls, leads in the mirror, callers with keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from leads import tasks
from leads.api import limits
from leads.models import ApiKey, Cause, Connection, Lead, Office, Remote, Status
from leads.sync.storing import Seen, store
from tests.sync.payloads import lead_object

T0 = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
BOTH = ["leads:read", "leads:write"]

#: A body that Lead.pro takes.
NEW_LEAD = {
    "type": "sale",
    "first_name": "Grace",
    "last_name": "Example",
    "email": "grace@example.org",
    "phone": "07700 900456",
    "advert_address": "1 Example Street",
    "advert_postcode": "DE1 1JX",
}


@dataclass
class Caller:
    """Somebody with a key. Bodies that are not bytes are sent as JSON."""

    row: ApiKey | None
    text: str
    client: Client

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if self.text:
            headers = {"Authorization": f"Bearer {self.text}", **headers}
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = headers.pop("Content_Type", "application/json")
        url = path if path.startswith(("/", "http")) else f"/api/v1/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, url, data, content_type=kind, headers=named)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PATCH", path, body, **headers)


@pytest.fixture
def account(db: None) -> Connection:
    """A Lead.pro connection with a key, two offices and two statuses; nothing listens at its address."""
    connection = Connection(remote=Remote.LEADPRO, name="Lead.pro", base_url="http://127.0.0.1:9")
    connection.set_secret("nothing-listens")
    connection.save()
    for office_id, name in ((375, "Nottingham"), (42, "Derby")):
        Office.objects.create(connection=connection, office_id=office_id, name=name, seen_at=T0)
    for status_id, name in ((20, "New"), (21, "Contacted")):
        Status.objects.create(connection=connection, status_id=status_id, name=name, seen_at=T0)
    return connection


@pytest.fixture
def mirror(account: Connection) -> Callable[..., Lead]:
    """Put a lead into the mirror as a read of Lead.pro does."""

    def show(leadpro_id: int, at: datetime = T0, **fields: Any) -> Lead:
        payload = lead_object(leadpro_id, **fields)
        store(account, [Seen(payload, at)], Cause.REFRESH, now=at + timedelta(seconds=1))
        return Lead.objects.get(leadpro_id=leadpro_id)

    return show


@pytest.fixture
def caller(db: None) -> Callable[..., Caller]:
    """Make a caller with these scopes and offices."""

    def make(*scopes: str, offices: list[int] | None = None, name: str = "Website") -> Caller:
        row, text = ApiKey.make(name, list(scopes) or BOTH, offices or [], T0)
        return Caller(row, text, Client(raise_request_exception=False))

    return make


@pytest.fixture
def api(caller: Callable[..., Caller]) -> Caller:
    """A caller who may read and write everything."""
    return caller()


@pytest.fixture
def nobody(db: None) -> Caller:
    """A caller without a key."""
    return Caller(None, "", Client(raise_request_exception=False))


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_blocks", {})


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, int]]]:
    """The doorbells that were rung instead of published; a test may put a worker behind them."""
    bells: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr(tasks, "ring", lambda task, **ids: bells.append((task.name, ids)))
    return bells
