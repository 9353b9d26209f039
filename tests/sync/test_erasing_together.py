"""An erasure at the very moment when the lead is sent, or saved by a person. On SQLite the first writer is alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from leads.models import Change, Copy, Erasure, Lead, Push
from leads.sync import erasing, pushing
from tests.sync.test_handing import aviv, portal_lead
from tests.threads import start

__all__ = ["aviv"]
pytestmark = pytest.mark.django_db(transaction=True)
#: How long somebody is given to get through where they must not.
A_MOMENT = 1.0


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Do something in another thread, with a connection of its own; what it raises fails the test."""
    threads: list[threading.Thread] = []
    faults: list[BaseException] = []

    def begin(do: Callable[[], object]) -> threading.Thread:
        threads.append(start(do, faults))
        return threads[-1]

    yield begin
    for thread in threads:
        thread.join(30)
    assert faults == []


def due(aviv) -> Lead:
    lead = portal_lead(aviv)
    Copy.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    return lead


@pytest.fixture
def meanwhile(monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Do this between the erasure's look at where the lead is, and what it does about that."""

    def interpose(do: Callable[[], object]) -> None:
        real = erasing._find_places

        def look(*args):
            found = real(*args)
            do()
            return found

        monkeypatch.setattr(erasing, "_find_places", look)

    return interpose


def test_what_is_being_erased_is_not_sent(aviv, leadpro, sandbox, beside, meanwhile):
    lead = due(aviv)
    pushing.hand_over(lead, connection=leadpro, now=timezone.now())
    workers = []

    def deliver() -> None:
        workers.append(beside(lambda: pushing.deliver_due(leadpro)))
        workers[0].join(A_MOMENT)

    meanwhile(deliver)
    erasing.expire_due(aviv, timezone.now())
    workers[0].join(30)
    assert (Lead.objects.count(), sandbox.leads) == (0, [])


def save_slowly(lead: Lead, beside) -> threading.Event:
    """A person has typed another number, and it is committed once the event is set."""
    saved, go = threading.Event(), threading.Event()

    def save() -> None:
        with transaction.atomic():
            pushing.change_here(lead, {"phone": "07700 900999"}, actor="Grace", now=timezone.now())
            saved.set()
            go.wait(10)

    beside(save)
    assert saved.wait(10)
    return go


def test_what_a_person_saved_just_before_stays_in_no_history(aviv, beside):
    lead = due(aviv)
    go = save_slowly(lead, beside)
    erasure = beside(lambda: erasing.expire_due(aviv, timezone.now()))
    erasure.join(A_MOMENT)
    go.set()
    erasure.join(10)
    assert Lead.objects.count() == 0
    assert list(Change.objects.values_list("fields", "actor")) == [({}, ""), ({}, "")]


def test_nor_where_a_person_decides_to_erase_it(aviv, leadpro, beside):
    lead = due(aviv)
    pushing.hand_over(lead, connection=leadpro, now=timezone.now())
    Push.objects.update(state="discarded", was_unclear=True)
    erasing.expire_due(aviv, timezone.now())
    go = save_slowly(lead, beside)
    erasure_id = Erasure.objects.get().pk
    decision = beside(lambda: erasing.decide(erasure_id, Erasure.ERASE, "Bob", timezone.now()))
    decision.join(A_MOMENT)
    go.set()
    decision.join(10)
    assert Lead.objects.count() == 0
    assert not Change.objects.exclude(fields={}).exists()
