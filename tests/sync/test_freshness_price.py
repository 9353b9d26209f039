"""The price of a read, what a failure costs, and which of the heads are read: the pitfalls of a schedule's theory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from zoneinfo import ZoneInfo

import pytest

from leads.sync import freshness
from leads.sync.businessclock import BusinessClock
from leads.sync.freshness import FIRST_PRICE, Belief, Model, Rates, Traits, price, rank_heads
from leads.sync.worth import DAY, HOUR

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)
EVEN = BusinessClock(ZoneInfo("UTC"), [1.0] * 168)
MODEL = Model(Rates(), EVEN)


def of_age(seconds: float) -> Traits:
    return Traits(NOON - timedelta(seconds=seconds), "In progress")


def demand_of(model: Model, leads: list[tuple[float, float]]) -> float:
    return sum(model.plan(Belief(m, 1.0), of_age(age), NOON).demand for age, m in leads)


def settle(
    leads: list[tuple[float, float]], budget: float, at: float = FIRST_PRICE, rounds: int = 30
) -> Model:
    model = replace(MODEL, price=at)
    for _ in range(rounds):
        model = replace(model, price=price(demand_of(model, leads), budget))
    return model


MANY = [(days * DAY, multiplier) for days in range(1, 120) for multiplier in (0.3, 1.0, 3.0)]


@pytest.mark.parametrize("wrong_by", [0.01, 1.0, 100.0])
def test_the_price_settles_where_all_intervals_together_spend_the_budget(wrong_by: float) -> None:
    model = settle(MANY, 0.05, FIRST_PRICE * wrong_by)
    spent = sum(60 / model.plan(Belief(m, 1.0), of_age(age), NOON).interval for age, m in MANY)
    assert spent == pytest.approx(0.05 * 0.97, rel=0.02)


def test_a_budget_step_is_felt_at_once() -> None:
    assert price(7.0, 10) == pytest.approx(36 * price(7.0, 60))


def test_with_nothing_to_go_by_there_is_a_price() -> None:
    assert price(0.0, 10) == price(5.0, 0) == FIRST_PRICE


def test_a_limit_that_the_budget_cannot_pay_for_does_not_drive_the_price_without_end() -> None:
    cold = [(500 * DAY, 1.0)] * 50
    low, long = settle(cold, 1e-6), settle(cold, 1e-6, rounds=60)
    assert long.price == pytest.approx(low.price, rel=1e-3) and low.price < inf


def test_a_small_mirror_does_not_drive_the_price_to_nothing() -> None:
    model = settle([(DAY, 1.0)], 100.0, rounds=100)
    assert model.price > 0
    assert model.plan(Belief(), of_age(DAY), NOON).interval == model.floor


def test_a_failure_waits_ever_longer_and_at_most_a_week() -> None:
    waits = [freshness.backoff(failures, NOON).interval for failures in (1, 2, 3, 12, 40, 10**9)]
    assert waits == [120, 240, 480, 4096 * 60, 7 * DAY, 7 * DAY]
    assert freshness.backoff(2, NOON).next_refresh_at == NOON + timedelta(minutes=4)
    assert freshness.backoff(2, NOON).interval_class == 2


def test_a_failure_replaces_its_demand() -> None:
    assert freshness.backoff(3, NOON, price=4.0).demand == pytest.approx(2 * 60 / 480)
    assert freshness.backoff(3, NOON).demand == 0


def test_the_latest_is_chosen_by_lateness_and_not_by_how_long_it_waits() -> None:
    heads = [(0.0, 10_000.0, "cold, waits longest"), (9_000.0, 100.0, "hot"), (9_990.0, 100.0, "just read")]
    assert rank_heads(heads, 10_000.0, 2) == ["hot", "cold, waits longest"]


def test_pitfall_always_late_a_short_interval_is_not_read_again_and_again() -> None:
    tried = {"short": 0.0, "long": 0.0}
    intervals = {"short": 60.0, "long": 600.0}
    reads = []
    for now in range(60, 66_060, 60):
        (one,) = rank_heads([(tried[name], intervals[name], name) for name in tried], float(now), 1)
        tried[one] = float(now)
        reads.append(one)
    assert reads.count("long") == pytest.approx(len(reads) / 11, rel=0.02)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_only_ratios_of_intervals_matter_so_a_wrong_price_chooses_the_same(scale: float) -> None:
    heads = [(float(tried), 50.0 * (1 + tried % 7), tried) for tried in range(40)]
    scaled = [(tried, interval * scale, item) for tried, interval, item in heads]
    assert rank_heads(scaled, 100.0, 9) == rank_heads(heads, 100.0, 9)


def test_after_an_outage_the_most_valuable_reads_come_first_and_the_coldest_not_at_all() -> None:
    down = 8 * HOUR
    hot = [(0.0, 600.0 + n, ("hot", n)) for n in range(5)]
    cold = [(-100 * DAY, 150 * DAY, ("cold", n)) for n in range(5)]
    assert {name for name, _ in rank_heads(hot + cold, down, 5)} == {"hot"}


def test_fewer_heads_than_slots_are_all_that_there_are() -> None:
    assert rank_heads([(0.0, 1.0, "one")], 10.0, 5) == ["one"]


def test_lateness_is_business_time_by_interval() -> None:
    assert freshness.lateness(EVEN, 1800.0, NOON, NOON + timedelta(hours=1)) == 2.0
