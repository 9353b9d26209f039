"""kill -9 of worker and web server in the middle of an import and a refresh: both go on, and nothing is lost."""

from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.harness import House, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]

MIRRORED, IMPORTED = 150, 300
#: Fewer than would have their offices read as a whole.
EDITED = 60
#: Bulk reads that may come between a person's click and the person's read.
HANDFUL = 30


def mirror(house: House, ids: list[int]) -> None:
    run = house.ask("start_import", leadpro_ids=ids)
    house.wait_for_run(run)


def start_import(house: House, path: Path, ids: list[int]) -> int:
    """An import of these, of an id that does not exist, and of two rows that are none."""
    rows = [*ids, 999_999_999, "1.84E+05", "n/a"]
    path.write_text("Lead ID\n" + "".join(f"{row}\n" for row in rows))
    said = house.command("import_leads", str(path), "--map", "leadpro_id=Lead ID", "--background")
    found = re.search(r"run=(\d+) total=(\d+) bad_rows=(\d+)", said)
    assert found and found[2] == str(len(rows)) and found[3] == "2", said
    return int(found[1])


def refresh_as_person(house: House, lead_id: int) -> tuple[int, int]:
    """(status, bulk reads that came first)."""
    before = house.box.log(limit=1)[-1]["number"]
    status, answer = house.call("POST", f"/api/v1/leads/{lead_id}/refresh/", {}, Prefer="wait=20")
    read = house.box.log("GET", f"/leads/{answer['leadpro_id']}")[-1]
    return status, read["number"] - before - 1


def test_a_killed_worker_and_web_server_lose_nothing_of_an_import_and_a_refresh(
    house: House, tmp_path: Path
) -> None:
    # So long that the schedule reads nothing again meanwhile.
    house.env |= {"REFRESH_FLOOR_SECONDS": "3600"}
    house.start_sandbox(leads=MIRRORED + 1 + IMPORTED)
    ids = [lead["id"] for lead in house.box.leads()]
    refreshed, clicked, imported = ids[:MIRRORED], ids[MIRRORED], ids[MIRRORED + 1 :]
    worker, web = house.start_worker(), house.start_web()
    mirror(house, [*refreshed, clicked])
    known = house.box.leads()
    edited = [row["id"] for row in known if row["status"] != "Contacted" and row["id"] in refreshed][:EDITED]
    for leadpro_id in edited:
        house.box.staff_edit(leadpro_id, status="Contacted")
    lead = house.ask("find_lead", leadpro_id=clicked)

    house.box.set_readings(latency=0.05)
    an_import = start_import(house, tmp_path / "leads.csv", imported)
    a_refresh = house.ask("start_refresh", leadpro_ids=refreshed, lane="bulk")
    for run in (an_import, a_refresh):
        house.wait_for_run(run, done=5)
    status, waited_for = refresh_as_person(house, lead["id"])
    assert (status, waited_for <= HANDFUL) == (200, True), waited_for

    house.box.fault("delay", "GET", f"/leads/{clicked}", seconds=1.5)
    in_flight = threading.Thread(
        target=house.call,
        args=("POST", f"/api/v1/leads/{lead['id']}/refresh/", {}),
        kwargs={"Prefer": "wait=20"},
    )
    in_flight.start()
    wait_until(
        lambda: house.box.log("GET", f"/leads/{clicked}")[2:], "the person's second read is on its way"
    )
    worker.kill()
    web.kill()
    in_flight.join(30)
    half = [house.ask("run_counts", run_id=run) for run in (an_import, a_refresh)]
    assert 0 < half[0]["done"] < IMPORTED
    assert 0 < half[1]["done"] < MIRRORED
    third = house.ask("find_run_of", actor_has="API key")

    house.box.set_readings(latency=0.0)
    house.start_worker("second")
    house.start_web()
    for run in (an_import, a_refresh, third):
        house.wait_for_run(run)
    assert counts_of(house, an_import) == (IMPORTED + 3, IMPORTED, 3, {"done": IMPORTED, "failed": 3})
    assert counts_of(house, a_refresh) == (MIRRORED, MIRRORED, 0, {"done": MIRRORED})
    assert counts_of(house, third) == (1, 1, 0, {"done": 1})
    expected = dict.fromkeys(("leads", "copies", "remote_ids", "first_sights"), len(ids))
    assert house.ask("table_counts") == {**expected, "changes": len(ids) + len(edited)}
    reads = Counter(row["lead_id"] for row in house.box.log("GET", "/leads/*"))
    assert set(reads) >= set(ids)
    # The one row that was being read when the worker died is read again, and no other.
    assert IMPORTED <= sum(reads[leadpro_id] for leadpro_id in imported) <= IMPORTED + 1
    status, page = house.call("GET", "/api/v1/leads/?status=Contacted&fields=status&page_size=500")
    contacted = [row["id"] for row in house.box.leads() if row["status"] == "Contacted"]
    assert (status, len(page["results"])) == (200, len(contacted))


def counts_of(house: House, run: int) -> tuple[int, int, int, dict[str, int]]:
    found = house.ask("run_counts", run_id=run)
    return found["total"], found["done"], found["failed"], found["items"]
