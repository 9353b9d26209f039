"""The clock that write deadlines are kept by."""

from __future__ import annotations

import time

_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def uptime() -> float:
    """Seconds that never jump, and that pass also while the machine sleeps, where the system counts those (Linux).

    A send whose window closed in the meantime must not go out when the lid is opened: others have looked for it.
    """
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
