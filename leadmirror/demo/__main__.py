"""Prepare, start, say where it is, watch over it, end it."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import django
from django.core.management import call_command

from .children import Children
from .environment import (
    REQUESTS_PER_MINUTE,
    ROOT,
    CannotStart,
    Demo,
    build_environment,
    check_port,
    prepare_folder,
    read_demo,
    write_secret,
)
from .portals import prepare_portals

LEADS = 2400
#: Events a minute: portals deliver, agents work.
LIFE = 20
#: The same of AVIV's portals, on whose side leads of the last weeks wait to be pulled.
AVIV_LEADS, AVIV_DAYS, AVIV_LIFE = 300, 28, 6
READY_SECONDS = 90.0


class Stop(Exception):
    """Somebody wants it to end."""


def main() -> int:
    """Run the demo until it is told to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stop)
    try:
        demo = read_demo()
        check_port("PORT", demo.port)
        check_port("SANDBOX_PORT", demo.sandbox_port)
        claim = prepare_folder(demo)
    except CannotStart as problem:
        say(str(problem), sys.stderr.write)
        return 1
    with claim:
        return run(demo)


def run(demo: Demo) -> int:
    """Start everything and watch over it. 0 after a wanted end."""
    environment = build_environment(demo)
    os.environ |= environment | {"DJANGO_SETTINGS_MODULE": "leadmirror.settings", "LOG_LEVEL": "ERROR"}
    children = Children({**os.environ, "PYTHONUNBUFFERED": "1", "LOG_LEVEL": "INFO"}, ROOT, say)
    try:
        path = prepare_database()
        start_processes(demo, children, path)
        fill(demo)
        wait_for(f"http://127.0.0.1:{demo.port}/readyz", children, "the web server")
        announce(demo, environment)
        watch(children)
    except Stop:
        say("Stopping …")
    except CannotStart as problem:
        say(str(problem), sys.stderr.write)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        children.stop()
    say("Stopped. The leads are kept for the next time.")
    return 0


def prepare_database() -> str:
    """Migrations, log-in and connection; the path of the webhooks."""
    say("Preparing the database …")
    django.setup()
    with Path(os.devnull).open("w") as nowhere:
        call_command("bootstrap", stdout=nowhere)

    from leads.models import Connection

    connection = Connection.objects.default()
    assert connection is not None, "bootstrap makes the environment's connection"
    return f"/webhooks/{connection.webhook_secret}/"


def start_processes(demo: Demo, children: Children, webhook_path: str) -> None:
    """The sandbox, the web server, a worker and beat."""
    say("Starting the sandbox, the web server, a worker and beat …")
    python = sys.executable
    key = children.environment["LEADPRO_API_KEY"]
    hook = f"http://127.0.0.1:{demo.port}{webhook_path}"
    sandbox = [python, "-m", "integrations.sandbox", "--port", str(demo.sandbox_port), "--api-key", key]
    sandbox += ["--leads", str(LEADS), "--life", str(LIFE), "--webhook-url", hook]
    sandbox += ["--aviv-leads", str(AVIV_LEADS), "--aviv-days", str(AVIV_DAYS), "--aviv-life", str(AVIV_LIFE)]
    sandbox += ["--export", str(demo.export), "--state", str(demo.var / "sandbox.sqlite3")]
    children.start("sandbox", sandbox, demo.logs / "sandbox.log")
    web = [
        python,
        "-m",
        "gunicorn",
        "leadmirror.wsgi",
        "-c",
        "gunicorn.conf.py",
        "-b",
        f"127.0.0.1:{demo.port}",
    ]
    children.start("web", web, demo.logs / "web.log")
    celery = [python, "-m", "celery", "-A", "leadmirror"]
    children.start("worker", [*celery, "worker"], demo.logs / "worker.log")
    children.start("beat", [*celery, "beat", "--pidfile="], demo.logs / "beat.log")
    wait_for(f"{demo.sandbox_url}/_sandbox/stats", children, "the sandbox")


def fill(demo: Demo) -> None:
    """Reference data now; the leads of the export by a run that the worker does, where they are not here yet."""
    with Path(os.devnull).open("w") as nowhere:
        call_command("sync_reference", stdout=nowhere, stderr=nowhere)

    from django.utils import timezone

    from leads import tasks
    from leads.models import Copy, Remote, Run

    for problem in prepare_portals(timezone.now()):
        say(f"  {problem}")
    # Not to wait for beat's first tick.
    tasks.ring(tasks.sweep)
    with demo.export.open(newline="", encoding="utf-8") as file:
        exported = sum(1 for _ in csv.reader(file)) - 1
    unfinished = Run.objects.filter(kind=Run.IMPORT).exclude(state__in=(Run.DONE, Run.CANCELLED)).exists()
    fetched = Copy.objects.filter(connection__remote=Remote.LEADPRO).count()
    if not unfinished and fetched < exported:
        with Path(os.devnull).open("w") as nowhere:
            call_command("import_leads", str(demo.export), background=True, stdout=nowhere, stderr=nowhere)
        say(f"Fetching {exported} leads in the background …")


def wait_for(url: str, children: Children, name: str) -> None:
    """Until it answers 200; CannotStart where it does not."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a URL of our own
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        children.restart_dead()
        time.sleep(0.1)
    raise CannotStart(f"{name.capitalize()} does not answer at {url}. The logs are in VAR_DIR/logs.")


def announce(demo: Demo, environment: dict[str, str]) -> None:
    """Print and write down where it is and how to get in."""
    card = {
        "url": demo.url,
        "username": environment["ADMIN_USERNAME"],
        "password": environment["ADMIN_PASSWORD"],
        "api_key": find_api_key(demo),
    }
    write_secret(demo.var / "demo.json", json.dumps(card, indent=2) + "\n")
    say(
        f"\n  leadmirror is at {demo.url}/admin/\n  log in as {card['username']} with {card['password']}\n\n"
        f"  REST API:  {demo.url}/api/v1/  (key in {demo.var / 'demo.json'})\n"
        f"  Sandbox:   {demo.sandbox_url}, where portals deliver and agents work, {LIFE} events a minute,\n"
        f"             and AVIV's portals deliver {AVIV_LIFE} leads a minute; two rules hand some on\n"
        f"  Budget:    {REQUESTS_PER_MINUTE} requests a minute, for this demo only; a real account starts with 60\n"
        f"  Logs:      {demo.logs}\n\n  Ctrl-C stops everything and keeps the leads."
    )


def find_api_key(demo: Demo) -> str:
    """The key of the last time if it still works, else a new one."""
    from django.utils import timezone

    from leads.models import ApiKey

    known = demo.var / "demo.json"
    if known.exists():
        try:
            text = str(json.loads(known.read_text())["api_key"])
        except (ValueError, KeyError):
            text = ""
        if text and ApiKey.find(text):
            return text
    return ApiKey.make("demo", ["leads:read", "leads:write", "webhooks:write"], [], timezone.now())[1]


def watch(children: Children) -> None:
    """Start again what dies, until told to stop, or until the `make` that started this is gone."""
    under_make, parent = "MAKELEVEL" in os.environ, os.getppid()
    while not (under_make and os.getppid() != parent):
        children.restart_dead()
        time.sleep(0.3)


def say(words: str, write: Callable[[str], object] = sys.stdout.write) -> None:
    """A line for whoever watches; nobody may be watching."""
    try:
        write(words + "\n")
        sys.stdout.flush()
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of this process


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    raise Stop


if __name__ == "__main__":
    sys.exit(main())
