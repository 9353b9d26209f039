"""How often leads change: a belief about each one, and rates pooled over all of them by age and kind. Pure.

A lead changes as a Poisson process of rate ``m * h``: h is the rate of its cell (age bucket and kind), m its own
multiplier. A read tells one bit: changed or not since the last one (Cho & Garcia-Molina, "Estimating frequency of
change", 2003; learnt while reading: Upadhyay et al., AAAI 2020). Ages and times are business seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, fsum, inf, log1p
from typing import Any

from leads.sync.worth import DAY, HOUR, PERSON, ladder

#: Shape and rate of the multiplier's prior, mean 1. A float: with an integer one, learning once froze unnoticed.
A0 = 1.0
#: What a lead did long ago says ever less about it: the belief is half-way back at the prior after so long.
HALF_LIFE = 180 * DAY
#: Where age buckets begin. Worth changes only where a bucket begins, so that one walk over buckets does for both.
BUCKETS = (
    0.0,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    DAY,
    3 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
)
#: Changes a day to start from in each bucket, and how many lead-days of watching that guess is worth.
PRIOR = (12.0, 12.0, 6.0, 6.0, 2.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.005, 0.005)
PRIOR_EXPOSURE = 20 * DAY
#: Kinds whose prior is a share of the guess, instead of what was learned in their bucket from all other leads.
APART = {"settled": 0.1, PERSON: 0.02}
#: A remote may show any text as a stage: beyond so many kinds, new ones count as unknown.
MOST_KINDS = 60

Delta = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Belief:
    """Gamma(shape, rate): what is believed of one copy's multiplier."""

    shape: float = A0
    rate: float = A0

    @property
    def mean(self) -> float:
        return self.shape / self.rate

    def unchanged_after(self, exposure: float) -> float:
        """Probability that nothing happened while so many changes were expected at multiplier 1 (in [0, 1])."""
        return exp(-self.shape * log1p(max(0.0, exposure) / self.rate))

    def changes(self, exposure: float) -> float:
        """How many changes a look that found one stands for: those expected, by the probability of any (EM).

        Several changes between two looks count once, so looks that found one are too few. With the multiplier
        certain this is X / (1 - e^-X); the whole belief must enter, or pooled rates come out too low.
        """
        any_change = -expm1(-self.shape * log1p(exposure / self.rate))
        return self.mean * exposure / any_change if any_change > 1e-9 else 1.0

    def faded(self, seconds: float) -> Belief:
        """Pulled back towards the prior, half-way in HALF_LIFE."""
        kept = 0.5 ** (max(0.0, seconds) / HALF_LIFE)
        return Belief(A0 + (self.shape - A0) * kept, A0 + (self.rate - A0) * kept)

    def after(self, exposure: float, *, changed: bool) -> Belief:
        """The belief after one read. Exact if nothing changed; else the Gamma of the posterior's first two moments.

        The one-bit likelihood ``1 - exp(-m * exposure)`` has no conjugate prior, but its posterior is a difference of
        two Gammas, whose moments are known (assumed-density filtering).
        """
        shape, rate = self.shape, self.rate
        if not changed:
            return Belief(shape, rate + max(0.0, exposure))
        log_q = -log1p(max(exposure / rate, 1e-9))
        z0, z1, z2 = (-expm1((shape + k) * log_q) for k in (0, 1, 2))
        mean = shape / rate * z1 / z0
        spread = (shape + 1) / shape * z2 * z0 / (z1 * z1) - 1
        return Belief(1 / spread, 1 / (spread * mean))


class Curve:
    """The pooled rate of one kind of lead by age, in steps, and what the lead is worth in each."""

    __slots__ = ("cells", "rates", "starts", "sums", "worths")

    def __init__(self, kind: str, starts: Sequence[float], rates: Sequence[float]) -> None:
        self.starts, self.rates = tuple(starts), tuple(rates)
        self.cells = tuple(f"{number}|{kind}" for number in range(len(starts)))
        self.worths = tuple(next(worth for age, worth in ladder(kind) if start < age) for start in starts)
        sums = [0.0]
        for number, rate in enumerate(rates[:-1]):
            sums.append(sums[-1] + rate * (starts[number + 1] - starts[number]))
        self.sums = tuple(sums)

    def total(self, age: float) -> float:
        """Changes expected at multiplier 1 from birth to an age."""
        step = bisect_right(self.starts, age) - 1
        return self.sums[step] + self.rates[step] * (age - self.starts[step]) if step >= 0 else 0.0

    def walk(self, start: float, end: float) -> Iterator[tuple[str, float, float]]:
        """(cell, seconds spent in it, changes expected at multiplier 1) between two ages."""
        step = max(0, bisect_right(self.starts, start) - 1)
        while start < end:
            stop = min(end, self.starts[step + 1] if step + 1 < len(self.starts) else inf)
            yield self.cells[step], stop - start, self.rates[step] * (stop - start)
            start, step = stop, step + 1


class Rates:
    """Pooled change rates by cell, learned by EM. A kind never met before has its bucket's rates.

    Each cell keeps changes (numerator) and exposure (denominator), both as believed; a cell's own figures weigh
    against its bucket's like PRIOR_EXPOSURE of watching, and a bucket's against the configured guess (empirical
    Bayes; Grimes & Ford 2008 show what a prior is worth to new pages).
    """

    def __init__(self, prior: Sequence[float] = PRIOR) -> None:
        self._prior = prior
        self._cells: dict[str, dict[int, tuple[float, float]]] = {}
        self._curves: dict[str, Curve] = {}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rates:
        """The rates that ``to_json`` described."""
        rates = cls()
        rates.add({cell: (float(changes), float(exposure)) for cell, (changes, exposure) in data.items()})
        return rates

    def to_json(self) -> dict[str, list[float]]:
        """Cell to [changes, exposure in business seconds]."""
        return {
            f"{bucket}|{kind}": list(pair)
            for kind, buckets in sorted(self._cells.items())
            for bucket, pair in sorted(buckets.items())
        }

    def add(self, delta: Mapping[str, tuple[float, float]]) -> None:
        """Add what observations told, as in ``Observation.delta``. The order of calls does not matter."""
        for cell, (changes, exposure) in delta.items():
            bucket, _, kind = cell.partition("|")
            if kind not in self._cells and len(self._cells) >= MOST_KINDS and kind not in APART:
                kind = ""
            buckets = self._cells.setdefault(kind, {})
            was = buckets.get(int(bucket), (0.0, 0.0))
            buckets[int(bucket)] = (was[0] + changes, was[1] + exposure)
        self._curves = {}

    def curve(self, kind: str) -> Curve:
        """The rates of a kind by age."""
        curve = self._curves.get(kind)
        if curve is None:
            buckets = range(len(BUCKETS))
            curve = Curve(kind, BUCKETS, [self._rate(kind, bucket) for bucket in buckets])
            if len(self._curves) <= 2 * MOST_KINDS:
                self._curves[kind] = curve
        return curve

    def _rate(self, kind: str, bucket: int) -> float:
        guess = self._prior[bucket] / DAY
        if kind in APART:
            return self._blend([kind], bucket, guess * APART[kind])
        pooled = self._blend([k for k in self._cells if k not in APART], bucket, guess)
        return self._blend([kind], bucket, pooled)

    def _blend(self, kinds: list[str], bucket: int, prior: float) -> float:
        pairs = [self._cells.get(kind, {}).get(bucket, (0.0, 0.0)) for kind in kinds]
        # Exact, so that it does not matter in which order kinds were met: another process read them from JSON.
        changes, exposure = fsum(pair[0] for pair in pairs), fsum(pair[1] for pair in pairs)
        return (changes + prior * PRIOR_EXPOSURE) / (exposure + PRIOR_EXPOSURE)
