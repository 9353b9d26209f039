"""A worker and a beat as they are deployed: doorbells are heard at once, and the sweep finds the rest."""

from __future__ import annotations

import pytest

from tests.processes.harness import House, person, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]


def test_doorbells_are_answered_and_the_sweep_does_what_is_due(house: House) -> None:
    house.start_sandbox(leads=12)
    worker = house.start_worker(beat=False)
    # Without a beat nothing but the doorbell can have woken the worker.
    house.ask("save_lead", values=person(1))
    house.wait_for_pushes(1)
    assert [row["status"] for row in house.box.log("POST", "/leads")] == [200]
    ids = [lead["id"] for lead in house.box.leads()]
    run = house.ask("start_import", leadpro_ids=ids)
    house.wait_for_run(run)
    assert house.ask("table_counts")["leads"] == 13
    assert (house.ask("heartbeat_age"), house.ask("reference_counts")) == (None, [0, 0])

    house.box.clear_log()
    assert house.ask("make_due") == 13
    house.start_beat()
    wait_until(lambda: house.ask("heartbeat_age") is not None, "the sweep leaves its mark")
    wait_until(lambda: house.ask("count_due") == 0, "what is due is read")
    wait_until(lambda: house.ask("reference_counts") == [7, 14], "offices and statuses are listed")
    wait_until(lambda: len(house.box.log("GET", "/leads/*")) >= 13, "every due lead is read")
    assert sorted(row["lead_id"] for row in house.box.log("GET", "/leads/*")) == sorted(ids)
    assert len(house.box.log("GET", "/offices")) == len(house.box.log("GET", "/statuses")) == 1
    assert worker.is_alive
