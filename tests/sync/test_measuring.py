"""Figures with error bars, against known values."""

from __future__ import annotations

import pytest

from leads.sync.measuring import mean_of_sample, wilson, within_minutes


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_has_the_published_values(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_is_mirrored_and_stays_within_0_and_1() -> None:
    assert wilson(30, 30) == pytest.approx((1 - wilson(0, 30)[1], 1.0))
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_whole_has_no_error_and_a_sample_has_the_normal_one() -> None:
    values = [1.0, 0.8, 0.6, 0.4]
    assert mean_of_sample(values, is_whole=True) == (0.7, 0.7, 0.7)
    mean, low, high = mean_of_sample(values, is_whole=False)
    # The standard deviation is 0.2582, a half of it times 1.96 is 0.2530.
    assert (mean, round(low, 4), round(high, 4)) == (0.7, 0.447, 0.953)
    assert mean_of_sample([0.9], is_whole=False) == (0.9, 0.0, 1.0)
    with pytest.raises(ValueError, match="no values"):
        mean_of_sample([], is_whole=True)


def test_a_gap_is_known_to_a_power_of_two_and_never_told_shorter() -> None:
    assert within_minutes({}, 0.5) is None
    assert within_minutes({3: 1}, 0.5) == 16.0
    assert within_minutes({0: 5, 4: 4, 7: 1}, 0.5) == 2.0
    assert within_minutes({0: 5, 4: 4, 7: 1}, 0.9) == 32.0
    assert within_minutes({0: 5, 4: 4, 7: 1}, 0.91) == 256.0
    assert within_minutes({-1: 1}, 0.5) == 1.0
