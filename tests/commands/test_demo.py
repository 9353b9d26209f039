"""`make demo` as people run it: one command, everything up, everything gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.sandbox import SandboxControl
from tests.conftest import ROOT

pytestmark = [pytest.mark.serial, pytest.mark.timeout(300)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(check: Callable[[], object], seconds: float = 150.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def get(url: str, key: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Running:
    """A demo in a process of its own."""

    def __init__(self, folder, port, sandbox_port):
        self.folder, self.port, self.sandbox_port = folder, port, sandbox_port
        env = {"PATH": os.environ["PATH"], "HOME": str(folder), "VAR_DIR": str(folder)}
        env |= {"PORT": str(port), "SANDBOX_PORT": str(sandbox_port)}
        self.output = folder.parent / f"{time.monotonic_ns()}.out"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "leadmirror.demo"],
                cwd=ROOT,
                env=env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self):
        return self.output.read_text()

    def wait_until_ready(self):
        wait_until(lambda: "Ctrl-C stops everything" in self.text or self.process.poll() is not None)
        assert self.process.poll() is None, self.text
        return json.loads((self.folder / "demo.json").read_text())

    def children(self):
        """Every live process that has this VAR_DIR in its environment, but the supervisor."""
        mark = f"VAR_DIR={self.folder}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = mark in (entry / "environ").read_bytes().split(b"\0")
                is_dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if is_ours and not is_dead and int(entry.name) != self.process.pid:
                found.append(int(entry.name))
        return found

    def stop(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def start_demo(tmp_path):
    running = []

    def start(port=0, sandbox_port=0):
        folder = tmp_path / "var"
        running.append(Running(folder, port or free_port(), sandbox_port or free_port()))
        return running[-1]

    folder = tmp_path / "var"
    folder.mkdir()
    yield start
    for demo in running:
        demo.stop(signal.SIGTERM)


def test_the_demo_fills_restarts_what_dies_and_ends_without_a_trace(start_demo):
    demo = start_demo()
    card = demo.wait_until_ready()
    assert card["url"] == f"http://localhost:{demo.port}"
    assert oct((demo.folder / "demo.json").stat().st_mode)[-3:] == "600"
    assert "6000 requests a minute" in demo.text
    assert get(f"{card['url']}/readyz")[0] == 200
    assert get(f"{card['url']}/admin/login/")[0] == 200

    def mirrored():
        status, body = get(f"{card['url']}/api/v1/leads/?page_size=500", card["api_key"])
        return status == 200 and len(json.loads(body)["results"]) == 500

    def portals_pulled():
        status, body = get(f"{card['url']}/api/v1/leads/?origin=aviv&page_size=500", card["api_key"])
        return status == 200 and len(json.loads(body)["results"]) >= 280

    wait_until(mirrored)
    wait_until(portals_pulled)
    aviv = SandboxControl(f"http://127.0.0.1:{demo.sandbox_port}").stats()["aviv"]
    assert (aviv["tokens_issued"], aviv["rate_violations"]) == (1, 0)
    victims = demo.children()
    assert len(victims) >= 4
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "worker ended (SIGKILL); starting it again" in demo.text)
    wait_until(lambda: get(f"{card['url']}/readyz")[0] == 200)
    wait_until(lambda: get(f"{card['url']}/workz")[0] == 200)

    assert demo.stop(signal.SIGINT) == 0
    assert demo.children() == []
    assert demo.text.endswith("Stopped. The leads are kept for the next time.\n")

    again = start_demo()
    second = again.wait_until_ready()
    assert (second["password"], second["api_key"]) == (card["password"], card["api_key"])
    status, body = get(f"{second['url']}/api/v1/leads/?page_size=500", second["api_key"])
    assert (status, len(json.loads(body)["results"])) == (200, 500)
    assert again.stop(signal.SIGTERM) == 0
    assert again.children() == []


def test_a_killed_supervisor_leaves_nothing_behind(start_demo):
    demo = start_demo()
    demo.wait_until_ready()
    demo.stop(signal.SIGKILL)
    wait_until(lambda: not demo.children(), 20)


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_one_clear_line(start_demo, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start_demo(**{"port" if name == "PORT" else "sandbox_port": port})
        assert demo.process.wait(30) == 1
    assert demo.text == (
        f"Port {port} cannot be used (Address already in use). Choose another: make demo {name}={port + 1}\n"
    )
    assert demo.children() == []


def test_a_database_that_is_not_the_demos_is_left_alone(start_demo, tmp_path):
    (tmp_path / "var" / "leadmirror.sqlite3").write_bytes(b"")
    demo = start_demo()
    assert demo.process.wait(30) == 1
    assert "holds leads that are not the demo's" in demo.text
