"""A person who clicks waits for one call, also while an import of 50,000 rows has the whole budget."""

from __future__ import annotations

import pytest

from tests.processes.harness import House, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]

BUDGET, ROWS, CLICKS = 60, 50_000, 5
#: No such lead: a row of the import costs one call all the same.
NOBODY = 900_000_000


def test_between_a_click_and_its_call_there_is_at_most_one_other(house: House) -> None:
    house.env["LEADPRO_REQUESTS_PER_MINUTE"] = str(BUDGET)
    house.start_sandbox(leads=CLICKS)
    ids = [lead["id"] for lead in house.box.leads()]
    house.start_worker()
    mirrored = house.ask("start_import", leadpro_ids=ids)
    house.wait_for_run(mirrored)
    an_import = house.ask("start_import", leadpro_ids=[NOBODY + n for n in range(ROWS)])

    others = []
    for number, leadpro_id in enumerate(ids):
        wait_for_rows(house, an_import, 2 * number + 2)
        path = f"/leads/{leadpro_id}"
        before, seen = house.box.log(limit=1)[-1]["number"], house.box.count("GET", path)
        click = house.ask("start_refresh", leadpro_ids=[leadpro_id], lane="person")
        house.wait_for_run(click)
        theirs = house.box.log("GET", path)[seen:][-1]["number"]
        others.append(theirs - before - 1)
    assert max(others) <= 1, others
    found = house.ask("run_counts", run_id=an_import)
    assert (found["total"], found["state"]) == (ROWS, "running")


def wait_for_rows(house: House, run: int, rows: int) -> None:
    wait_until(lambda: house.ask("run_counts", run_id=run)["failed"] >= rows, f"{rows} rows are done")
