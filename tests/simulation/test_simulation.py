"""Seeds and the loudest mutants, as many as fit into the suite; `campaign.py` plays many more."""

from __future__ import annotations

import logging

import pytest

from tests.simulation.campaign import play
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import World

SEEDS = 300
CHUNK = 50
LOUD = [number for number, mutant in enumerate(MUTANTS) if mutant.dies and mutant.within <= 100]


@pytest.fixture(autouse=True)
def _quiet():
    """Our own bugs are logged; a mutant has many."""
    before = logging.root.manager.disable
    yield
    logging.disable(before)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_an_invariant(first):
    tally = play(-1, range(first, first + CHUNK))
    assert tally.bad == 0, tally.first
    assert tally.faults > 10 * CHUNK
    assert tally.creates > CHUNK


def test_no_lead_is_doubled_or_lost_where_nothing_can_be_looked_up():
    tally = play(-2, range(150))
    assert tally.bad == 0, tally.first
    assert tally.faults > 10 * tally.runs
    assert tally.creates > tally.runs


@pytest.mark.parametrize("number", LOUD, ids=lambda number: MUTANTS[number].name)
def test_the_simulation_notices_a_missing_rule(number):
    mutant = MUTANTS[number]
    for first in range(0, mutant.within, 10):
        tally = play(number, range(first, first + 10))
        if tally.bad:
            return
    pytest.fail(f"{mutant.name}: no violation in {mutant.within} seeds")


def test_a_seed_always_tells_the_same_story():
    one, other = World(7), World(7)
    assert (one.run(), one.faults, one.time) == (other.run(), other.faults, other.time)
    assert {n: vars(lead) for n, lead in one.remote.leads.items()} == {
        n: vars(lead) for n, lead in other.remote.leads.items()
    }
