"""Every boundary of a delivery × {the worker dies, our code fails, the worker stalls past its lease and goes on}."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leads.models import Push
from leads.sync import pushing
from leads.sync.crashpoints import NAMES
from leads.sync.delivering import creating, driver, submitting, updating
from tests.faults.story import assert_changed_once, assert_made_once, bury_dead_workers, create, update, work

pytestmark = pytest.mark.django_db

CREATE = [name for name in NAMES if name.startswith("create:")]
LOOKUP = [name for name in NAMES if name.startswith("lookup:")]
UPDATE = [name for name in NAMES if name.startswith("update:")]
HOW = ["dies", "fails", "stalls"]


class Killed(BaseException):
    """As far as the database and the remote can tell, SIGKILL."""


@pytest.fixture
def at(monkeypatch):
    """Make something happen the first time a delivery passes a place."""

    def arrange(place: str, do: Callable[[], None]) -> list[str]:
        passed: list[str] = []

        def crashpoint(name: str) -> None:
            if name == place and not passed:
                passed.append(name)
                do()

        for module in (creating, submitting, updating, driver):
            if hasattr(module, "crashpoint"):
                monkeypatch.setattr(module, "crashpoint", crashpoint)
        return passed

    return arrange


def happen(how: str, push: Push) -> Callable[[], None]:
    def die() -> None:
        raise Killed

    def fail() -> None:
        raise ZeroDivisionError

    def stall() -> None:
        bury_dead_workers()
        pushing.deliver_push(push.pk)

    return {"dies": die, "fails": fail, "stalls": stall}[how]


def deliver_once(push: Push) -> None:
    try:
        pushing.deliver_push(push.pk)
    except Killed:
        bury_dead_workers()


def cross(push: Push, at, place: str, how: str) -> None:
    """Deliver it past this boundary, where that happens, and work on until it is over."""
    passed = at(place, happen(how, push))
    deliver_once(push)
    assert passed == [place]
    bury_dead_workers()
    work(push)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", CREATE)
def test_a_create_survives(leadpro, sandbox, at, place, how):
    push = create(leadpro)
    cross(push, at, place, how)
    assert_made_once(sandbox, push)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", LOOKUP)
@pytest.mark.parametrize("fault", ["drop", "drop_after"])
def test_a_look_up_survives(leadpro, sandbox, at, place, how, fault):
    push = create(leadpro)
    sandbox.fault(fault, method="POST", path="/leads")
    passed = at(place, happen(how, push))
    for _ in range(3):
        deliver_once(push)
    bury_dead_workers()
    work(push)
    assert_made_once(sandbox, push)
    assert passed == [place] or place == "lookup:after_phone"


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", UPDATE)
@pytest.mark.parametrize("fault", [None, "drop_after"])
def test_an_update_survives(leadpro, sandbox, at, place, how, fault):
    push = update(leadpro, sandbox)
    if fault:
        sandbox.fault(fault, method="PATCH", path="/leads/*")
    passed = at(place, happen(how, push))
    for _ in range(2):
        deliver_once(push)
        bury_dead_workers()
    assert passed == [place]
    work(push)
    assert_changed_once(sandbox, push)
