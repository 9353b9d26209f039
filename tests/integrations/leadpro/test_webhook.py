"""Webhook bodies are hints: read generously, never trusted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.leadpro.webhook import Hook, parse_hook

LEAD = {"id": 7, "full_name": "Marla Sample"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"event": "lead.created", "data": LEAD}, Hook("lead.created", 7, LEAD)),
        ({"event": "lead.updated", "data": {"id": "7"}}, Hook("lead.updated", 7, {"id": "7"})),
        ({"event": "lead.updated", "data": {"lead": LEAD}}, Hook("lead.updated", 7, LEAD)),
        ({"event": "lead.updated", "lead": LEAD}, Hook("lead.updated", 7, LEAD)),
        (LEAD, Hook("", 7, LEAD)),
        ({"event": "lead.updated", "data": None}, Hook("lead.updated", None, {})),
        ({"event": 5, "data": []}, Hook("", None, {})),
        ({"event": "lead.created", "data": {"id": "none"}}, Hook("lead.created", None, {"id": "none"})),
        ({}, Hook("", None, {})),
    ],
)
def test_the_hint_is_found_where_it_is(body: dict[str, Any], expected: Hook) -> None:
    assert parse_hook(body) == expected


def test_an_event_is_cut_and_cleaned() -> None:
    assert parse_hook({"event": "a\x00b" + "c" * 300}).event == "ab" + "c" * 98


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda i: st.lists(i) | st.dictionaries(st.text(), i),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["event", "data", "lead", "id"]), JSON))
def test_no_object_makes_reading_fail(body: dict[str, Any]) -> None:
    assert isinstance(parse_hook(body), Hook)
