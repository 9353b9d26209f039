"""Figures about freshness with honest error bars. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

#: Two-sided 95 %.
Z = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of which ``hits`` of ``n`` were seen (Wilson 1927). (0, 1) where n is 0."""
    if n <= 0:
        return 0.0, 1.0
    share = hits / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_of_sample(values: Sequence[float], *, is_whole: bool) -> tuple[float, float, float]:
    """Mean and 95 % interval of shares between 0 and 1, drawn uniformly. Of the whole there is no error to draw.

    Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values")
    n = len(values)
    mean = sum(values) / n
    if is_whole:
        return mean, mean, mean
    if n == 1:
        return mean, 0.0, 1.0
    half = Z * sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def within_minutes(buckets: Mapping[int, int], share: float) -> float | None:
    """Minutes within which at least ``share`` of the gaps lie: the upper edge of a bucket, never better than that.

    Bucket b holds gaps of 2^b up to 2^(b+1) minutes. None where there are none.
    """
    total, so_far = sum(buckets.values()), 0
    if total <= 0:
        return None
    for bucket in sorted(buckets):
        so_far += buckets[bucket]
        if so_far >= share * total:
            return float(2.0 ** (bucket + 1))
    return None
