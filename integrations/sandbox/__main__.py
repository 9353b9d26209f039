"""The sandbox from the command line: starts it, says where it is, and runs until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from .alterestate.readings import Readings as AlterEstateReadings
from .aviv.readings import Readings as AvivReadings
from .box import Sandbox
from .leadpro.readings import Readings
from .state import StateInUse
from .switches import parse_readings


def build_parser(prog: str = "sandbox") -> argparse.ArgumentParser:
    """The options, also for a command that wraps this one."""
    parser = argparse.ArgumentParser(prog=prog, description="The remotes as one local server.")
    parser.add_argument("--port", type=int, default=8100, help="port on 127.0.0.1 (8100); 0 takes a free one")
    parser.add_argument("--api-key", default="sandbox-key", help="the x-api-key accepted (sandbox-key)")
    parser.add_argument(
        "--leads", type=int, default=0, help="seed so many leads of the last two years, if there are none"
    )
    parser.add_argument(
        "--life", type=float, default=0.0, metavar="RATE", help="events a minute by portals and agents (0)"
    )
    parser.add_argument("--clock-scale", type=float, default=1.0, help="sandbox seconds in a real second (1)")
    parser.add_argument("--webhook-url", default="", help="where webhooks are sent; nowhere by default")
    parser.add_argument(
        "--export", default="", metavar="PATH", help="write the dashboard's CSV export there at the start"
    )
    parser.add_argument("--state", default="", metavar="FILE", help="keep the leads in this file across runs")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (1)")
    parser.add_argument(
        "--aviv-leads", type=int, default=0, help="seed so many leads of AVIV, if there are none"
    )
    parser.add_argument("--aviv-days", type=int, default=120, help="of how many days those are (120)")
    parser.add_argument(
        "--aviv-life", type=float, default=0.0, metavar="RATE", help="events a minute by AVIV's portals (0)"
    )
    others = {"aviv": AvivReadings(), "alterestate": AlterEstateReadings()}
    dotted = [f"{remote}.{name}" for remote, readings in others.items() for name in readings.as_dict()]
    names = ", ".join([*Readings().as_dict(), *dotted])
    parser.add_argument(
        "--reading",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"how the documents are read: {names}",
    )
    return parser


def main(argv: list[str] | None = None, *, prog: str = "sandbox", stop: threading.Event | None = None) -> int:
    """Run until SIGINT, SIGTERM or ``stop``; 0 after that, 1 with a line on stderr where it cannot start."""
    options = build_parser(prog).parse_args(argv)
    try:
        box = _build_box(options)
    except (ValueError, OSError, StateInUse) as problem:
        sys.stderr.write(f"{prog}: cannot start: {problem}\n")
        return 1
    with box:
        sys.stdout.write(_describe(box))
        sys.stdout.flush()
        _wait(stop or threading.Event())
    return 0


def _describe(box: Sandbox) -> str:
    places = f"Lead.pro at {box.leadpro_url}, AVIV at {box.aviv_url} (tokens at {box.aviv_token_url})"
    places += f", AlterEstate at {box.alterestate_url}"
    return f"sandbox ready: {places}, control at {box.control_url}\n"


def _build_box(options: argparse.Namespace) -> Sandbox:
    readings: dict[str, Any] = parse_readings(options.reading)
    return Sandbox(
        port=options.port,
        api_key=options.api_key,
        leads=options.leads,
        seed=options.seed,
        life=options.life,
        clock_scale=options.clock_scale,
        webhook_url=options.webhook_url,
        export=options.export,
        state=options.state,
        aviv_leads=options.aviv_leads,
        aviv_days=options.aviv_days,
        aviv_life=options.aviv_life,
        **readings,
    )


def _wait(stop: threading.Event) -> None:
    def end(_number: int, _frame: object) -> None:
        stop.set()

    restore: list[Callable[[], object]] = []
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(name, end)
            restore.append(lambda name=name, before=before: signal.signal(name, before))  # type: ignore[misc]
    try:
        while not stop.wait(3600):
            pass
    finally:
        for undo in restore:
            undo()


if __name__ == "__main__":
    sys.exit(main())
