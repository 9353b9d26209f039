"""200 deliveries a second for 20 s against a real gunicorn: all stored, and how long the sender waited; and a calm day.

Paced by the clock, so that a slow answer makes the next ones late and shows. ``--seconds N`` for another length.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from benchmarks._harness import environment, postgres_database, set_up

PER_SECOND, SECONDS, SENDERS = 200, 20, 32
#: What an agency gets, rather than a storm.
CALM, CALM_PER_SECOND = 100, 10


def main() -> None:
    """SQLite with files as the broker, then PostgreSQL with the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], int(options.measure[1]), options.seconds)
        return
    with tempfile.TemporaryDirectory(prefix="leadmirror-bench-") as folder, postgres_database() as url:
        for name, database_url in (("SQLite", None), ("PostgreSQL", url)):
            if name == "PostgreSQL" and url is None:
                print("PostgreSQL: skipped, no server answers (TEST_POSTGRES_URL).")
                continue
            run_on(name, environment(str(Path(folder) / name), database_url), options.seconds)


def run_on(name: str, env: dict[str, str], seconds: int) -> None:
    """A database of its own, a web server as it is deployed, and the senders in a third process."""
    env |= {"LEADPRO_API_KEY": "bench", "LEADPRO_BASE_URL": "http://127.0.0.1:9", "LOG_LEVEL": "ERROR"}
    subprocess.run([sys.executable, "manage.py", "bootstrap"], env=env, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "leadmirror.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(os.cpu_count() or 1)]
    with (Path(env["VAR_DIR"]) / "web.log").open("wb") as log:
        web = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    options = ["--seconds", str(seconds), "--measure", name, str(port)]
    try:
        subprocess.run([sys.executable, "-m", "benchmarks.webhooks", *options], env=env, check=True)
    finally:
        web.terminate()
        web.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(title: str, port: int, seconds: int) -> None:
    """Send, count what is stored, and print."""
    set_up()
    from leads.models import Connection, Delivery

    path = f"/webhooks/{Connection.objects.get().webhook_secret}/"
    wait_for(port)
    Senders(port, path, 10 * SENDERS).run()
    calm = Senders(port, path, CALM, per_second=CALM_PER_SECOND)
    calm.run()
    print(f"{title:10} {CALM} deliveries, {CALM_PER_SECOND} a second: {calm.describe()}")
    Delivery.objects.all().delete()
    senders = Senders(port, path, PER_SECOND * seconds)
    senders.run()
    stored, sent = Delivery.objects.count(), PER_SECOND * seconds
    print(
        f"{title:10} {sent} deliveries in {senders.took:.1f} s: answered 202 {senders.accepted}, stored {stored};"
        f" {senders.describe()}  ({os.cpu_count()} cores, the senders' own work on them too)",
        flush=True,
    )
    if not stored == senders.accepted == sent:
        raise SystemExit("not all were stored")


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Senders:
    """Some threads, each with a connection of its own per delivery, as strangers have."""

    def __init__(self, port: int, path: str, total: int, per_second: int = PER_SECOND) -> None:
        self.port, self.path, self.total, self.per_second = port, path, total, per_second
        self.times: list[float] = []
        self.accepted, self.took, self._next = 0, 0.0, 0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Delivery n leaves n/per_second s after the start or once a sender is free; its wait counts from then."""
        self._began = time.perf_counter()
        threads = [threading.Thread(target=self._work) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.took = time.perf_counter() - self._began

    def describe(self) -> str:
        """Median, p99 and the slowest."""
        times = [1000 * wait for wait in sorted(self.times)]
        return f"p50 {median(times):.1f} ms  p99 {times[int(0.99 * len(times))]:.1f} ms  slowest {times[-1]:.0f} ms"

    def _work(self) -> None:
        while True:
            with self._lock:
                number, self._next = self._next, self._next + 1
            if number >= self.total:
                return
            due = self._began + number / self.per_second
            time.sleep(max(0.0, due - time.perf_counter()))
            status = self._send(number)
            with self._lock:
                self.times.append(time.perf_counter() - due)
                self.accepted += status == 202

    def _send(self, number: int) -> int:
        hook = {
            "event": "lead.updated",
            "data": {"id": 28_000_000 + number % 1000, "status": "Contacted", "n": number},
        }
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.path, json.dumps(hook), {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()


if __name__ == "__main__":
    main()
