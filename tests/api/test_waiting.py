"""Who may wait, and for how long."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from leads.api import waiting
from leads.api.headers import parse_wait
from leads.models import Connection
from tests.api.conftest import NEW_LEAD, Caller


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5.0),
        ("wait=30", 30.0),
        ("wait=31", 30.0),
        ("wait=999999999", 30.0),
        ("wait=0", 0.0),
        ("Wait=7", 7.0),
        ('wait="7"', 7.0),
        ("wait", 10.0),
        ("respond-async, wait=5", 5.0),
        ("wait=5; foo=1, return=minimal", 5.0),
        ("", None),
        ("respond-async", None),
        ("wait=soon", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=" + "9" * 5000, None),
    ],
)
def test_prefer_is_read_as_rfc_7240_writes_it(header: str, seconds: float | None) -> None:
    assert parse_wait(header) == seconds


@pytest.mark.parametrize(("threads", "most"), [("8", 4), ("9", 4), ("2", 1), ("1", 1), ("nonsense", 4)])
def test_at_most_half_of_the_threads_wait_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch, threads: str, most: int
) -> None:
    monkeypatch.setenv("LEADMIRROR_WEB_THREADS", threads)
    with ExitStack() as stack:
        assert [stack.enter_context(waiting.place()) for _ in range(most + 2)] == [True] * most + [False] * 2
    with waiting.place() as is_free:
        assert is_free


def test_a_place_is_given_back_when_the_request_fails() -> None:
    def fail() -> None:
        with waiting.place() as is_free:
            assert is_free
            raise ZeroDivisionError

    for _ in range(20):
        with pytest.raises(ZeroDivisionError):
            fail()


def test_who_finds_no_place_gets_the_202_at_once(
    api: Caller, account: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADMIRROR_WEB_THREADS", "2")
    with waiting.place():
        started = time.monotonic()
        answer = api.post("leads/", NEW_LEAD, Prefer="wait=30")
        assert time.monotonic() - started < 5
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer.headers
        busy = api.post("leads/lookup/", {"email": "ada@example.org"})
        assert (busy.status_code, busy.json()["code"], busy.headers["Retry-After"]) == (503, "busy", "2")


def test_a_wait_ends_at_the_first_finding() -> None:
    looks = iter([None, None, "found"])
    started = time.monotonic()
    assert waiting.wait_for(lambda: next(looks), 20) == "found"
    assert time.monotonic() - started < 5


def test_a_wait_without_a_finding_ends_in_time() -> None:
    started = time.monotonic()
    assert waiting.wait_for(lambda: None, 0.3) is None
    assert 0.3 <= time.monotonic() - started < 5
