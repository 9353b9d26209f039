"""Named places where a process can be made to die, so that tests can kill it at exactly the worst moment.

Without ``LEADMIRROR_CRASHPOINT`` in the environment nothing happens. ``LEADMIRROR_CRASHPOINT=create:after_send:3``
kills this process (SIGKILL, nothing is cleaned up) the third time it passes ``create:after_send``.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

#: Every name, in the order in which a push passes them.
NAMES = (
    "request:in_transaction",  # lead, change and push rows written, not committed
    "request:committed",  # before the doorbell
    "deliver:before_claim",  # a worker has heard the doorbell
    "create:claimed",  # the claim is committed, nothing sent
    "create:before_send",
    "create:after_send",  # answered or failed, nothing recorded
    "create:recorded",  # the attempt is recorded, the push is not settled
    "create:settled",
    "lookup:claimed",
    "lookup:before_read",
    "lookup:after_email",
    "lookup:after_phone",
    "lookup:settled",
    "submit:claimed",
    "submit:before_send",
    "submit:after_send",
    "submit:recorded",
    "submit:settled",
    "update:claimed",
    "update:before_read",
    "update:after_read",
    "update:planned",  # the plan is committed, nothing sent
    "update:before_send",
    "update:after_send",
    "update:recorded",
    "update:settled",
)

#: Read once: a process is told at its start where to die.
_wanted = os.environ.get("LEADMIRROR_CRASHPOINT", "")
_passes: Counter[str] = Counter()
_lock = threading.Lock()


def crashpoint(name: str) -> None:
    """Die here, if the environment says so; otherwise nothing."""
    if not _wanted:
        return
    place, _, count = _wanted.rpartition(":")
    with _lock:
        _passes[name] += 1
        if name == place and _passes[name] == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
