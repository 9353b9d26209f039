"""The decision who may call next, against a world in which every rule is counted by hand."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.models.lanes import (
    GRACE,
    MINUTE,
    PACED,
    SHARES,
    SLACK,
    Ask,
    Lane,
    Waiter,
    add_recent,
    decide,
    pace,
    slots_for_people,
)

LANES = [str(lane) for lane in Lane]
#: What rounding of waits to microseconds may add.
EPSILON = 1e-4


@dataclass
class World:
    """A budget kept by hand: every moment is looked up in the whole history, nothing is counted along."""

    per_minute: int
    sent: list[tuple[float, str]] = field(default_factory=list)
    waiting: dict[str, Waiter] = field(default_factory=dict)
    paced_at: float = 0.0
    recent: list[str] = field(default_factory=list)

    def ask(self, lane: str, at: float, name: str = "") -> float:
        wait = decide(
            Ask(
                lane,
                at,
                self.per_minute,
                minute_mark=self._back(self.per_minute),
                second_mark=self._back(max(5, self.per_minute // 60)),
                slot_marks=[
                    (self._back(self.per_minute - k), within)
                    for k, within in slots_for_people(self.per_minute)
                ],
                paced_at=self.paced_at,
                recent=self.recent,
                waiting=[waiter for other, waiter in self.waiting.items() if other != name],
            )
        )
        self.waiting.pop(name, None)
        if wait == 0.0:
            self.sent.append((at, lane))
            self.paced_at = pace(self.paced_at, at, self.per_minute)
            self.recent = add_recent(self.recent, lane)
        elif name:
            self.waiting[name] = Waiter(lane, at + wait, at + wait + GRACE)
        return wait

    def _back(self, count: int) -> float | None:
        return self.sent[-count][0] if 0 < count <= len(self.sent) else None

    def times(self, *lanes: str) -> list[float]:
        return [at for at, lane in self.sent if lane in (lanes or LANES)]


def most_in(times: list[float], span: float) -> int:
    """The most in any stretch that is open on one side."""
    return max((sum(start <= at < start + span - EPSILON for at in times) for start in times), default=0)


def drive(world: World, lanes: list[str], seconds: float, *, busy: float = 0.0, seed: int = 0) -> None:
    """One caller per entry, who asks, sleeps as told (a little too long) and, once through, is busy for a while."""
    chance = random.Random(seed)
    queue = [(chance.random() / 100, number) for number in range(len(lanes))]
    heapq.heapify(queue)
    while queue[0][0] < seconds:
        at, number = heapq.heappop(queue)
        wait = world.ask(lanes[number], at, f"caller {number}")
        pause = busy * chance.random() + 0.0001 if wait == 0.0 else wait + chance.random() / 1000
        heapq.heappush(queue, (at + pause, number))


asks = st.lists(st.tuples(st.sampled_from(LANES), st.floats(0, 5), st.booleans()), max_size=150)


@settings(max_examples=300, deadline=None)
@given(asks=asks, per_minute=st.sampled_from([1, 2, 3, 7, 19, 20, 45, 60, 61, 400]))
def test_whoever_asks_whenever_minute_second_and_pace_are_kept(
    asks: list[tuple[str, float, bool]], per_minute: int
) -> None:
    world, at = World(per_minute), 1000.0
    for number, (lane, gap, sleeps) in enumerate(asks):
        at += gap
        world.ask(lane, at, f"caller {number % 7}" if sleeps else "")
    assert most_in(world.times(), MINUTE) <= per_minute
    assert most_in(world.times(), 1.0) <= max(5, per_minute // 60)


@settings(max_examples=100, deadline=None)
@given(
    asks=st.lists(st.tuples(st.sampled_from(sorted(PACED)), st.floats(0, 90)), max_size=80),
    per_minute=st.sampled_from([1, 2, 10, 60, 300]),
    span=st.floats(0.5, 200),
)
def test_pitfall_over_use_schedule_and_bulk_never_save_anything_up(
    asks: list[tuple[str, float]], per_minute: int, span: float
) -> None:
    world, at = World(per_minute), 1000.0
    for lane, gap in asks:
        at += gap
        for _ in range(3):
            world.ask(lane, at)
    gap = MINUTE / per_minute
    assert most_in(world.times(), span) <= 1 + (span + SLACK) / gap


@settings(max_examples=100, deadline=None)
@given(
    per_minute=st.sampled_from([20, 60, 120, 600]),
    lanes=st.lists(st.sampled_from(LANES[1:]), min_size=1, max_size=6),
    busy=st.floats(0, 2),
    click=st.floats(62, 130),
    seed=st.integers(0, 9),
)
def test_whatever_goes_on_a_person_waits_for_one_call_and_nobody_goes_before(
    per_minute: int, lanes: list[str], busy: float, click: float, seed: int
) -> None:
    world = World(per_minute)
    drive(world, lanes, click, busy=busy, seed=seed)
    click += 0.01
    waited = world.ask("person", click, "a person")
    assert waited <= max(MINUTE / per_minute, 1.0) + EPSILON
    if waited:
        for number, lane in enumerate(lanes):
            assert world.ask(lane, click + waited - 0.00001, f"caller {number}") > 0
        assert world.ask("person", click + waited, "a person") <= EPSILON


@pytest.mark.parametrize("seed", range(5))
def test_four_lanes_that_all_want_everything_get_their_shares(seed: int) -> None:
    world = World(60)
    drive(world, ["push", "push", "hint", "hint", "schedule", "bulk"], 1000, seed=seed)
    counts = Counter(lane for _, lane in world.sent[60:])
    shares = {lane: counts[lane] / counts.total() for lane in LANES}
    assert {lane: round(share, 1) for lane, share in shares.items()} == {
        "person": 0.0,
        "push": 0.2,
        "hint": 0.2,
        "schedule": 0.2,
        "bulk": 0.4,
    }


@pytest.mark.parametrize(
    ("lanes", "expected"),
    [
        (["bulk"], {"bulk": 1.0}),
        (["schedule"], {"schedule": 1.0}),
        (["push"], {"push": 1.0}),
        (["schedule", "bulk"], {"schedule": 0.6, "bulk": 0.4}),
        (["push", "bulk"], {"push": 0.6, "bulk": 0.4}),
        (["push", "schedule"], {"push": 0.8, "schedule": 0.2}),
        (["hint", "bulk"], {"hint": 0.6, "bulk": 0.4}),
        (["person", "bulk"], {"person": 1.0}),
    ],
)
def test_what_a_lane_does_not_want_the_others_get_at_once(
    lanes: list[str], expected: dict[str, float]
) -> None:
    world = World(60)
    drive(world, lanes, 600)
    counts = Counter(lane for at, lane in world.sent if at > 120)
    assert {lane: round(n / counts.total(), 1) for lane, n in counts.items() if n > 5} == expected
    assert len(world.sent) >= 0.98 * 60 * 600 / MINUTE


def test_a_lane_that_comes_back_is_not_owed_the_past() -> None:
    world = World(60)
    drive(world, ["schedule"], 300)
    before = len(world.sent)
    at = world.sent[-1][0]
    for _ in range(2000):
        at += 0.02
        for lane in ("bulk", "schedule"):
            world.ask(lane, at, lane)
    assert max(Counter(lane for _, lane in world.sent[before : before + 5]).values()) <= 3


def test_one_that_dies_in_its_sleep_holds_nobody_up_for_longer_than_a_second() -> None:
    world = World(60)
    drive(world, ["bulk"], 70)
    at = world.sent[-1][0] + 0.01
    wait = world.ask("schedule", at, "it dies")
    granted = at
    while (more := world.ask("bulk", granted)) > 0:
        granted += more
    assert granted <= at + wait + GRACE + 0.05


def test_a_burst_of_pushes_leaves_people_three_calls_of_sixty() -> None:
    world = World(60)
    drive(world, ["push"] * 3, 20)
    assert len(world.sent) == 57
    assert [world.ask("person", 20.5), world.ask("person", 20.6), world.ask("person", 20.7)] == [
        0.0,
        0.0,
        0.0,
    ]
    assert world.ask("person", 20.8) > 35


def test_shares_are_less_than_everything() -> None:
    assert sum(SHARES.values()) == 4
