"""What README tells people to type works as it stands."""

import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from integrations.sandbox import SandboxControl
from tests.commands.test_demo import Running, free_port
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def wait_for_import(database, seconds=150):
    """Return once the demo's first import is done."""
    deadline = time.monotonic() + seconds
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        while connection.execute("SELECT count(*) FROM leads_run WHERE state = 'done'").fetchone() == (0,):
            assert time.monotonic() < deadline, "the import does not end"
            time.sleep(0.5)


@pytest.mark.serial
@pytest.mark.timeout(300)
def test_the_round_trip_in_readme_reaches_the_remote_and_comes_back(tmp_path):
    script = re.search(r"^## A round trip.*?```sh\n(.*?)```", README, re.DOTALL | re.MULTILINE)
    folder = tmp_path / "var"
    folder.mkdir()
    demo = Running(folder, free_port(), free_port())
    try:
        demo.wait_until_ready()
        control = SandboxControl(f"http://127.0.0.1:{demo.sandbox_port}")
        # The sandbox's agents would work on the lead too, and the first import makes a slow machine slower.
        control.set_life(0)
        wait_for_import(folder / "leadmirror.sqlite3")
        text = script[1].replace("localhost:8000", f"localhost:{demo.port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        lead = json.loads(done.stdout)
        assert (lead["status"], lead["sync"]["state"], lead["sync"]["pending"]) == (
            "Contacted",
            "in_sync",
            {},
        )
        assert control.count("PATCH", f"/leads/{lead['leadpro_id']}") == 1
    finally:
        demo.stop(signal.SIGTERM)


@pytest.mark.parametrize("target", re.findall(r"`make ([a-z]+)`", README))
def test_every_target_that_readme_names_exists(target):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", ["README.md", "docs/architecture.md", "docs/operations.md"])
def test_every_file_that_a_page_links_to_exists(file):
    page = ROOT / file
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
