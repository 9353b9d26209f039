"""Chooses what to deliver next, and keeps one push's failure from holding the others. Knows no HTTP and no database."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from leads.sync.delivering import breaker, creating, submitting, updating, words
from leads.sync.delivering.creating import LOST
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
    DONE,
    NEEDS_ATTENTION,
    SENDING,
    SUBMIT,
    UNCLEAR,
    UPDATE,
    WAITING,
    After,
    Call,
    Claimed,
    Desk,
)

log = logging.getLogger("leads.sync.delivering")

#: Unclear creates at a time, newer than the last write that succeeded: a sick remote makes three, not three hundred.
AMBIGUITY_BUDGET = 3
#: Failures of our own code on one push, after which it is put aside.
BUGS = 3

Delivered = Counter[str]


def deliver_many(
    desk: Desk, *, until: datetime | None = None, limit: int = 1000
) -> Generator[Call, Any, Delivered]:
    """Deliver what is due, oldest first, until nothing is, the time is over, or the connection may not be called.

    Returns how many pushes ended in which state.
    """
    counts: Delivered = Counter()
    desk.store.expire(desk.clock.now())
    while counts.total() < limit and (until is None or desk.clock.now() < until):
        if not (yield from breaker.admit(desk)):
            break
        state = yield from deliver_next(desk)
        if state is None:
            break
        counts[state] += 1
        if state == Outcome.NOT_TRIED:
            break
    return counts


def deliver_one(desk: Desk, push_id: int) -> Generator[Call, Any, Delivered]:
    """This push now, due or not, if nobody works on its lead and the breaker is shut."""
    desk.store.expire(desk.clock.now())
    counts: Delivered = Counter()
    if (yield from breaker.admit(desk)) and (state := (yield from deliver_next(desk, push_id))):
        counts[state] += 1
    return counts


def deliver_next(desk: Desk, push_id: int | None = None) -> Generator[Call, Any, str | None]:
    """Claim one push and deliver it. The state it is left in; None where there was nothing to claim."""
    began = desk.clock.monotonic()
    claim = desk.store.claim(
        desk.clock.now(),
        lease=desk.rules.lease,
        safe_after=desk.rules.safe_after,
        creates=desk.store.count_unclear(desk.clock.now()) < AMBIGUITY_BUDGET,
        push_id=push_id,
    )
    if claim is None:
        return None
    try:
        return (yield from breaker.watch(desk, _journey(desk, claim, began)))
    except desk.outages:
        raise
    except Exception as bug:  # noqa: BLE001 - one push's failure, whatever it is, must not hold the others
        return _put_back(desk, claim, bug)


def _journey(desk: Desk, claim: Claimed, began: float) -> Generator[Call, Any, str]:
    if claim.kind == UPDATE:
        return updating.deliver(desk, claim)
    if claim.kind == SUBMIT:
        return submitting.deliver(desk, claim, began)
    return creating.deliver(desk, claim, began)


def _put_back(desk: Desk, claim: Claimed, bug: Exception) -> str:
    """Our own code failed. What may have been sent is unclear; after a few times a person is told."""
    frame = traceback.extract_tb(bug.__traceback__)[-1]
    log.error("push %s: %s in %s:%s", claim.push_id, type(bug).__name__, frame.name, frame.lineno)
    bugs, now = claim.bugs + 1, desk.clock.now()
    if bugs >= BUGS:
        problem = ("bug", "", words.BUG.format(push_id=claim.push_id))
        after = After(NEEDS_ATTENTION, problem=problem, bugs=bugs, was_unclear=True)
    elif claim.kind != UPDATE or claim.state == UNCLEAR:
        after = After(UNCLEAR, now + timedelta(seconds=30 * bugs), bugs=bugs, was_unclear=True)
    else:
        # As if the worker had died just now: whether something was planned meanwhile decides what becomes of it.
        after = After(SENDING, bugs=bugs, release=False)
    saved = desk.store.save(claim, after, now)
    if saved and after.state == SENDING:
        desk.store.renew(claim, now)
    return saved.state if saved else LOST


__all__ = ["DONE", "WAITING", "Delivered", "deliver_many", "deliver_next", "deliver_one"]
