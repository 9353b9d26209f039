"""`python -m tests.simulation.campaign --seeds N [--mutants N]`: many seeds, every mutant, one table.

Fails where the engine as it is breaks an invariant, or where a mutant that should die survives.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.simulation.mutants import MUTANTS, Mutant  # noqa: E402 - Django first
from tests.simulation.writeonly import WriteOnlyWorld  # noqa: E402

NOTHING_REMOVED = Mutant("nothing removed", dies=False)
NOTHING_REMOVED_FROM_SUBMITS = Mutant("nothing removed, leads submitted", dies=False, world=WriteOnlyWorld)
AS_IT_IS = {-1: NOTHING_REMOVED, -2: NOTHING_REMOVED_FROM_SUBMITS}
CHUNK = 50
#: A sign of life after so many runs.
EVERY = 5000


@dataclass
class Tally:
    """What a number of seeds brought."""

    runs: int = 0
    bad: int = 0
    faults: int = 0
    gaps: int = 0
    creates: int = 0
    found: Counter[str] = field(default_factory=Counter)
    first: str = ""
    seeds: list[int] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.runs += other.runs
        self.bad += other.bad
        self.faults += other.faults
        self.gaps += other.gaps
        self.creates += other.creates
        self.found += other.found
        self.first = self.first or other.first
        self.seeds += other.seeds


def play(number: int, seeds: range) -> Tally:
    """Run these seeds of one mutant; below 0 is the engine as it is."""
    logging.disable(logging.CRITICAL)
    mutant = AS_IT_IS.get(number) or MUTANTS[number]
    tally = Tally()
    with mutant.applied() as settings:
        for seed in seeds:
            world = mutant.world(seed, settings)
            try:
                broken = world.run()
            except AssertionError as refused:
                broken = [f"DB: {refused}"]
            tally.runs += 1
            tally.faults += world.faults.total()
            tally.gaps += world.remote.gaps
            tally.creates += world.made()
            if broken:
                tally.bad += 1
                tally.seeds.append(seed)
                tally.found.update({text.partition(":")[0] for text in broken})
                tally.first = tally.first or f"seed {seed}: {broken[0]}"
    return tally


def tally_of(number: int, seeds: int, pool: ProcessPoolExecutor, stop_at: int = 0) -> Tally:
    """All seeds of one mutant; with ``stop_at``, only until that many runs were bad."""
    total = Tally()
    jobs = [pool.submit(play, number, range(n, min(n + CHUNK, seeds))) for n in range(0, seeds, CHUNK)]
    for job in jobs:
        if job.cancelled():
            continue
        total.add(job.result())
        if job.result().bad and not stop_at:
            print(f"  {job.result().first}", file=sys.stderr, flush=True)
        if total.runs % EVERY == 0 and total.runs < seeds:
            print(f"  {total.runs} of {seeds} runs, {total.bad} bad", file=sys.stderr, flush=True)
        if stop_at and total.bad >= stop_at:
            for later in jobs:
                later.cancel()
            break
    return total


def report(rows: Iterable[tuple[Mutant, Tally]]) -> Iterable[str]:
    """The table, in Markdown."""
    yield "| rule removed | runs | bad runs | seen as | expected |"
    yield "| --- | ---: | ---: | --- | --- |"
    for mutant, tally in rows:
        seen = ", ".join(f"{name} {times}" for name, times in sorted(tally.found.items())) or "nothing"
        expected = "dies" if mutant.dies else "none" if mutant in AS_IT_IS.values() else "may survive"
        yield f"| {mutant.name} | {tally.runs:,} | {tally.bad:,} | {seen} | {expected} |"


def commit() -> str:
    """The commit this was run on, if there is one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "no commit yet"
    return done.stdout.strip()


def tell(mutant: Mutant, tally: Tally) -> None:
    """One line while it runs."""
    print(f"{mutant.name}: {tally.bad} of {tally.runs}: {tally.first}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="seeds of the engine as it is")
    parser.add_argument(
        "--mutants", type=int, default=1000, help="seeds of each mutant, until three runs are bad"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    rows: list[tuple[Mutant, Tally]] = []
    with ProcessPoolExecutor(chosen.processes) as pool:
        for number, mutant in AS_IT_IS.items():
            rows.append((mutant, tally_of(number, chosen.seeds, pool)))
            tell(*rows[-1])
        for number, mutant in enumerate(MUTANTS):
            rows.append((mutant, tally_of(number, chosen.mutants, pool, stop_at=3)))
            tell(*rows[-1])
    print(f"Commit {commit()}, {time.monotonic() - began:.0f} s, {chosen.processes} processes.")
    for mutant, tally in rows[: len(AS_IT_IS)]:
        print(f"{mutant.name}: {tally.runs:,} runs, {tally.faults:,} faults, {tally.creates:,} leads made,")
        print(
            f"{tally.bad:,} bad runs; {tally.gaps:,} values of others written over between read and effect."
        )
    print()
    print("\n".join(report(rows)))
    failures = [f"{m.name} survived" for m, t in rows if m.dies and not t.bad]
    failures += [
        f"violation: {t.first}; bad seeds: {t.seeds}" for m, t in rows if m in AS_IT_IS.values() and t.bad
    ]
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
