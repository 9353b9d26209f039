"""When to look again: the index, its limits, and what raises a lead's worth."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.sync import freshness
from leads.sync.businessclock import BusinessClock
from leads.sync.freshness import CLASSES, FIRST_PRICE, Belief, Model, Rates, Traits
from leads.sync.rates import BUCKETS
from leads.sync.worth import DAY, HOUR, NEXT_ACTION, WANTED, band, ladder

NOON = datetime(2026, 6, 3, 12, tzinfo=UTC)
EVEN = BusinessClock(ZoneInfo("UTC"), [1.0] * 168)
MODEL = Model(Rates(), EVEN)

beliefs = st.builds(Belief, st.floats(0.1, 50), st.floats(0.1, 50))
ages = st.floats(0, 900 * DAY)
stages = st.sampled_from(["", "Unread", "In progress", "Business", "Won", "Something else"])
prices = st.floats(1e-3, 1e12)


def of_age(seconds: float, stage: str = "In progress", **more: datetime) -> Traits:
    return Traits(NOON - timedelta(seconds=seconds), stage, **more)


def worth_of_read(kind: str, age: float, waited: float, multiplier: float) -> float:
    """The delay index written down a second time: w x² / 2λ at the moment of the read."""
    curve = MODEL.rates.curve(kind)
    step = max(number for number, start in enumerate(BUCKETS) if start <= age + waited)
    expected = multiplier * (curve.total(age + waited) - curve.total(age))
    worth = next(worth for limit, worth in ladder(kind) if BUCKETS[step] < limit)
    return worth * expected**2 / (2 * multiplier * curve.rates[step])


@given(ages, st.floats(0.05, 20), stages, prices)
def test_a_look_is_planned_for_when_it_is_worth_its_price(
    age: float, multiplier: float, stage: str, at: float
) -> None:
    kind = of_age(0, stage).kind
    waited = replace(MODEL, price=at).interval(kind, age, multiplier)
    assert worth_of_read(kind, age, waited * (1 + 1e-6) + 1e-6, multiplier) >= at * (1 - 1e-3)
    if waited > 1:
        assert worth_of_read(kind, age, waited * (1 - 1e-6), multiplier) <= at * (1 + 1e-3)


def test_with_a_constant_rate_the_interval_is_the_square_root_rule() -> None:
    rate, worth = MODEL.rates.curve("in progress").rates[-1], 1.0
    assert MODEL.interval("in progress", 800 * DAY, 2.0) == pytest.approx(
        sqrt(2 * FIRST_PRICE / (worth * 2 * rate))
    )


@given(ages, beliefs, st.floats(1.01, 100), stages)
def test_a_lead_that_changes_more_or_is_worth_more_is_looked_at_sooner(
    age: float, belief: Belief, factor: float, stage: str
) -> None:
    kind, usual = of_age(0, stage).kind, belief.mean
    interval = MODEL.interval(kind, age, usual)
    assert MODEL.interval(kind, age, usual * factor) <= interval
    assert MODEL.interval(kind, age, usual, factor) <= interval
    assert replace(MODEL, price=FIRST_PRICE * factor).interval(kind, age, usual) >= interval


@given(ages, beliefs, stages, prices, st.floats(1, 3600), st.floats(1, 400))
def test_a_plan_keeps_the_floor_and_the_limit_for_the_coldest(
    age: float, belief: Belief, stage: str, at: float, floor: float, coldest: float
) -> None:
    model = replace(
        MODEL, price=at, floor=floor, coldest=coldest * DAY, clock=BusinessClock(ZoneInfo("Europe/London"))
    )
    plan = model.plan(belief, of_age(age, stage), NOON)
    assert floor <= plan.interval <= coldest * DAY
    assert timedelta(seconds=floor) <= plan.next_refresh_at - NOON <= timedelta(days=coldest)
    assert plan.interval_class == freshness.interval_class(plan.interval)
    assert plan.demand > 0


@given(st.floats(1, 2**19 * 60, exclude_max=True))
def test_a_class_holds_intervals_within_a_factor_of_two(interval: float) -> None:
    number = freshness.interval_class(interval)
    assert 0 <= number < CLASSES
    assert 2**number * 60 <= interval < 2 ** (number + 1) * 60 or (number == 0 and interval < 60)


def test_the_last_class_holds_all_that_is_longer() -> None:
    assert freshness.interval_class(1e12) == CLASSES - 1


@given(beliefs, ages, stages, st.floats(0, 400 * DAY), st.floats(0, 400 * DAY))
def test_what_was_seen_is_believed_ever_less(
    belief: Belief, age: float, stage: str, one: float, more: float
) -> None:
    first, then = NOON + timedelta(seconds=one), NOON + timedelta(seconds=one + more)
    sooner, later = (MODEL.believed_unchanged(belief, of_age(age, stage), NOON, at) for at in (first, then))
    assert 1 >= sooner >= later >= 0


def test_what_was_just_seen_is_believed() -> None:
    assert MODEL.believed_unchanged(Belief(), of_age(DAY), NOON, NOON) == 1


@given(beliefs, ages, st.floats(0, 100 * DAY), st.booleans())
def test_an_observation_shares_out_what_it_learned(
    belief: Belief, age: float, waited: float, changed: bool
) -> None:
    traits = of_age(age + waited)
    seen = MODEL.observe(belief, traits, NOON - timedelta(seconds=waited), NOON, changed)
    changes, exposure = (sum(pair[part] for pair in seen.delta.values()) for part in (0, 1))
    faded = belief.faded(waited)
    assert exposure == pytest.approx(faded.mean * waited, rel=1e-3, abs=1)
    assert (changes >= 0.999) if changed and seen.delta else changes == 0
    assert seen.belief.mean > 0


def test_the_posterior_moves_with_every_look() -> None:
    before, since = Belief(), NOON - timedelta(days=2)
    unchanged = MODEL.observe(before, of_age(3 * DAY), since, NOON, changed=False).belief
    changed = MODEL.observe(before, of_age(3 * DAY), since, NOON, changed=True).belief
    assert unchanged.mean < before.mean < changed.mean


def test_an_observation_teaches_the_hours_it_spans() -> None:
    seen = MODEL.observe(Belief(), of_age(DAY), NOON - timedelta(minutes=90), NOON, changed=True)
    assert list(seen.hours) == ["58", "59"]
    assert sum(pair[0] for pair in seen.hours.values()) == pytest.approx(
        sum(pair[0] for pair in seen.delta.values())
    )


def test_a_cooling_lead_is_not_expected_to_go_on_as_before() -> None:
    """What has accumulated counts against the rate of the moment; the literal integral would wait far longer."""
    young = MODEL.interval("in progress", 7 * HOUR, 1.0)
    constant = sqrt(2 * FIRST_PRICE / (200 * MODEL.rates.curve("in progress").rates[3]))
    assert young <= constant


def test_wanted_leads_are_looked_at_sooner_and_only_while_they_are_wanted() -> None:
    usual = MODEL.plan(Belief(), of_age(20 * DAY), NOON).interval
    wanted = MODEL.plan(Belief(), of_age(20 * DAY, wanted_until=NOON + timedelta(days=3)), NOON).interval
    assert wanted == pytest.approx(usual / sqrt(WANTED), rel=1e-6)
    for over in (NOON - timedelta(hours=1), NOON + timedelta(seconds=1)):
        assert MODEL.plan(Belief(), of_age(20 * DAY, wanted_until=over), NOON).interval == usual


def test_a_lead_with_a_next_action_is_looked_at_when_that_is_near() -> None:
    model, days = replace(MODEL, price=FIRST_PRICE / 20), timedelta(days=1)
    usual = model.plan(Belief(), of_age(60 * DAY), NOON)
    boosted = usual.interval / sqrt(NEXT_ACTION)
    assert usual.interval == pytest.approx(2.69 * DAY, rel=0.01)
    soon = model.plan(Belief(), of_age(60 * DAY, next_action_at=NOON + 2 * days), NOON)
    later = model.plan(Belief(), of_age(60 * DAY, next_action_at=NOON + 3.5 * days), NOON)
    assert [soon.interval, later.interval] == pytest.approx([boosted, 2.5 * DAY])
    for far in (NOON - 9 * days, NOON + 9 * days):
        assert model.plan(Belief(), of_age(60 * DAY, next_action_at=far), NOON) == usual


def test_unread_and_open_leads_come_before_settled_ones() -> None:
    rates = [
        MODEL.plan(Belief(), of_age(20 * DAY, stage), NOON).interval
        for stage in ("Unread", "IN PROGRESS ", "Won")
    ]
    assert rates == sorted(rates) and rates[0] < rates[1] < rates[2]
    assert of_age(0, "In progress").kind == "in progress"
    assert Traits(NOON, "In progress", status="Not interested").kind == "settled"


def test_text_of_the_remote_makes_no_kind_of_ours() -> None:
    assert Traits(NOON, "@person").kind == "person"
    assert len(Traits(NOON, "x" * 10_000).kind) == 40


def test_a_change_wakes_a_settled_lead_and_no_other() -> None:
    assert MODEL.wakes(of_age(2 * DAY, "Won"), NOON)
    assert not MODEL.wakes(of_age(HOUR, "Won"), NOON)
    assert not MODEL.wakes(of_age(400 * DAY), NOON)


def test_bands_tell_hot_warm_and_cold_apart() -> None:
    assert band(of_age(6 * DAY), NOON) == "hot"
    assert band(of_age(400 * DAY, wanted_until=NOON + timedelta(minutes=1)), NOON) == "hot"
    assert band(of_age(400 * DAY, next_action_at=NOON - timedelta(hours=2)), NOON) == "hot"
    assert band(of_age(60 * DAY), NOON) == "warm"
    assert band(of_age(60 * DAY, "Won"), NOON) == "cold"
    assert band(of_age(100 * DAY), NOON) == "cold"


def test_a_lead_made_in_the_future_counts_as_new() -> None:
    assert MODEL.plan(Belief(), of_age(-5 * DAY), NOON) == MODEL.plan(Belief(), of_age(0), NOON)


def test_persons_are_looked_up_again_and_learn_apart() -> None:
    plan = MODEL.contact_plan(Belief(), NOON - timedelta(days=30), NOON)
    seen = MODEL.contact_observe(
        Belief(), NOON - timedelta(days=30), NOON - timedelta(days=9), NOON, discovered=True
    )
    assert 60 <= plan.interval <= 180 * DAY
    assert {cell.partition("|")[2] for cell in seen.delta} == {"@person"}


def test_the_rule_needs_no_django_and_reads_no_clock() -> None:
    code = "import leads.sync.freshness, sys; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
