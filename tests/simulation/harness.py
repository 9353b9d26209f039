"""The two stores behind one handle, so that one set of cases holds for both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leads.models import Attempt, Cause, Conflict, Connection, Copy, Lead, Push
from leads.models.push import new_token
from leads.sync import pushing, storing
from leads.sync.delivering.ports import Store
from leads.sync.outbox import Outbox
from tests.simulation.rows import Mirrored
from tests.simulation.store import DictStore

PERSON = {
    "type": "sale",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
}


@dataclass
class View:
    """A push, as both stores can show it."""

    state: str
    attempts: int
    fence: int
    was_unclear: bool
    edits: dict[str, Any]
    plan: dict[str, Any]
    problem_code: str
    remote_id: int | None
    leased: bool


class Handle(Protocol):
    """What a contract case does to a store besides the port."""

    store: Store

    def create(self, now: datetime) -> int: ...
    def lead(self, remote_id: int, now: datetime, **values: Any) -> int: ...
    def update(self, lead_id: int, now: datetime, **changes: Any) -> int | None: ...
    def lead_of(self, push_id: int) -> int: ...
    def view(self, push_id: int) -> View: ...
    def column(self, lead_id: int, name: str) -> Any: ...
    def warnings(self, lead_id: int) -> list[str]: ...
    def conflicts(self, lead_id: int) -> dict[str, tuple[Any, Any, Any]]: ...
    def attempts(self, push_id: int) -> list[str]: ...
    def read(self, payload: dict[str, Any], now: datetime) -> None: ...
    def token(self, push_id: int) -> str: ...


class InDictionaries:
    """The simulation's."""

    def __init__(self) -> None:
        self.dict_store = DictStore()
        self.store: Store = self.dict_store

    def create(self, now: datetime) -> int:
        return self.dict_store.request_create(dict(PERSON), new_token(), now).push_id

    def lead(self, remote_id: int, now: datetime, **values: Any) -> int:
        self.dict_store.numbers += 1
        number = self.dict_store.numbers
        self.dict_store.leads[number] = Mirrored(number, {}, remote_id=remote_id)
        self.dict_store.mirror({**PERSON, **values, "id": remote_id}, now, now)
        return number

    def update(self, lead_id: int, now: datetime, **changes: Any) -> int | None:
        row = self.dict_store.request_update(lead_id, changes, now)
        return row.push_id if row else None

    def lead_of(self, push_id: int) -> int:
        return self.dict_store.pushes[push_id].lead_id

    def view(self, push_id: int) -> View:
        row = self.dict_store.pushes[push_id]
        return View(
            row.state,
            row.attempts,
            row.fence,
            row.was_unclear,
            _plain(row.edits),
            row.plan,
            row.problem[0],
            row.remote_id,
            row.lease_until is not None,
        )

    def column(self, lead_id: int, name: str) -> Any:
        return self.dict_store.leads[lead_id].columns.get(name)

    def warnings(self, lead_id: int) -> list[str]:
        return self.dict_store.leads[lead_id].warnings

    def conflicts(self, lead_id: int) -> dict[str, tuple[Any, Any, Any]]:
        return {f: (c.base, c.mine, c.theirs) for f, c in self.dict_store.open_conflicts(lead_id).items()}

    def attempts(self, push_id: int) -> list[str]:
        return [sent.outcome for number, sent in self.dict_store.attempts if number == push_id]

    def read(self, payload: dict[str, Any], now: datetime) -> None:
        self.dict_store.mirror(payload, now, now)

    def token(self, push_id: int) -> str:
        return self.dict_store.pushes[push_id].token


class InDjango:
    """The product's."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.store: Store = Outbox(connection)

    def create(self, now: datetime) -> int:
        return pushing.request_create(PERSON, connection=self.connection, now=now).pk

    def lead(self, remote_id: int, now: datetime, **values: Any) -> int:
        self.read({**PERSON, **values, "id": remote_id}, now)
        return Copy.objects.get(connection=self.connection, remote_id=str(remote_id)).lead_id

    def update(self, lead_id: int, now: datetime, **changes: Any) -> int | None:
        push = pushing.request_update(
            Lead.objects.get(pk=lead_id), changes, now=now, connection=self.connection
        )
        return push.pk if push else None

    def lead_of(self, push_id: int) -> int:
        return Push.objects.get(pk=push_id).lead_id

    def view(self, push_id: int) -> View:
        push = Push.objects.get(pk=push_id)
        return View(
            push.state,
            push.attempts,
            push.fence,
            push.was_unclear,
            _plain(push.edits),
            push.plan,
            push.problem_code,
            int(push.remote_id) if push.remote_id else None,
            push.lease_until is not None,
        )

    def column(self, lead_id: int, name: str) -> Any:
        return getattr(Lead.objects.get(pk=lead_id), name)

    def warnings(self, lead_id: int) -> list[str]:
        return list(Lead.objects.get(pk=lead_id).warnings)

    def conflicts(self, lead_id: int) -> dict[str, tuple[Any, Any, Any]]:
        rows = Conflict.objects.filter(lead_id=lead_id, decided_at__isnull=True)
        return {row.field: (row.base, row.mine, row.theirs) for row in rows}

    def attempts(self, push_id: int) -> list[str]:
        return list(Attempt.objects.filter(push_id=push_id).order_by("id").values_list("outcome", flat=True))

    def read(self, payload: dict[str, Any], now: datetime) -> None:
        storing.store(self.connection, [storing.Seen(payload, now)], Cause.REFRESH, now=now)

    def token(self, push_id: int) -> str:
        return Push.objects.get(pk=push_id).token


def _plain(edits: dict[str, Any]) -> dict[str, Any]:
    """The edits without their moments."""
    return {name: {k: v for k, v in edit.items() if k != "at"} for name, edit in edits.items()}
