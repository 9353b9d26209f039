"""The three-way merge: its truth table, what counts as the same, meta, answers, and settling the last request."""

from __future__ import annotations

import pytest

from leads.sync import editing
from leads.sync.merging import (
    Clash,
    Overruled,
    Verdict,
    fit_pairs,
    merge_value,
    meta_of_mine,
    meta_to_send,
    missing_pairs,
    plan,
    present_pairs,
    same,
    settle,
)

SEND, AGREED, TAKE, CONFLICT = Verdict.SEND, Verdict.AGREED, Verdict.TAKE, Verdict.CONFLICT


@pytest.mark.parametrize(
    ("name", "a", "b", "c"),
    [
        ("status", "New", "Contacted", "Qualified"),
        ("office_id", 375, 42, 5271),
        ("gdpr_checkbox", None, True, False),
        ("gdpr_checkbox", False, None, True),
        ("address", None, "1 Drama Street", "2 Drama Street"),
        ("address", "1 Drama Street", None, "2 Drama Street"),
    ],
)
def test_the_truth_table(name, a, b, c):
    def verdict(base, mine, theirs):
        return merge_value(name, {"base": base, "mine": mine}, theirs)

    assert verdict(a, b, a) is SEND
    assert verdict(a, b, b) is AGREED
    assert verdict(a, b, c) is CONFLICT
    assert verdict(a, a, a) is AGREED
    assert verdict(a, a, b) is TAKE


def test_an_edit_over_an_edit_on_its_way_counts_on_both():
    edit = {"base": "Contacted", "mine": "Qualified", "was": "New"}
    assert merge_value("status", edit, "Contacted") is SEND
    assert merge_value("status", edit, "New") is SEND
    assert merge_value("status", edit, "Qualified") is AGREED
    assert merge_value("status", edit, "Lost") is CONFLICT
    back = {"base": "Contacted", "mine": "New", "was": "New"}
    assert merge_value("status", back, "Contacted") is SEND
    assert merge_value("status", back, "New") is AGREED


@pytest.mark.parametrize(
    ("name", "one", "other", "expected"),
    [
        ("address", "Caf\u00e9 Row", "Cafe\u0301 Row", True),
        ("address", "1 Drama Street", "1 Drama Street  ", True),
        ("address", " 1 Drama Street", "1 Drama Street", False),
        ("address", "", None, True),
        ("address", "  ", None, True),
        ("first_name", "ada", "Ada", False),
        ("office_id", 375, "375", True),
        ("office_id", 375, 375.0, True),
        ("office_id", 0, None, False),
        ("gdpr_checkbox", False, None, False),
        ("gdpr_checkbox", True, 1, False),
        ("meta", {}, None, True),
        ("meta", {"a": "1", "b": "2"}, {"b": "2", "a": "1"}, True),
        ("meta", {"a": "1"}, {"a": "2"}, False),
        ("next_action_date", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00+01:00", True),
        ("next_action_date", "2026-03-01T09:00:00Z", "2026-03-01T09:00:01Z", False),
    ],
)
def test_what_counts_as_the_same(name, one, other, expected):
    assert same(name, one, other) is expected
    assert same(name, other, one) is expected


def test_meta_is_united_key_by_key():
    edit = {"base": {"a": "1", "gone": "x"}, "mine": {"a": "2", "new": "n"}}
    theirs = {"a": "1", "gone": "x", "foreign": "f"}
    assert merge_value("meta", edit, theirs) is SEND
    assert meta_to_send(edit, theirs) == {"a": "2", "new": "n", "foreign": "f"}
    assert merge_value("meta", edit, {"a": "2", "new": "n", "foreign": "f"}) is AGREED
    assert merge_value("meta", edit, {"a": "3", "gone": "x"}) is CONFLICT
    assert merge_value("meta", edit, None) is CONFLICT
    assert meta_of_mine(edit, {"a": "3", "gone": "y", "foreign": "f"}) == {
        "a": "2",
        "new": "n",
        "foreign": "f",
    }


def test_ours_of_a_map_that_somebody_changed_after_it_arrived_is_still_ours():
    edits = {
        "meta": {"base": {"own": "1"}, "mine": {"own": "1", "k": "2"}},
        "status": {"base": "a", "mine": "b"},
    }
    sent = {"set": {"meta": {"own": "1", "k": "2"}, "status": "b"}, "answers": []}
    theirs = {"meta": {"own": "1", "foreign": "f"}, "status": "b"}
    (clash,) = settle(sent, edits, theirs, is_safe=True).clashes
    chosen = meta_of_mine({"base": clash.base, "mine": clash.mine}, clash.theirs)
    assert chosen == {"own": "1", "k": "2", "foreign": "f"}


def test_meta_over_an_edit_on_its_way_does_not_forget_that_ones_keys():
    edit = {"base": {"own": "1", "k": "1"}, "mine": {"own": "1", "k": "1", "l": "2"}, "was": {"own": "1"}}
    assert meta_to_send(edit, {"own": "1"}) == {"own": "1", "k": "1", "l": "2"}
    assert merge_value("meta", edit, {"own": "1", "k": "1"}) is SEND
    assert merge_value("meta", edit, {"own": "1", "k": "9"}) is CONFLICT


def test_answers_are_a_set():
    shown = [["When?", "Soon"], ["Why?", "Moving "]]
    mine = [["When?", "Soon"], ["Who?", "Ada"], ["Who?", "Ada"], ["Why?", "Moving"]]
    assert missing_pairs(mine, shown) == [["Who?", "Ada"]]
    assert present_pairs(mine, shown) == [["When?", "Soon"], ["Why?", "Moving"]]
    assert missing_pairs(mine[:2], None) == mine[:2]
    assert missing_pairs([["When?", "Later"]], shown) == [["When?", "Later"]]


def test_answers_are_split_at_2048_bytes_of_json():
    pairs = [["q", "é" * 500], ["r", "x" * 1000], ["s", "y" * 30]]
    assert fit_pairs(pairs) == pairs[:2]
    assert fit_pairs([["q", "x" * 3000], ["r", "s"]]) == [["q", "x" * 3000]]
    exactly = [["q", "x" * (2048 - 9)]]
    assert fit_pairs([*exactly, ["r", ""]]) == exactly


def test_a_plan_sends_only_what_differs_and_keeps_conflicts_apart():
    edits = {
        "status": {"base": "New", "mine": "Contacted"},
        "address": {"base": None, "mine": "1 Drama Street"},
        "postcode": {"base": "NG1 1AA", "mine": "NG1 1AB"},
        "next_action_date": {"base": None, "mine": "2026-03-01T09:00:00Z"},
        "utm_source": {"base": "a", "mine": "b"},
        "questionnaire": {"pairs": [["When?", "Soon"], ["Who?", "Ada"]]},
    }
    theirs = {
        "status": "New",
        "address": "1 Drama Street",
        "postcode": "OX1 1AA",
        "utm_source": "c",
        "questionnaire": [["When?", "Soon"]],
    }
    merge = plan(edits, theirs, {"utm_source"})
    assert merge.send == {"status": "Contacted", "next_action_date": "2026-03-01T09:00:00Z"}
    assert (merge.answers, merge.over_pairs) == ([["Who?", "Ada"]], [["When?", "Soon"]])
    assert merge.over == ["address"]
    assert merge.clashes == [Clash("postcode", "NG1 1AA", "NG1 1AB", "OX1 1AA")]
    assert not merge.is_empty


EDITS = {
    "status": {"base": "New", "mine": "Contacted"},
    "address": {"base": None, "mine": "1 Drama Street"},
    "next_action_date": {"base": None, "mine": "2026-03-01T09:00:00Z"},
}
SENT = {"set": {name: edit["mine"] for name, edit in EDITS.items()}, "answers": []}


def test_after_a_clear_success_lead_pros_value_is_its_answer():
    found = settle(
        {**SENT, "clear": True}, EDITS, {"status": "contacted", "address": "1 Drama Street"}, is_safe=False
    )
    assert sorted(found.over) == ["address", "next_action_date", "status"]
    assert found.overruled == [Overruled("status", "Contacted", "contacted")]
    assert not found.is_open


def test_after_an_unclear_outcome_nothing_is_sent_until_it_is_settled():
    early = settle(SENT, EDITS, {"status": "New", "address": None}, is_safe=False)
    assert (early.is_open, early.over, early.clashes) == (True, [], [])
    late = settle(SENT, EDITS, {"status": "New", "address": None}, is_safe=True)
    assert (late.is_open, late.over, late.clashes) == (False, [], [])


def test_a_part_that_shows_says_the_request_arrived_and_the_rest_is_not_guessed():
    early = settle(SENT, EDITS, {"status": "Contacted", "address": None}, is_safe=False)
    assert (early.is_open, early.over) == (True, ["status", "next_action_date"])
    late = settle(SENT, EDITS, {"status": "Contacted", "address": "9 Drama Street"}, is_safe=True)
    assert late.clashes == [Clash("address", "1 Drama Street", "1 Drama Street", "9 Drama Street")]


def test_unclear_answers_wait_until_they_show_or_cannot_come_any_more():
    sent = {"set": {}, "answers": [["Who?", "Ada"], ["When?", "Soon"]]}
    edits = {"questionnaire": {"pairs": sent["answers"]}}
    half = settle(sent, edits, {"questionnaire": [["Who?", "Ada"]]}, is_safe=False)
    assert (half.is_open, half.pairs_unseen, half.over_pairs) == (True, True, [["Who?", "Ada"]])
    safe = settle(sent, edits, {"questionnaire": None}, is_safe=True)
    assert (safe.is_open, safe.pairs_unseen, safe.over_pairs) == (False, True, [])
    clear = settle({**sent, "clear": True}, edits, {"questionnaire": None}, is_safe=False)
    assert (clear.is_open, clear.over_pairs) == (False, sent["answers"])


def test_a_change_back_to_the_start_falls_away():
    shown = {"status": "New"}.get
    edits = editing.fold({}, {"status": "Contacted"}, shown, {}, 1.0)
    assert edits == {"status": {"base": "New", "mine": "Contacted", "at": 1.0}}
    assert editing.fold(edits, {"status": "New"}, shown, {}, 2.0) == {}


def test_of_two_edits_of_one_field_the_later_one_counts():
    first = {"status": {"base": "New", "mine": "Contacted", "at": 5.0}}
    later = {"status": {"base": "Contacted", "mine": "Lost", "was": "New", "at": 6.0}}
    assert editing.absorb(first, later) == {"status": {"base": "New", "mine": "Lost", "at": 6.0}}
    earlier = {"status": {"base": "New", "mine": "Qualified", "at": 4.0}}
    assert editing.absorb(first, earlier) == first


def test_rebasing_meta_keeps_our_changes_and_the_others_keys():
    edits = {"meta": {"base": {"a": "1"}, "mine": {"a": "1", "b": "2"}, "was": {}}}
    theirs = {"meta": {"a": "1", "foreign": "f"}}
    moved = editing.rebase(edits, theirs)
    assert moved == {"meta": {"base": {"a": "1"}, "mine": {"a": "1", "b": "2"}}}
    assert plan(moved, theirs).send == {"meta": {"a": "1", "b": "2", "foreign": "f"}}


def test_a_key_that_the_person_never_saw_is_not_deleted_by_the_map_they_type_next():
    theirs = {"meta": {"a": "1", "foreign": "f"}}
    edits = editing.rebase({"meta": {"base": {"a": "1"}, "mine": {"a": "1", "b": "2"}, "was": {}}}, theirs)
    typed = editing.fold(edits, {"meta": {"a": "1", "b": "2", "c": "3"}}, theirs.get, {}, 2.0)
    assert plan(typed, theirs).send == {"meta": {"a": "1", "b": "2", "c": "3", "foreign": "f"}}


def test_rebasing_meta_makes_no_clash_of_what_arrived_from_here():
    edits = {"meta": {"base": {"a": "1"}, "mine": {"a": "3", "b": "2"}}}
    theirs = {"meta": {"a": "2", "b": "2"}}
    assert plan(editing.rebase(edits, theirs), theirs).send == {"meta": {"a": "3", "b": "2"}}
