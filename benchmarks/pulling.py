"""How fast a clean back-fill takes portal leads in, beside a bare loop of ``requests`` over the same pages."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from benchmarks._harness import run_on_each_database, set_up

LEADS, DAYS = 6000, 42
ROUNDS = 3


def measure(database: str) -> None:
    """From a server that answers at once, and from one that takes 50 ms as remotes do. CPU tells on a busy machine."""
    with running_sandbox() as (url, control):
        for latency in (0.0, 0.05):
            control.set_aviv_readings(latency=latency)
            began = time.process_time()
            own = [ours(url) for _ in range(ROUNDS)]
            cpu = (time.process_time() - began) / (ROUNDS * LEADS)
            rates = zip(own, [timed(lambda: bare_pull(url)) for _ in range(ROUNDS)], strict=True)
            mine, bare = sorted(rates, key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
            print(
                f"{database:10} back-fill, {1000 * latency:3.0f} ms away {mine:8.0f} leads/s"
                f"   requests + json {bare:6.0f}   ratio {mine / bare:5.2f}   our CPU {1000 * cpu:.2f} ms a lead",
                flush=True,
            )


def ours(url: str) -> float:
    """Leads a second into an account that has none yet."""
    from django.utils import timezone

    from leads.models import Connection, Copy
    from leads.sync import backfilling

    base = f"{url}/sandbox/seeker-leads/v1"
    account = Connection(remote="aviv", name="bench", base_url=base, options=options_of(url))
    account.set_secret("sandbox-secret")
    account.save()
    now = timezone.now()
    run = backfilling.start(account, now - timedelta(days=DAYS + 1), None, actor="bench", now=now)
    rate = timed(lambda: backfilling.continue_run(run.pk)[1]["created"])
    assert Copy.objects.filter(connection=account).count() == LEADS
    return rate


def options_of(url: str) -> dict[str, str]:
    base = f"{url}/sandbox/seeker-leads/v1"
    return {"client_id": "sandbox-client", "token_url": f"{url}/oauth/token", "audience": base}


def timed(work: Any) -> float:
    """Leads a second."""
    began = time.perf_counter()
    leads = work()
    assert leads == LEADS, leads
    return leads / (time.perf_counter() - began)


def bare_pull(url: str) -> int:
    """The alternative: sign in, ask window by window and page by page, read the JSON, keep nothing."""
    import requests

    session = requests.Session()
    session.headers["User-Agent"] = "Bench/1.0"
    body = {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "grant_type": "client_credentials",
    }
    body["audience"] = f"{url}/sandbox/seeker-leads/v1"
    token = session.post(f"{url}/oauth/token", json=body, timeout=10).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    seen: set[str] = set()
    pace = Pace()
    for begin, end in weeks():
        params: dict[str, Any] = {"minDate": begin, "maxDate": end, "limit": 100}
        while True:
            pace.wait()
            page = session.get(f"{url}/sandbox/seeker-leads/v1/leads", params=params, timeout=10).json()
            if "items" not in page:
                time.sleep(0.2)
                continue
            seen.update(lead["metadata"]["leadId"] for lead in page["items"])
            if not page["links"].get("next"):
                break
            params["start"] = page["items"][-1]["metadata"]["leadId"]
    return len(seen)


class Pace:
    """AVIV's rule, without which it refuses: at most 10 requests in 200 ms."""

    def __init__(self) -> None:
        self.sent: list[float] = []

    def wait(self) -> None:
        if len(self.sent) >= 10:
            time.sleep(max(0.0, self.sent[-10] + 0.21 - time.monotonic()))
        self.sent.append(time.monotonic())


def weeks() -> Iterator[tuple[int, int]]:
    last = int(time.time()) + 1
    begin = last - (DAYS + 1) * 86_400
    while begin < last:
        yield begin, min(begin + 601_200, last)
        begin += 601_200


@contextmanager
def running_sandbox() -> Iterator[tuple[str, Any]]:
    """The sandbox in a process of its own, with months of leads."""
    import socket
    import subprocess

    from integrations.sandbox import SandboxControl

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "integrations.sandbox", "--port", str(port), "--api-key", "bench"]
    command += ["--aviv-leads", str(LEADS), "--aviv-days", str(DAYS)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        control = SandboxControl(f"http://127.0.0.1:{port}")
        control.wait_ready(30)
        yield f"http://127.0.0.1:{port}", control
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    if "--database" in sys.argv:
        set_up()
        measure(sys.argv[sys.argv.index("--database") + 1])
    else:
        run_on_each_database("benchmarks.pulling")
