"""The journey of a lead to a remote that shows nothing afterwards: one send, and nothing unclear is ever sent again
unless a person, or the remote's own refusal of duplicates, makes that safe.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from integrations.errors import RemoteError
from integrations.verdicts import Submitted
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import outcomes, waits, words
from leads.sync.delivering.creating import LOST
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
    DONE,
    DUPLICATE,
    NEEDS_ATTENTION,
    UNCLEAR,
    WAITING,
    After,
    Call,
    Claimed,
    Desk,
    Reply,
    Sent,
    Submit,
)

Journey = Generator[Call, Any, str]


def deliver(desk: Desk, claim: Claimed, began: float) -> Journey:
    """Send it, or, where a worker died over it, settle what can be. ``began``: monotonic, from before the claim."""
    if claim.state != UNCLEAR:
        return (yield from send(desk, claim, began))
    answer = desk.store.learnt_answer(claim)
    return _take(desk, claim, answer) if answer is not None else _finish(desk, claim, in_doubt(desk, claim))


def send(desk: Desk, claim: Claimed, began: float) -> Journey:
    """One POST. The claim is committed and counted; whatever happens from here on, it is never simply repeated."""
    crashpoint("submit:claimed")
    started_at = desk.clock.now()
    crashpoint("submit:before_send")
    try:
        reply: Reply = yield Submit(claim.payload, began + desk.rules.send_window.total_seconds())
    except RemoteError as error:
        crashpoint("submit:after_send")
        return _failed(desk, claim, error, started_at)
    crashpoint("submit:after_send")
    answer: Submitted = reply.data
    outcome = DUPLICATE if answer.is_duplicate else str(Outcome.OK)
    note = outcomes.redact(answer.note, claim)[:500]
    now = desk.clock.now()
    desk.store.record(
        claim,
        Sent(started_at, now, outcome, reply.status, note, answer.remote_id or None, answer.reference),
    )
    crashpoint("submit:recorded")
    desk.store.note_written(now)
    return _take(desk, claim, answer)


def _take(desk: Desk, claim: Claimed, answer: Submitted) -> str:
    desk.store.take_answer(claim, answer, desk.clock.now())
    crashpoint("submit:settled")
    return DUPLICATE if answer.is_duplicate else DONE


def _failed(desk: Desk, claim: Claimed, error: RemoteError, started_at: datetime) -> str:
    now, outcome = desk.clock.now(), outcomes.classify(error)
    if outcome is not Outcome.NOT_TRIED:
        desk.store.record(claim, outcomes.note_sent(claim, outcome, started_at, now, error))
        crashpoint("submit:recorded")
    if outcome is Outcome.UNCLEAR:
        return _finish(desk, claim, in_doubt(desk, claim))
    if outcome in (Outcome.REFUSED, Outcome.GONE):
        return _finish(desk, claim, outcomes.refused(error, desk.rules.name))
    state = _finish(desk, claim, outcomes.later(desk, claim, error, outcome))
    return Outcome.NOT_TRIED if outcome is Outcome.NOT_TRIED else state


def in_doubt(desk: Desk, claim: Claimed) -> After:
    """It may have arrived and nobody can look: a person decides, or the remote, by refusing a second one."""
    now, name = desk.clock.now(), desk.rules.name
    if desk.rules.refuses_duplicates and not outcomes.is_hopeless(desk, claim, now):
        # Not before the first one has settled: two at once may both pass the remote's check.
        due = max(claim.safe_at or now, now + waits.backoff(claim.attempts, desk.chance)) + timedelta(
            seconds=1
        )
        return After(WAITING, due, ("unclear", "", words.SUBMIT_AGAIN.format(name=name)), was_unclear=True)
    problem = ("unclear", "", words.SUBMIT_UNCLEAR.format(name=name))
    return After(NEEDS_ATTENTION, problem=problem, was_unclear=True)


def _finish(desk: Desk, claim: Claimed, after: After) -> str:
    saved = desk.store.save(claim, after, desk.clock.now())
    crashpoint("submit:settled")
    return saved.state if saved else LOST
