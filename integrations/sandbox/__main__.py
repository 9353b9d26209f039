"""The sandbox from the command line: starts it, says where it is, and runs until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from .box import Sandbox
from .leadpro.readings import Readings, parse_readings
from .leadpro.store import StateInUse


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
    names = ", ".join(Readings().as_dict())
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
        sys.stdout.write(f"sandbox ready: Lead.pro at {box.leadpro_url}, control at {box.control_url}\n")
        sys.stdout.flush()
        _wait(stop or threading.Event())
    return 0


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
