"""From the save to Lead.pro having it, through an idle worker, on every broker that answers.

Beside ``request_create`` and its doorbell: a bare Celery task on the same broker that posts the same lead with
``requests``, turn about in the same run. ``--saves N`` for fewer than 200.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from benchmarks._harness import environment, postgres_database, set_up
from tests.services import find_rabbitmq, find_redis

KEY, SAVES, WARM_UP = "bench", 200, 10
LONGEST = 30.0


def main() -> None:
    """Every broker in turn; the files go with SQLite, the servers with PostgreSQL where one answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=SAVES)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.saves)
        return
    redis, rabbitmq = find_redis(), find_rabbitmq()
    brokers = {"filesystem": "filesystem://", "Redis": redis and f"{redis}/0", "RabbitMQ": rabbitmq}
    for name, url in brokers.items():
        if url is None:
            print(f"{name}: skipped, no server answers (TEST_{name.upper()}_URL).")
        else:
            run_on(name, url, options.saves)


def run_on(name: str, broker_url: str, saves: int) -> None:
    """A house of its own for one broker: database, sandbox, our worker with its beat, and the bare worker."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leadmirror-bench-"))
        database = stack.enter_context(postgres_database()) if name != "filesystem" else None
        sandbox = stack.enter_context(
            running(["integrations.sandbox", "--port", "0", "--api-key", KEY], folder)
        )
        base_url = wait_for(lambda: re.search(r"Lead\.pro at (\S+),", sandbox.read_text()))[1]
        queue = f"leadmirror-bench-{uuid4().hex[:8]}"
        env = environment(
            folder,
            database,
            DJANGO_SETTINGS_MODULE="benchmarks._quiet_settings",
            BENCH_QUEUE=queue,
            CELERY_BROKER_URL=broker_url,
            LEADPRO_BASE_URL=base_url,
            LEADPRO_API_KEY=KEY,
            LEADPRO_REQUESTS_PER_MINUTE="6000",
        )
        subprocess.run(
            [sys.executable, "manage.py", "bootstrap"], env=env, check=True, stdout=subprocess.DEVNULL
        )
        for app, more in (("leadmirror", ["-B"]), ("benchmarks._bare_task", [])):
            options = ["celery", "-A", app, "worker", "-n", f"{app}@%h", "-l", "INFO", *more]
            stack.enter_context(running(options, folder, env))
        title = f"{name} and {'PostgreSQL' if database else 'SQLite'}"
        command = [sys.executable, "-m", "benchmarks.push_latency", "--saves", str(saves), "--measure", title]
        try:
            subprocess.run(command, env=env, check=True)
        finally:
            delete_queues(broker_url, queue)


@contextmanager
def running(module: list[str], folder: str, env: dict[str, str] | None = None) -> Iterator[Path]:
    """A process; its log."""
    log = Path(folder) / f"{uuid4().hex}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", *module], env=env, stdout=out, stderr=out)
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def delete_queues(broker_url: str, queue: str) -> None:
    """Leave nothing on a server."""
    from kombu import Connection, Queue

    if not broker_url.startswith("filesystem"):
        with Connection(broker_url, connect_timeout=5) as connection:
            for name in (queue, f"{queue}-bare"):
                Queue(name, channel=connection.default_channel).delete()


def wait_for(check: Callable[[], Any]) -> Any:
    """What ``check`` returns, once that is true."""
    deadline = time.monotonic() + LONGEST
    while not (value := check()):
        if time.monotonic() > deadline:
            raise TimeoutError("not in time")
        time.sleep(0.01)
    return value


def measure(title: str, saves: int) -> None:
    """Runs in a process of the house, as a web server does; turn about, each only when the one before is done."""
    set_up()
    from integrations.sandbox import SandboxControl

    box = SandboxControl(os.environ["LEADPRO_BASE_URL"].removesuffix("/api/v103"))
    ours, bare = list[float](), list[float]()
    for number in range(WARM_UP + saves):
        for times, send in ((ours, save), (bare, publish)):
            before = box.count("POST", "/leads")
            began = time.time()
            is_done = send(number)
            wait_for(partial(has_more, box, before))
            times.append(box.log("POST", "/leads", limit=1)[0]["at"] - began)
            wait_for(is_done)
    report(title, ours[WARM_UP:], bare[WARM_UP:])


def has_more(box: Any, before: int) -> bool:
    return bool(box.count("POST", "/leads") > before)


def save(number: int) -> Callable[[], bool]:
    """As a form or the API does."""
    from django.utils import timezone

    from leads import tasks
    from leads.models import Connection, Push
    from leads.sync import pushing

    connection = Connection.objects.get()
    push = pushing.request_create(person(number), connection=connection, now=timezone.now())
    tasks.ring(tasks.deliver_pushes, connection_id=connection.pk)
    return lambda: Push.objects.filter(pk=push.pk, state=Push.DONE).exists()


def publish(number: int) -> Callable[[], bool]:
    """As the alternative does."""
    from benchmarks._bare_task import post_lead

    post_lead.apply_async(kwargs={"payload": person(number)}, ignore_result=True)
    return lambda: True


def person(number: int) -> dict[str, Any]:
    """An invented person."""
    return {
        "type": "sale",
        "first_name": "Ada",
        "last_name": f"Example{number}",
        "email": f"ada{number}@example.org",
        "phone": f"07700 900{number % 1000:03}",
        "message": "m" * 200,
    }


def report(title: str, ours: list[float], bare: list[float]) -> None:
    """Medians and 95th percentiles in milliseconds, and their ratios."""
    rows = [(median(times), sorted(times)[round(0.95 * (len(times) - 1))]) for times in (ours, bare)]
    (our_median, our_p95), (bare_median, bare_p95) = [(m * 1000, p * 1000) for m, p in rows]
    print(
        f"{title:26} save to Lead.pro: median {our_median:5.0f} ms  p95 {our_p95:5.0f} ms"
        f"   bare Celery task: {bare_median:5.0f} ms {bare_p95:5.0f} ms"
        f"   ratio {our_median / bare_median:4.2f} {our_p95 / bare_p95:4.2f}   ({len(ours)} saves)"
    )


if __name__ == "__main__":
    main()
