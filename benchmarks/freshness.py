"""How fresh a mirror stays for its budget: the project's schedule in an invented world of leads, against others.

``make bench`` runs 20,000 leads over 120 days at a tenth of the budgets, ``make bench-long`` 200,000 over two years.
Finished cells of a long run are kept in ``--keep FILE``, so that it can be stopped and taken up again. Seed 1 was for
tuning; what is printed are the means of seeds 2 and 3, and of the events those of seed 2.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.freshworld.life import DAY, HOUR, Lead, make_world
from benchmarks.freshworld.mirror import Mirror, Policy, Result, Run
from benchmarks.freshworld.policies import AgeTable, ClassHeads, OldestFirst
from leads.sync.rates import PRIOR, Rates

OURS, TRUE, OLDEST, TABLE, TUNED = "ours", "true rates", "oldest first", "age table", "age table, tuned"
POLICIES = (OLDEST, TABLE, TUNED, OURS, TRUE)
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Size:
    """``scales``: by which the age table's intervals do best in hindsight on seed 1, for each budget."""

    name: str
    leads: int
    days: int
    budgets: tuple[float, ...]
    measured: int
    changed: tuple[int, int]
    scales: tuple[float, ...]
    event: int

    def world(self, seed: int) -> list[Lead]:
        return _world(self.leads, self.days, seed)


#: ``measured``: the last days; ``changed``: delays of changes made so many days before the end; ``event``: a weekday.
SMALL = Size("small", 20_000, 120, (0.2, 1, 6), 30, (45, 15), (256, 32, 4), 100)
FULL = Size("full", 200_000, 730, (2, 10, 60), 60, (100, 70), (32, 8, 2), 700)
#: The full size with a tenth of the leads at a tenth of the budgets: a quick look at what it will print.
TENTH = replace(FULL, name="tenth", leads=20_000, budgets=(0.2, 1, 6))
SIZES = {size.name: size for size in (SMALL, TENTH, FULL)}
#: Case: budget before and after the event (of the three), days measured after it, and what else happens.
CASES: dict[str, tuple[int, int, float, str]] = {
    "24 h with no outage": (1, 1, 1.34, ""),
    "24 h after an outage of 8 h": (1, 1, 1.34, "down"),
    "budget down to a sixth, next 10 days": (2, 1, 10, ""),
    "budget six times as high, next 10 days": (1, 2, 10, ""),
    "first 14 days with all leads": (1, 1, 14, "go-live"),
    "the same, prior says all leads are alike": (1, 1, 14, "alike"),
    "1 % of leads always fail, 14 days": (1, 1, 14, "broken"),
}


@lru_cache(maxsize=1)
def _world(leads: int, days: int, seed: int) -> list[Lead]:
    return make_world(leads, days, seed)


def policy_of(
    name: str, world: list[Lead], seed: int, scale: float = 1.0, rates: Rates | None = None
) -> Policy:
    makers: dict[str, Callable[[], Policy]] = {
        OURS: lambda: ClassHeads(world, seed, rates=rates),
        TRUE: lambda: ClassHeads(world, seed, truth=True),
        OLDEST: OldestFirst,
        TABLE: lambda: AgeTable(world, 1.0),
        TUNED: lambda: AgeTable(world, scale),
    }
    return makers[name]()


def steady(size: Size, seed: int, number: int, name: str) -> Row:
    """One policy at one constant budget, from an empty mirror to the end."""
    world, end, budget = size.world(seed), size.days * DAY, size.budgets[number]
    early, late = (end - days * DAY for days in size.changed)
    run = Run(world, lambda now: budget, 0.0, end, (end - size.measured * DAY, end), (early, late))
    return to_row(Mirror(run, policy_of(name, world, seed, size.scales[number])).go())


def eventful(size: Size, seed: int, case: str, name: str) -> Row:
    """One policy through one of the CASES, measured after the event."""
    before, after, days, what = CASES[case]
    world, event = size.world(seed), size.event * DAY
    begin = event if what in ("go-live", "alike") else 0.0
    down = (event + 9 * HOUR, event + 17 * HOUR) if what == "down" else (0.0, 0.0)
    since = event + 17 * HOUR if days < 2 else event
    until = since + DAY if days < 2 else event + days * DAY
    old, new = size.budgets[before], size.budgets[after]
    broken = frozenset(range(0, len(world), 100)) if what == "broken" else frozenset[int]()
    run = Run(
        world, lambda now: old if now < event else new, begin, until, (since, until), down=down, broken=broken
    )
    rates = Rates([PRIOR[8]] * len(PRIOR)) if what == "alike" else None
    return to_row(Mirror(run, policy_of(name, world, seed, size.scales[after], rates)).go())


def to_row(result: Result) -> Row:
    delays, hot, woken = (d or [0.0] for d in (result.delays, result.hot_delays, result.woken_delays))
    return {
        "staleness": result.staleness,
        "hot mean": mean(hot),
        "hot median": median(hot),
        "mean": mean(delays),
        "median": median(delays),
        "woken mean": mean(woken),
        "wasted": 1 - result.found / max(result.reads, 1),
        "worst": result.worst_age,
        "used": result.reads / max(result.slots, 1),
    }


class Book:
    """Finished cells, in a file where one is given."""

    def __init__(self, size: Size, path: Path | None) -> None:
        self.size, self.path, self.rows = size, path, dict[str, Row]()
        if path and path.exists():
            self.rows = dict(map(json.loads, path.read_text().splitlines()))

    def cell(self, work: Callable[..., Row], seed: int, what: Any, name: str) -> Row:
        key = f"{self.size.name}|{work.__name__}|{seed}|{what}|{name}"
        if key not in self.rows:
            began = time.monotonic()
            self.rows[key] = work(self.size, seed, what, name)
            print(f"{key}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a") as file:
                    file.write(json.dumps([key, self.rows[key]]) + "\n")
        return self.rows[key]

    def over(self, seeds: list[int], work: Callable[..., Row], what: Any, name: str) -> Row:
        rows = [self.cell(work, seed, what, name) for seed in seeds]
        return {measure: mean(row[measure] for row in rows) for measure in rows[0]}


def print_budget(size: Size, number: int, rows: dict[str, Row]) -> None:
    print(f"\n{size.leads:,} leads, {size.days} days, {size.budgets[number]:g} reads a minute")
    print(
        f"{'':18}{'fresh %':>8}{'hot: mean h':>12}{'median':>8}{'all: mean h':>12}{'median':>8}{'woken: mean h':>14}"
        f"{'wasted':>8}{'worst days':>11}{'budget used':>12}"
    )
    for name, row in rows.items():
        print(
            f"{name:18}{100 * (1 - row['staleness']):8.2f}{row['hot mean']:12.2f}{row['hot median']:8.2f}"
            f"{row['mean']:12.1f}{row['median']:8.2f}{row['woken mean']:14.0f}"
            f"{row['wasted']:8.3f}{row['worst']:11.0f}{row['used']:12.3f}"
        )
    stale = {name: row["staleness"] for name, row in rows.items()}
    ratios = {
        "oldest first / ours": stale[OLDEST] / stale[OURS],
        "age table, tuned / ours": stale[TUNED] / stale[OURS],
        "ours / true rates": stale[OURS] / stale[TRUE],
    }
    print("staleness: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()), flush=True)


def print_cases(book: Book, seed: int) -> None:
    print(f"\n{'fresh %, from the middle budget':44}{OURS:>8}{TRUE:>12}")
    for case in CASES:
        ours, true = (100 * (1 - book.cell(eventful, seed, case, name)["staleness"]) for name in (OURS, TRUE))
        print(f"{case:44}{ours:8.2f}{true:12.2f}", flush=True)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="full takes hours")
    parser.add_argument("--keep", type=Path, help="where finished cells are kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument(
        "--budgets", type=int, nargs="+", default=[0, 1, 2], help="which of the three budgets"
    )
    parser.add_argument("--no-cases", action="store_true", help="leave the robustness table out")
    chosen = parser.parse_args()
    size = SIZES[chosen.size]
    book = Book(size, chosen.keep)
    for number in chosen.budgets:
        rows = {name: book.over(chosen.seeds, steady, number, name) for name in POLICIES}
        print_budget(size, number, rows)
    if not chosen.no_cases:
        print_cases(book, chosen.seeds[0])


if __name__ == "__main__":
    main()
