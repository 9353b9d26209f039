"""What outlives a run: the state file and the export."""

import csv
import threading

import pytest

from integrations.sandbox import Sandbox, StateInUse
from tests.sandbox.api import Api


def test_a_second_run_has_the_same_leads_and_other_ids(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(leads=30, state=state) as box:
        made = Api(box).create(meta={"a": "1"}).data
        Api(box).patch(made["id"], next_action_date="2026-01-01T00:00:00Z")
        before = box.leads
    with Sandbox(leads=500, state=state) as box:
        assert box.leads == before
        assert box.next_action(made["id"]) == "2026-01-01T00:00:00Z"
        assert Api(box).find(email="ada@example.org").data == [made]
        assert Api(box).create().data["id"] > made["id"]


def test_an_id_is_not_used_again_after_a_restart(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state) as box:
        last = box.add_lead()["id"]
        box.delete_lead(last)
    with Sandbox(state=state) as box:
        assert box.add_lead()["id"] > last


def test_the_clock_goes_on_where_it_was(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state) as box:
        then = box.clock.advance(1_000_000)
    with Sandbox(state=state) as box:
        assert box.clock.now() >= then


def test_two_sandboxes_do_not_share_a_state_file(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state), pytest.raises(StateInUse, match=r"state\.sqlite3"):
        Sandbox(state=state)


def test_a_file_that_is_no_state_is_refused(tmp_path):
    path = tmp_path / "state.sqlite3"
    path.write_text("this is not a database, and it is long enough to be one " * 50)
    with pytest.raises(StateInUse):
        Sandbox(state=str(path))


def test_a_wrong_reading_or_address_touches_no_state(tmp_path):
    path = tmp_path / "state.sqlite3"
    with pytest.raises(ValueError, match="unknown reading"):
        Sandbox(state=str(path), colour="red")
    with pytest.raises(ValueError, match="unknown reading"):
        Sandbox(state=str(path), aviv={"colour": "red"})
    with pytest.raises(ValueError, match="reading duplicates is one of"):
        Sandbox(state=str(path), alterestate={"duplicates": "sometimes"})
    assert not path.exists()


def test_the_export_has_a_row_for_each_lead(tmp_path):
    path = tmp_path / "out" / "export.csv"
    with Sandbox(leads=40, export=str(path)) as box:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 40
        lead, row = box.leads[0], rows[0]
        assert list(row)[:5] == ["Lead ID", "Name", "Email", "Phone", "Type"]
        assert (row["Lead ID"], row["Name"]) == (str(lead["id"]), lead["full_name"] or "")
        assert (row["Email"], row["Phone"]) == (lead["email"] or "", lead["phone"])
        assert row["Office"] == lead["office_name"]
        box.add_lead()
        assert box.write_export() == 41
    assert [file.name for file in path.parent.iterdir()] == ["export.csv"]


def test_an_export_without_a_place_is_an_error(box):
    with pytest.raises(ValueError, match="where the export goes"):
        box.write_export()


def test_nobody_reads_half_an_export(tmp_path):
    path = tmp_path / "export.csv"
    sizes: set[int] = set()
    with Sandbox(leads=200, export=str(path)) as box:
        done = threading.Event()

        def read_on() -> None:
            while not done.is_set():
                sizes.add(len(path.read_bytes()))

        reader = threading.Thread(target=read_on)
        reader.start()
        for _ in range(10):
            box.write_export()
        done.set()
        reader.join()
    assert len(sizes) == 1


def test_a_reset_leaves_nothing_behind(box, api):
    box.set_readings(patch_meta="replace")
    box.set_api_key("other")
    box.add_status("Hot")
    last = box.add_lead()["id"]
    box.fault("status", times=None)
    box.reset()
    assert (box.leads, box.log, box.fault_rows()) == ([], [], [])
    assert len(api.call("GET", "/statuses").data) == 14
    assert box.leadpro.readings.patch_meta == "merge"
    assert api.create().data["id"] > last
    box.reset(leads=5)
    assert len(box.leads) == 5
