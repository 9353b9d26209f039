"""Life goes on at the remote, webhooks get lost, beat and worker die: the budget is kept and the mirror catches up."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.processes.harness import House, wait_until
from tests.processes.test_two_of_each import most_within

pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]

BUDGET, LEADS = 120, 12
#: Sandbox seconds in a real one: six seconds without a worker are ten minutes of the agency's day.
SCALE, DEAD = 100, 6.0
LIFE, FIRST = 50, 6


def open_agency(house: House) -> None:
    """A mirror of a living account whose webhooks come half of the time, some twice."""
    house.env |= {"LEADPRO_REQUESTS_PER_MINUTE": str(BUDGET), "REFRESH_FLOOR_SECONDS": "5"}
    house.start_sandbox(
        LEADS, "--clock-scale", str(SCALE), "--reading", "hook_loss=0.5", "--reading", "hook_twice=0.2"
    )
    house.start_web()
    house.box.set_webhook(f"http://127.0.0.1:{house.port}{house.ask('webhook_path')}")
    house.box.set_life(LIFE)


def catch_up(house: House) -> None:
    """Life stops; return once nothing is due that was not read since, and no hint waits."""
    house.box.set_life(0)
    time.sleep(1)
    stopped = time.time()
    wait_until(lambda: not house.ask("delivery_states").get("waiting"), "every hint is answered")
    wait_until(lambda: house.ask("count_unread", since=stopped) == 0, "every lead that is due is read")
    seen = house.ask("read_since", since=stopped)
    there = {str(lead["id"]): lead for lead in house.box.leads()}
    assert seen
    assert {
        lead: differences(raw, there[lead]) for lead, raw in seen.items() if differences(raw, there[lead])
    } == {}


def differences(raw: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Field to (here, there), of the fields that an answer of Lead.pro's shows."""
    return {name: (raw[name], there[name]) for name in raw if name in there and raw[name] != there[name]}


def test_budget_and_mirror_survive_lost_webhooks_and_dead_processes(small_house: House) -> None:
    house = small_house
    open_agency(house)
    beat, worker = house.start_beat(), house.start_worker(beat=False)
    house.wait_for_run(house.ask("start_import", leadpro_ids=[lead["id"] for lead in house.box.leads()]))
    for dying in ("beat", "worker", "beat and worker"):
        known = house.ask("intervals")
        for child in (beat, worker):
            if child.name in dying:
                child.kill()
        time.sleep(DEAD)
        before = house.box.log(limit=1)[-1]["number"]
        beat = beat if beat.is_alive else house.start_beat()
        worker = worker if worker.is_alive else house.start_worker(beat=False)
        assert_the_most_valuable_come_first(house, known, before)
    wait_until(lambda: house.box.count() > BUDGET, "there are more calls than one minute may hold")
    catch_up(house)

    times = [row["at"] for row in house.box.log()]
    assert most_within(60.0, times) <= BUDGET
    assert most_within(1.0, house.ask("sends_at")) <= 5
    lanes = house.ask("sent_by_lane")
    assert lanes.keys() >= {"bulk", "hint", "schedule"}, lanes
    assert sum(lanes.values()) == house.box.count()


def assert_the_most_valuable_come_first(house: House, intervals: dict[str, float], after: int) -> None:
    """Of the first reads after the return most are of leads that deserve one sooner than half of all."""
    middle = sorted(intervals.values())[len(intervals) // 2]
    wait_until(lambda: len(reads_after(house, after)) >= FIRST, "leads are read again")
    first = reads_after(house, after)[:FIRST]
    # A lead that nobody knew before is new, so nothing deserves a read more.
    assert sum(intervals.get(lead, 0.0) <= middle for lead in first) >= 4, (first, intervals)


def reads_after(house: House, number: int) -> list[str]:
    """Ids of the leads read after that entry of the sandbox's log, in order."""
    return [str(row["lead_id"]) for row in house.box.log("GET", "/leads/*", after=number)]
