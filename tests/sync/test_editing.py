"""How edits of one lead come together, where clocks do not."""

from __future__ import annotations

import pytest

from leads.sync import editing

NOON = 1_800_000_000.0


def typed(mine: str, at: float, known: editing.Edits | None = None, flying: editing.Edits | None = None):
    return editing.fold(known or {}, {"postcode": mine}, lambda name: "NG1 1AA", flying or {}, at)


@pytest.mark.parametrize("back", [0.0, 2.0, 3600.0])
def test_what_is_typed_over_an_edit_on_its_way_is_later_though_the_clock_went_back(back):
    flying = typed("NG1 1AB", NOON)
    newer = typed("NG1 1AC", NOON - back, flying=flying)
    assert editing.absorb(flying, newer)["postcode"]["mine"] == "NG1 1AC"
    assert editing.is_later(newer["postcode"], flying["postcode"])
    assert not editing.is_later(flying["postcode"], newer["postcode"])


def test_what_is_typed_over_a_waiting_edit_never_grows_older():
    waiting = typed("NG1 1AB", NOON)
    assert typed("NG1 1AC", NOON - 2, known=waiting)["postcode"]["at"] == NOON + editing.TICK


def test_an_edit_over_nothing_bears_the_time_of_the_clock():
    assert typed("NG1 1AB", NOON)["postcode"]["at"] == NOON
