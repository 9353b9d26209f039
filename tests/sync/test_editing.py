"""How edits of one lead come together, where clocks do not."""

from __future__ import annotations

import pytest

from leads.sync import editing, merging

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


def chain(*maps: dict[str, str]) -> editing.Edits:
    """``meta`` typed again and again, each time over an edit that is on its way."""
    flying: editing.Edits = {}
    for typed_map in maps[1:]:
        flying = editing.fold({}, {"meta": typed_map}, {"meta": maps[0]}.get, flying, NOON)
    return flying


@pytest.mark.parametrize("arrived", [0, 1, 2], ids=["neither", "the first", "both"])
def test_a_key_that_was_typed_first_is_sent_with_the_last_edit_where_those_before_it_never_arrived(arrived):
    maps = {"own": "1"}, {"own": "1", "a": "1"}, {"own": "1", "a": "1", "b": "2"}
    last = {**maps[-1], "c": "3"}
    merge = merging.plan(chain(*maps, last), {"meta": maps[arrived]})
    assert (merge.send, merge.clashes) == ({"meta": last}, [])


def test_what_a_person_takes_of_ours_is_told_from_what_stood_before_all_of_it():
    maps = {"own": "1"}, {"own": "1", "a": "1"}, {"own": "1", "a": "1", "b": "2"}
    (clash,) = merging.plan(chain(*maps, {"own": "2", "a": "1", "b": "2"}), {"meta": {"own": "9"}}).clashes
    assert clash.base == {"own": "1"}
    chosen = merging.meta_of_mine({"base": clash.base, "mine": clash.mine}, clash.theirs)
    assert chosen == {"own": "2", "a": "1", "b": "2"}


def test_what_lead_pro_shows_for_certain_ends_all_doubt():
    edits = chain({}, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"})
    assert {"was", "first"} < edits["meta"].keys()
    assert editing.rebase(edits, {"meta": {"a": "1"}})["meta"].keys() == {"base", "mine", "at"}
