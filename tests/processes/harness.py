"""A house: one installation of the project for one test, as real processes that may be killed at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from kombu import Connection as BrokerConnection

from integrations.sandbox import SandboxControl
from tests.conftest import ROOT, SANDBOX_KEY

#: Short deadlines, so that what a dead worker held is free again within seconds.
QUICK = {
    "HTTP_TIMEOUT_SECONDS": "2",
    "HTTP_TOTAL_SECONDS": "2",
    "PUSH_SEND_WINDOW_SECONDS": "2",
    "PUSH_SETTLE_SECONDS": "1",
    "PUSH_LEASE_SECONDS": "5",
    "LEADPRO_REQUESTS_PER_MINUTE": "6000",
    "API_REQUESTS_PER_MINUTE": "6000",
}
LOG_LINES_SHOWN = 60


def wait_until(check: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """What ``check`` returns, once that is true. Fails with ``what`` and the last value."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} (last: {value!r})"
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process in a group of its own, and its log."""

    def __init__(
        self, name: str, command: list[str], env: Mapping[str, str], log: Path, **pipes: Any
    ) -> None:
        self.name, self.log = name, log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(env),
                start_new_session=True,
                stderr=out,
                **{"stdout": out, **pipes},
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """kill -9 of the process and all that it started. Harmless where it is dead already."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def wait_for(self, pattern: str, seconds: float = 30.0) -> re.Match[str]:
        """Return once the log matches."""

        def look() -> re.Match[str] | None:
            assert self.is_alive, f"{self.name} ended: {self.text[-2000:]}"
            return re.search(pattern, self.text)

        found: re.Match[str] = wait_until(look, f"{self.name} says {pattern}", seconds)
        return found

    def wait_for_its_death(self, seconds: float = 30.0) -> None:
        """It kills itself at a crash point; what it started goes with it."""
        wait_until(lambda: not self.is_alive, f"{self.name} dies", seconds)
        assert self.process.returncode == -signal.SIGKILL, self.text[-2000:]
        self.kill()


class Broker:
    """The messages of one house, counted and thrown away behind its back."""

    def __init__(self, url: str, var_dir: Path) -> None:
        self.url, self._queue = url, var_dir / "broker" / "queue"

    def count(self) -> int:
        """Messages that no worker has fetched."""
        if self.url.startswith("filesystem"):
            return len(list(self._queue.glob("*.msg")))
        if self.url.startswith("redis"):
            with contextlib.closing(redis_client.Redis.from_url(self.url)) as client:
                return int(client.llen("leadmirror"))
        with BrokerConnection(self.url, connect_timeout=5) as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare("leadmirror", passive=True).message_count)

    def lose_everything(self) -> None:
        """Delete the files with their folders, flush the Redis database, purge the queue."""
        if self.url.startswith("filesystem"):
            shutil.rmtree(self._queue.parent)
        elif self.url.startswith("redis"):
            with contextlib.closing(redis_client.Redis.from_url(self.url)) as client:
                client.flushdb()
        else:
            with BrokerConnection(self.url, connect_timeout=5) as connection:
                channel: Any = connection.default_channel
                channel.queue_purge("leadmirror")


class House:
    """The processes of one installation, and hands to work in it."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.folder, self.children = folder, list[Child]()
        self.port = free_port()
        self.env = {
            **env,
            **QUICK,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "LEADPRO_API_KEY": SANDBOX_KEY,
        }
        self.broker = Broker(self.env["CELERY_BROKER_URL"], Path(self.env["VAR_DIR"]))
        self.box = SandboxControl("http://127.0.0.1:1")
        self._inside: Child | None = None
        self._key = ""

    def start(self, name: str, module: str, *options: str, **env: str) -> Child:
        """One more process: ``python -m module options``."""
        log = self.folder / f"{len(self.children):02}-{name}.log"
        command = [sys.executable, "-m", module, *options]
        self.children.append(Child(name, command, {**self.env, **env}, log))
        return self.children[-1]

    def start_sandbox(self, leads: int = 0, *options: str) -> None:
        """Lead.pro, with so many leads; everything started later talks to it."""
        always = ["--port", "0", "--api-key", SANDBOX_KEY, "--leads", str(leads)]
        child = self.start("sandbox", "integrations.sandbox", *always, *options)
        found = child.wait_for(r"sandbox ready: Lead.pro at (\S+), .*control at (\S+)/_sandbox")
        self.env["LEADPRO_BASE_URL"] = found[1]
        self.box = SandboxControl(found[2])

    def start_worker(
        self, name: str = "worker", *, beat: bool = True, ready: bool = True, **env: str
    ) -> Child:
        """A worker as it is deployed, with its own beat unless told otherwise."""
        options = ["-A", "leadmirror", "worker", "-n", f"{name}@%h", *(["-B"] if beat else [])]
        worker = self.start(name, "celery", *options, **env)
        if ready:
            worker.wait_for(r"@\S+ ready\.")
        return worker

    def start_beat(self) -> Child:
        """The clock alone."""
        return self.start("beat", "celery", "-A", "leadmirror", "beat")

    def start_web(self, **env: str) -> Child:
        """The web server, on the house's own port."""
        web = self.start("web", "gunicorn", "leadmirror.wsgi", "--bind", f"127.0.0.1:{self.port}", **env)
        wait_until(lambda: self.call("GET", "/livez")[0] == 200, "the web server answers", 30)
        return web

    def command(self, *arguments: str, **env: str) -> str:
        """A command of manage.py that must succeed; its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env={**self.env, **env}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def stop(self) -> None:
        """Kill everything, and print what it said: pytest shows that of a test that failed."""
        for child in self.children:
            child.kill()
        for child in self.children:
            lines = child.text.splitlines()
            print(f"--- {child.log.name} ({child.process.returncode}), {len(lines)} lines")
            print("\n".join(line[:400] for line in lines[-LOG_LINES_SHOWN:]))

    def ask(self, name: str, **arguments: Any) -> Any:
        """Call a function of ``inside`` in a process of the house."""
        if self._inside is None:
            log = self.folder / "inside.log"
            command = [sys.executable, "-m", "tests.processes"]
            pipe = subprocess.PIPE
            self._inside = Child("inside", command, self.env, log, stdin=pipe, stdout=pipe)
            self.children.append(self._inside)
        pipes = self._inside.process
        assert pipes.stdin and pipes.stdout
        pipes.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
        pipes.stdin.flush()
        answer = json.loads(pipes.stdout.readline() or '{"error": "the process inside ended"}')
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def wait_for_run(self, run_id: int, done: int | None = None) -> None:
        """Return once the run is finished, or has done so many items."""

        def look() -> bool:
            found = self.ask("run_counts", run_id=run_id)
            return bool(found["state"] == "done" if done is None else found["done"] >= done)

        wait_until(look, f"run {run_id} is finished" if done is None else f"run {run_id} has done {done}")

    def wait_for_pushes(self, number: int, seconds: float = 60.0) -> None:
        """Return once there are so many pushes and all are done; say how they stand where they are not."""
        try:
            wait_until(lambda: self.ask("push_states") == {"done": number}, "every push is done", seconds)
        except AssertionError:
            pytest.fail("\n".join(["not every push is done:", *map(str, self.ask("push_rows"))]))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request to the web server: (status, JSON or text); (0, None) where no answer came."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.add_header(name.replace("_", "-"), value)
        if path.startswith("/api/"):
            request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, _parse(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _parse(error.read())
        except OSError:
            return 0, None

    @property
    def key(self) -> str:
        """An API key that may read and write."""
        self._key = self._key or self.ask("make_key")
        return self._key


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def person(number: int) -> dict[str, Any]:
    """An invented person, other than every other number."""
    return {
        "type": "sale",
        "first_name": "Ada",
        "last_name": f"Example{number}",
        "email": f"ada{number}@example.org",
        "phone": f"07700 900{number:03}",
        "advert_address": "1 Drama Street",
        "advert_postcode": "NG1 1AA",
    }
