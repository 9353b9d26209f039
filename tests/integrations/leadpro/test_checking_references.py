"""Offices and statuses that a lead may name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from integrations.leadpro.checking import Checked, check_values
from integrations.leadpro.client import StatusRow
from integrations.leadpro.fields import Call

STATUSES = [
    StatusRow(20, "New", 50, True),
    StatusRow(21, "Contacted", 100, True),
    StatusRow(44, "Another one", 50, False),
    StatusRow(45, "Another one", 50, False),
    StatusRow(46, "21", 50, False),
]


def update(**changes: Any) -> Checked:
    return check_values(changes, Call.UPDATE, partial=True, statuses=STATUSES)


def codes(checked: Checked) -> dict[str, str]:
    return {problem.field: problem.code for problem in checked.problems}


def test_offices_must_exist_where_they_are_known() -> None:
    assert check_values({"office_id": "42"}, Call.UPDATE, partial=True, offices={42: "Banbury"}).values == {
        "office_id": 42
    }
    wrong = check_values({"office_id": 43}, Call.UPDATE, partial=True, offices={42: "Banbury"})
    assert codes(wrong) == {"office_id": "unknown_choice"}
    assert check_values({"office_id": 43}, Call.UPDATE, partial=True, offices={}).problems == []


@pytest.mark.parametrize(
    ("said", "meant"),
    [("Contacted", "Contacted"), ("contacted ", "Contacted"), (20, "New"), ("20", "New"), ("21", "21")],
)
def test_trap_5_a_status_is_found_by_name_or_id(said: Any, meant: str) -> None:
    assert update(status=said).values == {"status": meant}


def test_trap_5_an_ambiguous_status_lists_its_ids() -> None:
    for said in ("Another one", 44):
        checked = update(status=said)
        assert codes(checked) == {"status": "invalid"}
        assert "44, 45" in checked.problems[0].detail
        assert checked.values == {}


def test_an_unknown_status_is_a_problem_only_where_statuses_are_known() -> None:
    assert codes(update(status="Won")) == {"status": "unknown_choice"}
    unknown = check_values({"status": "Won"}, Call.UPDATE, partial=True)
    assert (unknown.problems, unknown.values) == ([], {"status": "Won"})
    assert "was not checked" in unknown.warnings[0]


def test_statuses_may_be_rows_of_the_mirror_or_a_mapping() -> None:
    rows = [SimpleNamespace(id=1, status_id=21, name="Contacted")]
    for statuses in (rows, {21: "Contacted"}):
        checked = check_values({"status": 21}, Call.UPDATE, partial=True, statuses=statuses)
        assert checked.values == {"status": "Contacted"}
