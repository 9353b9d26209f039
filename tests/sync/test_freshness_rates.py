"""The belief about one copy against the exact posterior, and the rates that all copies teach."""

from __future__ import annotations

from math import exp, expm1, isfinite, log, log1p, sqrt
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.sync.rates import A0, BUCKETS, HALF_LIFE, MOST_KINDS, PRIOR, Belief, Curve, Rates
from leads.sync.worth import AGES, DAY, HOUR, PERSON

GRID = [exp(-9 + 12.5 * step / 160) for step in range(161)]
shapes = st.floats(0.05, 500)
exposures = st.floats(0, 1e6)


def exact_mean(unchanged: float, changed: list[float]) -> float:
    """Posterior mean of a multiplier with prior Gamma(A0, A0), by adding up over a fine grid of log multipliers."""
    logs = [
        A0 * log(m) - (A0 + unchanged) * m + sum(log(-expm1(-m * exposure)) for exposure in changed)
        for m in GRID
    ]
    top = max(logs)
    weights = [exp(value - top) for value in logs]
    return sum(m * weight for m, weight in zip(GRID, weights, strict=True)) / sum(weights)


def watched(dice: Random, looks: int) -> tuple[float, float, float]:
    """A random lead after so many looks at irregular times: its multiplier, the filter's mean, the exact one."""
    true, belief = dice.gammavariate(A0, 1 / A0), Belief()
    unchanged, changed = 0.0, []
    for _ in range(looks):
        exposure = exp(dice.uniform(log(0.05), log(3)))
        has_changed = dice.random() < -expm1(-true * exposure)
        belief = belief.after(exposure, changed=has_changed)
        if has_changed:
            changed.append(exposure)
        else:
            unchanged += exposure
    return true, belief.mean, exact_mean(unchanged, changed)


@pytest.mark.parametrize(("looks", "leads"), [(2, 400), (10, 300), (30, 150), (100, 60)])
def test_the_gamma_filter_is_as_good_as_the_exact_posterior(looks: int, leads: int) -> None:
    dice = Random(looks)
    seen = [watched(dice, looks) for _ in range(leads)]
    ours = sqrt(sum(log(mine / true) ** 2 for true, mine, _ in seen) / leads)
    exact = sqrt(sum(log(best / true) ** 2 for true, _, best in seen) / leads)
    assert abs(ours / exact - 1) < 0.05
    assert median(abs(mine / best - 1) for _, mine, best in seen) < 0.02
    assert max(abs(mine / best - 1) for _, mine, best in seen) < 0.4


def test_an_unchanged_look_is_exact() -> None:
    assert Belief(1.5, 2.0).after(0.5, changed=False) == Belief(1.5, 2.5)


def test_a_change_in_no_time_counts_as_one_change_and_no_exposure() -> None:
    after = Belief(1.5, 2.0).after(0.0, changed=True)
    assert [after.shape, after.rate] == pytest.approx([2.5, 2.0], rel=1e-6)


def test_a_change_after_endless_time_teaches_nothing() -> None:
    after = Belief(1.5, 2.0).after(1e12, changed=True)
    assert [after.shape, after.rate] == pytest.approx([1.5, 2.0], rel=1e-6)


@pytest.mark.parametrize("start", [Belief(), Belief(1, 1), Belief(2, 3)])
def test_pitfall_integer_posterior_moves_also_from_whole_numbers(start: Belief) -> None:
    changed, unchanged = start.after(0.01, changed=True), start.after(0.01, changed=False)
    assert changed.mean > start.mean > unchanged.mean
    assert isinstance(A0, float)


@given(shapes, shapes, exposures, st.booleans())
def test_a_belief_stays_a_belief(shape: float, rate: float, exposure: float, changed: bool) -> None:
    before = Belief(shape, rate)
    after = before.after(exposure, changed=changed)
    assert isfinite(after.shape) and isfinite(after.rate) and after.shape > 0 and after.rate > 0
    assert after.mean >= before.mean * (1 - 1e-6) if changed else after.mean <= before.mean


@given(shapes, shapes, exposures, exposures)
def test_believed_unchanged_falls_and_stays_a_probability(
    shape: float, rate: float, one: float, more: float
) -> None:
    belief = Belief(shape, rate)
    assert 1 >= belief.unchanged_after(one) >= belief.unchanged_after(one + more) >= 0


def test_what_was_seen_long_ago_is_half_forgotten_in_half_a_year() -> None:
    faded = Belief(5.0, 9.0).faded(HALF_LIFE)
    assert [faded.shape, faded.rate] == pytest.approx([A0 + (5 - A0) / 2, A0 + (9 - A0) / 2])
    assert Belief(5.0, 9.0).faded(0) == Belief(5.0, 9.0)


def test_pitfall_detected_changes_are_not_all_changes() -> None:
    certain, unsure = Belief(1e9, 1e9), Belief(1.0, 1.0)
    assert certain.changes(3.0) == pytest.approx(3.0 / (1 - exp(-3.0)))
    assert unsure.changes(3.0) == pytest.approx(3.0 / (1 - 1 / 4))
    assert unsure.changes(0.0) == 1.0


def test_pitfall_adaptive_sampling_pooled_rates_find_the_truth_although_hot_leads_are_looked_at_more() -> (
    None
):
    dice, rates, true = Random(5), Rates(), 0.9 / DAY
    for lead in range(400):
        multiplier, belief = dice.gammavariate(A0, 1 / A0), Belief()
        for _ in range(30):
            wait = dice.uniform(0.2, 2.0) * DAY / (1 + 2 * (lead % 3))
            curve = rates.curve("visited")
            exposure = curve.rates[5] * wait
            changed = dice.random() < -expm1(-multiplier * true * wait)
            count = belief.changes(exposure) if changed else 0.0
            rates.add({curve.cells[5]: (count, belief.mean * wait)})
            belief = belief.after(exposure, changed=changed)
    assert rates.curve("visited").rates[5] == pytest.approx(true, rel=0.12)


def test_a_new_kind_of_lead_starts_from_what_its_bucket_learned_from_all_others() -> None:
    rates = Rates()
    rates.add({"3|unread": (900.0, 100 * DAY), "3|in progress": (1100.0, 100 * DAY)})
    bucket = (2000 + PRIOR[3] * 20) / (200 + 20) / DAY
    assert rates.curve("never met before").rates[3] == pytest.approx(bucket)
    assert rates.curve("unread").rates[3] == pytest.approx((900 / DAY + bucket * 20) / 120)


def test_with_nothing_learned_the_configured_guess_stands() -> None:
    assert Rates().curve("unread").rates == pytest.approx([guess / DAY for guess in PRIOR])


def test_settled_leads_and_persons_learn_apart_from_the_rest() -> None:
    rates = Rates()
    rates.add({"11|settled": (0.0, 1e6 * DAY), f"11|{PERSON}": (0.0, 1e6 * DAY)})
    assert rates.curve("unread").rates == Rates().curve("unread").rates
    assert rates.curve("settled").rates[11] < 1e-4 / DAY


def test_endless_invented_stages_take_no_endless_memory() -> None:
    rates = Rates()
    for number in range(10 * MOST_KINDS):
        rates.add({f"0|stage {number}": (1.0, 100.0)})
        rates.curve(f"stage {number}")
    assert len(rates.to_json()) <= MOST_KINDS + 1
    assert sum(changes for changes, _ in rates.to_json().values()) == 10 * MOST_KINDS


@given(
    st.dictionaries(
        st.builds(
            "{}|{}".format,
            st.integers(0, len(BUCKETS) - 1),
            st.sampled_from(["", "unread", "a|b", "settled"]),
        ),
        st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)),
    )
)
def test_rates_survive_json(delta: dict[str, tuple[float, float]]) -> None:
    rates = Rates()
    rates.add(delta)
    again = Rates.from_json(rates.to_json())
    assert again.to_json() == rates.to_json() == {cell: list(pair) for cell, pair in delta.items()}
    assert again.curve("unread").rates == rates.curve("unread").rates


def test_the_order_of_additions_does_not_matter() -> None:
    one, other = Rates(), Rates()
    parts = [{"1|a": (1.0, 5.0)}, {"1|a": (2.0, 7.0)}, {"2|b": (3.0, 9.0)}]
    for part in parts:
        one.add(part)
    for part in reversed(parts):
        other.add(part)
    assert one.to_json() == other.to_json()


@given(st.floats(0, 2e8), st.floats(0, 2e8))
def test_a_walk_over_buckets_adds_up_to_the_totals(one: float, other: float) -> None:
    curve, (start, end) = Rates().curve("unread"), sorted((one, other))
    steps = list(curve.walk(start, end))
    assert sum(seconds for _, seconds, _ in steps) == pytest.approx(end - start, abs=1e-3)
    assert sum(expected for *_, expected in steps) == pytest.approx(
        curve.total(end) - curve.total(start), abs=1e-6
    )


def test_worth_changes_only_where_a_bucket_begins() -> None:
    assert {age for age, _ in AGES[:-1]} <= set(BUCKETS)
    curve = Curve("in progress", BUCKETS, [1.0] * len(BUCKETS))
    assert curve.worths[BUCKETS.index(8 * HOUR)] == 200 and curve.worths[BUCKETS.index(DAY)] == 60


def test_log1p_keeps_small_exposures() -> None:
    assert Belief(2.0, 3.0).unchanged_after(1e-15) == pytest.approx(exp(-2 * log1p(1e-15 / 3)))
