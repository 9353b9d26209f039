"""How long to wait before what, and when waiting has been long enough. Pure."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

#: Ceiling of the backoff between sends, seconds.
LONGEST = 900.0
#: When to look for an unclear push after it was claimed, seconds; after these, when a look-up settles it.
LOOKS = (5.0, 35.0, 155.0)
JUST_AFTER = timedelta(milliseconds=100)


def backoff(attempts: int, chance: random.Random, retry_after: float | None = None) -> timedelta:
    """Full jitter, U(1, min(900, 2^n)) seconds after the n-th failure, and never less than the remote asks for."""
    ceiling = min(LONGEST, 2.0 ** min(attempts, 30))
    return timedelta(seconds=max(chance.uniform(1.0, max(1.0, ceiling)), retry_after or 0.0))


def next_look(now: datetime, claimed_at: datetime, safe_at: datetime) -> datetime:
    """When to look again for a push that may still arrive."""
    coming = [claimed_at + timedelta(seconds=s) for s in LOOKS]
    return min([at for at in coming if at > now] + [max(safe_at + JUST_AFTER, now + timedelta(seconds=1))])


def look_again(now: datetime, since: datetime, chance: random.Random) -> datetime:
    """After a look-up or read that failed: 15 s at first, up to five minutes later on."""
    age = (now - since).total_seconds()
    wait = min(max(age / 2, 15.0), 300.0)
    return now + timedelta(seconds=wait * chance.uniform(0.7, 1.0))


def is_settled(started_at: datetime, safe_at: datetime | None) -> bool:
    """Whether a read that started then shows for certain what became of a send."""
    return safe_at is not None and started_at >= safe_at
