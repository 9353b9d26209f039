"""The control plane and its client, and the sandbox as a process of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from integrations.sandbox import SandboxControl
from integrations.sandbox.__main__ import main
from integrations.sandbox.control import ControlRefused
from tests.sandbox.api import ADA
from tests.sandbox.listener import Listener

ROOT = Path(__file__).parents[2]


@pytest.fixture
def control(box) -> SandboxControl:
    return SandboxControl(box.url)


def test_leads_are_added_changed_read_and_deleted(box, control):
    lead = control.add_lead(email="bo@example.org")
    assert control.staff_edit(lead["id"], status="Lost")["stage"] == "Business"
    assert control.lead(lead["id"]) == box.lead(lead["id"])
    assert control.leads() == box.leads
    assert control.leads(after=lead["id"]) == []
    control.delete_lead(lead["id"])
    assert control.lead(lead["id"]) is None
    with pytest.raises(LookupError):
        control.delete_lead(lead["id"])
    with pytest.raises(LookupError):
        control.staff_edit(lead["id"], status="Lost")


def test_next_actions_are_shown(api, control):
    lead = api.create().data
    api.patch(lead["id"], next_action_date="2026-01-01T00:00:00Z")
    assert control.next_action(lead["id"]) == "2026-01-01T00:00:00Z"


def test_the_log_is_read_counted_and_cleared_without_values(api, control):
    lead = api.create().data
    api.find(email=ADA["email"])
    rows = control.log()
    assert [(row["method"], row["path"], row["status"], row["lead_id"]) for row in rows] == [
        ("POST", "/leads", 200, lead["id"]),
        ("GET", "/person/leads", 200, None),
    ]
    assert rows[1]["query"] == ["email"]
    assert control.count("POST") == 1
    assert control.log(after=rows[0]["number"]) == rows[1:]
    control.clear_log()
    assert control.count() == 0


def test_faults_are_set_listed_and_cleared(api, control):
    fault = control.fault("status", "POST", "/leads", status=503, times=5)
    assert api.create().status == 503
    assert [(row["number"], row["hits"]) for row in control.faults()] == [(fault["number"], 1)]
    control.clear_faults()
    assert api.create().status == 200


def test_readings_keys_statuses_and_clock_are_set(box, api, control):
    control.set_readings(success_status=201)
    assert control.readings()["success_status"] == 201
    assert api.create().status == 201
    status = control.add_status("Hot", 100)
    assert api.call("GET", "/statuses").data[-1]["id"] == status
    before = box.clock.now()
    control.advance_clock(500)
    assert box.clock.now() > before + 499
    control.set_api_key("other")
    assert api.create().status == 401


def test_webhooks_and_life_are_set(box, control):
    with Listener() as listener:
        control.set_webhook(listener.url)
        lead = control.add_lead()
        assert control.step_life() is not None
        control.set_life(600)
        assert box.life.rate == 600
        control.set_life(0)
        control.set_webhook("")
        assert listener.events[:1] in ([], [("lead.created", lead["id"])])
    assert box.leadpro.hooks.url == ""


def test_an_export_and_a_reset(box, control, tmp_path):
    control.reset(leads=3)
    assert control.write_export(str(tmp_path / "x.csv")) == 3
    assert control.stats()["leads"] == 3
    with pytest.raises(ControlRefused, match="where the export goes"):
        control.write_export()


def test_a_followed_redirect_is_noticed(api, box, control):
    box.fault("redirect")
    target = api.create().headers["location"]
    assert control.elsewhere() == []
    with closing(HTTPConnection("localhost", box.server.port, timeout=5)) as connection:
        connection.request("GET", target, headers={"x-api-key": "k"})
        connection.getresponse().read()
    assert control.elsewhere() == [{"method": "GET", "key_sent": True}]


@pytest.mark.parametrize(
    ("call", "details"),
    [("fault", {"action": "explode"}), ("set_readings", {"colour": 1}), ("add_lead", {"colour": 1})],
)
def test_a_mistake_is_told(control, call, details):
    with pytest.raises(ControlRefused):
        getattr(control, call)(**details)


def test_an_unknown_control_path_is_404(control):
    with pytest.raises(LookupError):
        control._call("GET", "/nothing")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example.org"}, 403), ({"Content-Type": "text/plain"}, 400), ({}, 400)],
)
def test_a_web_page_cannot_drive_the_control_plane(box, headers, status):
    with closing(HTTPConnection("127.0.0.1", box.server.port, timeout=5)) as connection:
        connection.request("POST", "/_sandbox/leadpro/leads", b"{}", headers)
        answer = connection.getresponse()
        answer.read()
    assert (answer.status, box.leads) == (status, [])


def test_control_requests_stand_in_no_log_and_meet_no_fault(box, control):
    box.fault("status", times=None)
    assert control.stats()["requests"] == 0


@pytest.fixture
def process(tmp_path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    state = tmp_path / "state.sqlite3"
    yield from _start(state)


def _start(state: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    command = [
        sys.executable,
        "-m",
        "integrations.sandbox",
        "--port",
        "0",
        "--leads",
        "20",
        "--api-key",
        "k1",
    ]
    command += [
        "--state",
        str(state),
        "--export",
        str(state.with_suffix(".csv")),
        "--reading",
        "success_status=201",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        yield running, state
        running.kill()


def _find_url(running: "subprocess.Popen[str]") -> str:
    assert running.stdout is not None
    line = running.stdout.readline()
    assert line.startswith("sandbox ready: Lead.pro at http://127.0.0.1:")
    return line.split("Lead.pro at ")[1].split("/api")[0]


@pytest.mark.serial
def test_a_process_of_its_own_serves_and_ends_on_a_signal(process):
    running, state = process
    control = SandboxControl(_find_url(running))
    control.wait_ready()
    assert len(control.leads()) == 20
    assert control.readings()["success_status"] == 201
    assert state.with_suffix(".csv").read_text().count("\n") == 21
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=10) == 0


@pytest.mark.serial
def test_a_killed_process_keeps_its_leads(process):
    running, state = process
    lead = SandboxControl(_find_url(running)).add_lead(email="kept@example.org")
    os.kill(running.pid, signal.SIGKILL)
    running.wait(timeout=10)
    for again, _ in _start(state):
        control = SandboxControl(_find_url(again))
        assert control.lead(lead["id"]) == lead
        assert len(control.leads()) == 21


def test_a_port_in_use_is_one_line_on_stderr(box, capsys):
    assert main(["--port", str(box.server.port)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("sandbox: cannot start: ")
    assert told.err.count("\n") == 1


def test_a_wrong_reading_is_one_line_on_stderr(capsys):
    assert main(["--port", "0", "--reading", "colour"]) == 1
    assert capsys.readouterr().err == "sandbox: cannot start: write a reading as name=value; got 'colour'\n"


def test_main_ends_when_it_is_told_to(capsys):
    stop = threading.Event()
    stop.set()
    assert main(["--port", "0"], prog="manage.py sandbox", stop=stop) == 0
    assert capsys.readouterr().out.startswith("sandbox ready: ")
