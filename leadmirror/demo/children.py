"""The processes of the demo: started in groups of their own, started again when they die, ended all together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: After this, what has not ended by itself is killed: every state is in the database, so nothing is lost.
GRACE_SECONDS = 10.0
SLOWEST_RESTART = 15.0
SAID_LINES = 3


@dataclass
class Child:
    """One process and its log file."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    quick_deaths: int = 0

    def last_words(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").strip().splitlines()
            return "\n".join(f"    {line[:300]}" for line in lines[-SAID_LINES:])
        return ""


@dataclass
class Children:
    """All processes of one demo."""

    environment: Mapping[str, str]
    folder: Path
    say: Callable[[str], None]
    members: list[Child] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], log: Path) -> Child:
        """Start one more."""
        child = Child(name, command, log)
        log.write_text("")
        self.members.append(child)
        self._spawn(child)
        return child

    def _spawn(self, child: Child) -> None:
        with child.log.open("ab") as log:
            child.process = subprocess.Popen(  # noqa: S603 - our own commands
                child.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
            )
        child.started_at = time.monotonic()

    def restart_dead(self) -> None:
        """Start again what has ended, more slowly each time it ends at once."""
        now = time.monotonic()
        for child in self.members:
            if child.process is None:
                if now >= child.start_at:
                    self._spawn(child)
            elif (code := child.process.poll()) is not None:
                child.process = None
                child.quick_deaths = child.quick_deaths + 1 if now - child.started_at < 20 else 0
                wait = min(2.0**child.quick_deaths - 1, SLOWEST_RESTART)
                child.start_at = now + wait
                self.say(f"  {child.name} ended ({_name_end(code)}); starting it again. Its last words:")
                self.say(child.last_words() or "    (none)")

    def stop(self) -> None:
        """End every process group: politely, then surely."""
        running = [child.process for child in self.members if child.process is not None]
        _signal_groups(running, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        # Also where the leader has ended: what it started shares its group.
        _signal_groups(running, signal.SIGKILL)
        for process in running:
            process.wait()


def _signal_groups(processes: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _end_with_parent() -> None:
    """Linux: have the kernel end this process when the supervisor is killed."""
    parent_death_signal = 1
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)


def _name_end(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
