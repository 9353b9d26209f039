"""Requests per minute."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from leads.api import limits
from leads.api.problems import Problem
from leads.models import ApiKey, RateWindow
from tests.api.conftest import T0, Caller

NOON = datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    now = [NOON]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


def test_every_answer_says_what_is_left(api: Caller, settings: Any, clock: list[datetime]) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    for left in (2, 1, 0):
        answer = api.get("leads/")
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"default";q=3;w=60'
        assert answer.headers["RateLimit"] == f'"default";r={left};t=45'
    spent = api.get("leads/")
    assert (spent.status_code, spent.json()["code"], spent.headers["Retry-After"]) == (
        429,
        "rate_limited",
        "45",
    )
    assert spent.headers["RateLimit"] == '"default";r=0;t=45'
    assert spent.headers["Content-Type"] == "application/problem+json"
    clock[0] += timedelta(seconds=45)
    assert api.get("leads/").headers["RateLimit"] == '"default";r=2;t=60'


def test_errors_count_and_say_so_too(api: Caller, settings: Any, clock: list[datetime]) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3
    assert api.get("leads/?x=1").headers["RateLimit"] == '"default";r=2;t=45'
    assert api.get("leads/4711/").headers["RateLimit"] == '"default";r=1;t=45'


def test_keys_do_not_share_a_limit(
    caller: Callable[..., Caller], settings: Any, clock: list[datetime]
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    first, second = caller(), caller()
    assert first.get("leads/").status_code == 200
    assert second.get("leads/").status_code == 200
    assert first.get("leads/").status_code == 429


def test_the_limit_is_exact_and_costs_few_writes(
    api: Caller, django_assert_max_num_queries: Any, clock: list[datetime]
) -> None:
    key = ApiKey.objects.get()
    limits.take(key, NOON)
    with django_assert_max_num_queries(300):
        for left in range(1198, -1, -1):
            assert limits.take(key, NOON).remaining == left
    with pytest.raises(Problem):
        limits.take(key, NOON)
    assert RateWindow.objects.get().used == 1200


def test_processes_together_never_exceed_the_limit(
    api: Caller, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 500
    key, memories, granted = ApiKey.objects.get(), [{}, {}, {}], 0
    refused: set[int] = set()
    while len(refused) < 3:
        for number, memory in enumerate(memories):
            monkeypatch.setattr(limits, "_blocks", memory)
            try:
                limits.take(key, NOON)
                granted += 1
            except Problem:
                refused.add(number)
    assert granted == 500


def test_old_minutes_are_forgotten(api: Caller) -> None:
    key = ApiKey.objects.get()
    for minutes in (0, 5, 20):
        limits.take(key, NOON + timedelta(minutes=minutes))
    assert RateWindow.objects.count() == 1
    assert len(limits._blocks) == 1


@pytest.mark.django_db(transaction=True)
def test_threads_together_never_exceed_the_limit(api: Caller, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 40
    key = ApiKey.objects.get()
    outcomes: list[bool] = []

    def take() -> None:
        for _ in range(10):
            try:
                limits.take(key, T0)
                outcomes.append(True)
            except Problem:
                outcomes.append(False)
        connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (len(outcomes), outcomes.count(True)) == (80, 40)
