"""Two workers and two beats do no more than one of each: everything once, and one budget for all."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.processes.harness import House, person, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]

BUDGET, READ, SAVED, MORE = 60, 15, 6, 15


def most_within(span: float, times: list[float]) -> int:
    """The most events in any stretch of so many seconds."""
    return max(sum(start <= at < start + span for at in times) for start in times)


def test_two_workers_read_and_send_everything_once_within_one_budget(house: House) -> None:
    # A push that waits too long for the budget lets its send window pass, and would spend a call on nothing.
    house.env |= {"PUSH_SEND_WINDOW_SECONDS": "20", "PUSH_LEASE_SECONDS": "30"}
    # So long that nothing is looked at again meanwhile.
    house.env |= {"LEADPRO_REQUESTS_PER_MINUTE": str(BUDGET), "REFRESH_FLOOR_SECONDS": "600"}
    house.start_sandbox(leads=READ)
    ids = [lead["id"] for lead in house.box.leads()]
    for name in ("first", "second"):
        house.start_worker(name, ready=False)
    pushes = [house.ask("save_lead", values=person(number)) for number in range(SAVED)]
    run = house.ask("start_import", leadpro_ids=ids)
    house.wait_for_pushes(SAVED)
    house.wait_for_run(run)
    wait_until(lambda: house.ask("reference_counts") == [7, 14], "offices and statuses are listed")
    assert len(pushes) == house.box.count("POST", "/leads") == SAVED
    assert Counter(row["lead_id"] for row in house.box.log("GET", "/leads/*")) == dict.fromkeys(ids, 1)
    assert [house.box.count("GET", path) for path in ("/offices", "/statuses")] == [1, 1]

    # People take what is left of the minute at once, and then even they wait.
    again = house.ask("start_refresh", leadpro_ids=ids[:MORE], lane="person")
    house.wait_for_run(again)
    assert house.box.count("GET", "/leads/*") == READ + MORE
    assert most_within(1.0, house.ask("sends_at")) <= 5
    assert most_within(60.0, [row["at"] for row in house.box.log()]) <= BUDGET
