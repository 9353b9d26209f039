"""What was answered outlives a database that fails to take the notes about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from integrations.errors import Refused
from leads.models import Connection, Remote
from leads.remotes import alterestate, aviv, leadpro, open_alterestate, open_aviv, open_leadpro

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox

pytestmark = pytest.mark.django_db
Send = Callable[[], object]


class Client:
    """A remote's client that answers, or raises, this."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def create_lead(self, payload: object, **_: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def fail(*args: object, **kwargs: object) -> None:
    raise OperationalError("database is locked")


def door_of(connection: Connection) -> Any:
    opened: dict[str, Any] = {
        Remote.LEADPRO: open_leadpro,
        Remote.AVIV: open_aviv,
        Remote.ALTERESTATE: open_alterestate,
    }
    return opened[connection.remote](connection, "push", patience=1.0)


@pytest.fixture(params=list(Remote))
def failing(request: pytest.FixtureRequest, db: None, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A connection whose health cannot be written, and whose slots cannot be given back."""
    connection = Connection(remote=request.param, name="Remote", base_url="http://127.0.0.1:9")
    connection.set_secret("invented")
    connection.save()
    for name in ("note_success", "note_problem"):
        monkeypatch.setattr(Connection, name, fail)
    monkeypatch.setattr(aviv, "release_slot", fail)
    return connection


def answer(monkeypatch: pytest.MonkeyPatch, what: object) -> None:
    for module in (leadpro, aviv, alterestate):
        monkeypatch.setattr(module, "_client", lambda *args: Client(what))


def test_a_lead_that_was_taken_is_known_to_be(failing: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "taken")
    assert door_of(failing).create_lead({}) == "taken"


def test_a_lead_that_was_refused_is_known_to_be(failing: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, Refused("The phone number is no number.", status=400))
    with pytest.raises(Refused, match="no number"):
        door_of(failing).create_lead({})


def test_a_lead_that_was_found_is_known_to_be(
    leadpro: Connection, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.add_lead(email="ada@example.org")
    monkeypatch.setattr(Connection, "note_success", fail)
    assert len(open_leadpro(leadpro, "push").find_leads(email="ada@example.org").data) == 1
