"""Faults to play: which request is hit, how often, by what.
How a fault looks on the wire is in ``misbehaving``.
"""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

#: Each action, and whether the request takes effect at the remote unless ``applied`` says otherwise.
ACTIONS: dict[str, bool] = {
    "status": False,
    "rate_limit": False,
    "unavailable": False,
    "delay": True,
    "hang": False,
    "drop": False,
    "drop_reading": False,
    "drop_after": True,
    "apply_late": False,
    "truncated": True,
    "html": False,
    "empty": True,
    "wrong_shape": True,
    "bad_json": True,
    "bad_utf8": True,
    "wrong_type": True,
    "huge": True,
    "redirect": False,
    "drip_body": True,
    "drip_headers": True,
}


@dataclass(slots=True)
class Fault:
    """One fault. ``path`` is matched with and without the prefix of a remote, ``remote`` with its name;
    ``times`` None means for ever. ``skip`` so many requests pass first, then each ``every``th is struck.
    """

    action: str
    method: str = "*"
    path: str = "*"
    remote: str = "*"
    times: int | None = 1
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    applied: bool | None = None
    status: int = 500
    body: Any = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    when: str = "before"
    how: str = "reset"
    retry_after: float | str | None = None
    as_date: bool = False
    size: int = 2 * 1024 * 1024
    location: str = ""
    number: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"unknown fault {self.action!r}; there are: {', '.join(ACTIONS)}")
        if self.applied is None:
            self.applied = ACTIONS[self.action]

    def matches(self, method: str, paths: tuple[str, ...], remote: str) -> bool:
        """Whether it is about this request at all; says nothing of ``skip`` and ``probability``."""
        if not (fnmatchcase(method, self.method) and fnmatchcase(remote, self.remote)):
            return False
        return any(fnmatchcase(path, self.path) for path in paths)


def parse_fault(values: dict[str, Any]) -> Fault:
    """A fault from JSON; ValueError on an unknown key or action."""
    known = {f.name for f in fields(Fault)} - {"number", "hits"}
    unknown = set(values) - known
    if unknown or "action" not in values:
        raise ValueError(
            f"a fault has an action and takes {', '.join(sorted(known))}; got {', '.join(sorted(values))}"
        )
    if values.get("probability", 1.0) < 1.0 or values.get("every", 1) > 1:
        values = {"times": None, **values}
    return Fault(**values)


class FaultBook:
    """The faults set now, in the order set. The first that is due strikes a request, and no other."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)
        self._random = random.Random(seed)

    def add(self, fault: Fault) -> Fault:
        """Set a fault and give it its number."""
        with self._lock:
            fault.number = next(self._numbers)
            self._faults.append(fault)
        return fault

    def take(self, method: str, *paths: str, remote: str = "") -> Fault | None:
        """The fault that strikes this request, counted as used."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, paths, remote) and self._is_due(fault):
                    return fault
        return None

    def _is_due(self, fault: Fault) -> bool:
        if fault.skip > 0:
            fault.skip -= 1
            return False
        fault.skip = fault.every - 1
        if fault.probability < 1.0 and self._random.random() >= fault.probability:
            return False
        fault.hits += 1
        if fault.times is not None and fault.hits >= fault.times:
            self._faults.remove(fault)
        return True

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._faults.clear()

    def rows(self) -> list[dict[str, Any]]:
        """The faults still set, as JSON."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
