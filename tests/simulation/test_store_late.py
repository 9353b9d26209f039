"""Both stores: an update waits for one of its lead that was given up while its request may still arrive."""

from __future__ import annotations

import pytest

from leads.sync.delivering.ports import After
from tests.simulation.test_store_contract import NOW, after, claim, handle  # noqa: F401 - a fixture

PLAN = {"set": {"address": "2 New Street"}, "answers": [], "safe_at": after(620).isoformat()}


def give_up(handle, plan) -> int:  # noqa: F811 - the fixture
    lead = handle.lead(7, NOW, address="1 Old Street")
    handle.update(lead, NOW, address="2 New Street")
    problem = ("bug", "", "We failed.")
    handle.store.save(
        claim(handle), After("needs_attention", problem=problem, plan=plan, was_unclear=True), NOW
    )
    return handle.update(lead, after(1), postcode="NG1 1AA")


@pytest.mark.parametrize("seconds", [1, 300, 619])
def test_it_is_not_claimed_while_that_may_arrive(handle, seconds):  # noqa: F811
    later = give_up(handle, PLAN)
    assert claim(handle, after(seconds)) is None
    assert claim(handle, after(seconds), push_id=later) is None


def test_it_goes_once_that_is_too_late(handle):  # noqa: F811
    later = give_up(handle, PLAN)
    assert claim(handle, after(620)).push_id == later


@pytest.mark.parametrize("plan", [{}, {**PLAN, "clear": True}], ids=["nothing was sent", "it was answered"])
def test_it_waits_for_nothing_that_cannot_arrive_later(handle, plan):  # noqa: F811
    later = give_up(handle, plan)
    assert claim(handle, after(1)).push_id == later
