"""Requests per minute and key, over all processes: counted in the database in blocks, served from memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from leads.api.problems import Problem
from leads.models import ApiKey, RateWindow

WINDOW = 60
POLICY = "default"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Where a key stands in the running minute."""

    limit: int
    remaining: int
    resets_in: int

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers, as structured fields."""
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.limit};w={WINDOW}',
            "RateLimit": f'"{POLICY}";r={self.remaining};t={self.resets_in}',
        }


@dataclass(slots=True)
class _Block:
    minute: int
    granted: int = 0
    left_elsewhere: int = 0


_blocks: dict[str, _Block] = {}
_lock = threading.Lock()


def take(key: ApiKey, now: datetime) -> Allowance:
    """Count one request of this key. Raises a 429, with Retry-After, where the minute is used up."""
    limit = max(1, settings.API_REQUESTS_PER_MINUTE)
    minute, second = divmod(int(now.timestamp()), WINDOW)
    resets_in = WINDOW - second
    remaining = _take_from_memory(key.hash, minute)
    if remaining is None:
        granted, left = RateWindow.take(key.pk, minute, limit)
        if not granted:
            spent = Allowance(limit, 0, resets_in)
            raise Problem(
                429,
                "rate_limited",
                f"This key may make {limit} requests a minute. Try again in {resets_in} seconds.",
                headers={**spent.headers, "Retry-After": str(resets_in)},
            )
        remaining = _add(key.hash, minute, granted - 1, left)
    return Allowance(limit, remaining, resets_in)


def _take_from_memory(name: str, minute: int) -> int | None:
    """One of the requests that this process holds for the key; what remains after it, or None where it holds none."""
    with _lock:
        block = _blocks.get(name)
        if block is None or block.minute != minute or block.granted <= 0:
            return None
        block.granted -= 1
        return block.granted + block.left_elsewhere


def _add(name: str, minute: int, granted: int, left: int) -> int:
    with _lock:
        for stale in [n for n, b in _blocks.items() if b.minute < minute]:
            del _blocks[stale]
        block = _blocks.setdefault(name, _Block(minute))
        block.granted += granted
        block.left_elsewhere = left
        return block.granted + left
