"""The journey of a new lead or instant valuation: one send, and after anything unclear a look before the next one."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.errors import NotFound, RemoteError
from integrations.leadpro.fields import TOKEN_KEY
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import outcomes, waits, words
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
    DONE,
    NEEDS_ATTENTION,
    UNCLEAR,
    VALUATION,
    WAITING,
    After,
    Call,
    Claimed,
    Create,
    Desk,
    Get,
    LookUp,
    NotTried,
    Reply,
    Sent,
)

#: Absent this many times, a person looks.
ROUNDS = 3
#: Leads that one look-up may read by number, where it shows them without ``meta``.
MOST_READ = 10
LOST = "lost"
Journey = Generator[Call, Any, str]


def deliver(desk: Desk, claim: Claimed, began: float) -> Journey:
    """Send it, or look for it. ``began``: monotonic seconds from before the claim. Returns the state it is left in."""
    if claim.state == UNCLEAR:
        return (yield from look_for(desk, claim))
    return (yield from send(desk, claim, began))


def send(desk: Desk, claim: Claimed, began: float) -> Journey:
    """One POST. The claim is committed and counted; whatever happens from here on, it is never simply repeated."""
    crashpoint("create:claimed")
    started_at = desk.clock.now()
    write_before = began + desk.rules.send_window.total_seconds()
    crashpoint("create:before_send")
    try:
        reply = yield Create(claim.payload, write_before, claim.kind == VALUATION)
    except RemoteError as error:
        crashpoint("create:after_send")
        return _failed(desk, claim, error, started_at)
    crashpoint("create:after_send")
    now = desk.clock.now()
    if token_of(reply.data) not in (None, claim.token):
        desk.store.record(
            claim, Sent(started_at, now, str(Outcome.UNCLEAR), reply.status, "another lead's token")
        )
        return _finish(desk, claim, _unclear(desk, now))
    desk.store.record(
        claim, Sent(started_at, now, str(Outcome.OK), reply.status, remote_id=int(reply.data["id"]))
    )
    crashpoint("create:recorded")
    desk.store.adopt(claim, reply, now, is_own_answer=True, warnings=[])
    desk.store.note_written(now)
    crashpoint("create:settled")
    return DONE


def _failed(desk: Desk, claim: Claimed, error: RemoteError, started_at: datetime) -> str:
    now = desk.clock.now()
    outcome = outcomes.classify(error)
    if outcome is not Outcome.NOT_TRIED:
        desk.store.record(claim, outcomes.note_sent(claim, outcome, started_at, now, error))
        crashpoint("create:recorded")
    if outcome is Outcome.UNCLEAR:
        return _finish(desk, claim, _unclear(desk, now))
    if outcome in (Outcome.REFUSED, Outcome.GONE):
        return _finish(desk, claim, outcomes.refused(error))
    state = _finish(desk, claim, outcomes.later(desk, claim, error, outcome))
    return Outcome.NOT_TRIED if outcome is Outcome.NOT_TRIED else state


def _unclear(desk: Desk, now: datetime) -> After:
    due = now + timedelta(seconds=waits.LOOKS[0])
    return After(UNCLEAR, due, ("unclear", "", words.UNCLEAR), was_unclear=True)


def _finish(desk: Desk, claim: Claimed, after: After) -> str:
    saved = desk.store.save(claim, after, desk.clock.now())
    crashpoint("create:settled")
    return saved.state if saved else LOST


def look_for(desk: Desk, claim: Claimed) -> Journey:
    """Find out whether an unclear send arrived; only a look-up that began late enough can say that it did not."""
    crashpoint("lookup:claimed")
    known = desk.store.learnt_id(claim)
    if known is None and isinstance(claim.plan.get("found"), int):
        known = int(claim.plan["found"])
    if known is not None:
        return (yield from _fetch(desk, claim, known))
    crashpoint("lookup:before_read")
    started_at = desk.clock.now()
    try:
        hits, is_complete = yield from search(desk, claim)
    except RemoteError as error:
        return _look_failed(desk, claim, error)
    if hits:
        return _adopt(desk, claim, hits)
    after = _absent(desk, claim, started_at) if is_complete else _could_not_look(desk, claim)
    state = _finish(desk, claim, after)
    crashpoint("lookup:settled")
    return state


def contacts(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What to ask for: e-mail and phone exactly as they were sent."""
    return [(by, str(payload[by])) for by in ("email", "phone") if payload.get(by)]


def search(desk: Desk, claim: Claimed) -> Generator[Call, Any, tuple[list[Reply], bool]]:
    """Leads that bear our token, lowest id first, and whether finding none means that there is none."""
    asked = contacts(claim.payload)
    is_complete = bool(asked) and desk.rules.absence_counts()
    known: set[int] = set()
    for by, value in asked:
        desk.store.renew(claim, desk.clock.now() + desk.rules.lease)
        reply = yield LookUp(by, value)
        crashpoint(f"lookup:after_{by}")
        ours = [Reply(row, reply.started_at) for row in reply.data if token_of(row) == claim.token]
        more, is_sure = yield from _verify(desk, claim, reply.data, known)
        if hits := sorted([*ours, *more], key=lambda hit: int(hit.data["id"])):
            return hits, True
        is_complete &= is_sure and (reply.status != 404 or desk.rules.lookup_has_found())
    return [], is_complete


def _verify(
    desk: Desk, claim: Claimed, rows: list[Mapping[str, Any]], known: set[int]
) -> Generator[Call, Any, tuple[list[Reply], bool]]:
    """Leads shown without ``meta`` may be ours: each is read by its number, the newest first. Those that are ours, and
    whether the others certainly are not. ``known`` collects the numbers that certainly are not.
    """
    if desk.rules.lookup_shows_meta():
        return [], True
    bare = sorted({int(row["id"]) for row in rows if "meta" not in row} - known, reverse=True)
    ours: list[Reply] = []
    for remote_id in bare[:MOST_READ]:
        desk.store.renew(claim, desk.clock.now() + desk.rules.lease)
        try:
            reply = yield Get(remote_id)
        except NotFound:
            continue
        if token_of(reply.data) == claim.token:
            ours.append(reply)
        elif "meta" in reply.data:
            known.add(remote_id)
    return ours, known.issuperset(bare)


def token_of(lead: Mapping[str, Any]) -> str | None:
    """The token that a remote lead bears."""
    meta = lead.get("meta")
    token = meta.get(TOKEN_KEY) if isinstance(meta, Mapping) else None
    return token if isinstance(token, str) else None


def _adopt(desk: Desk, claim: Claimed, hits: list[Reply]) -> str:
    ids = [int(hit.data["id"]) for hit in hits]
    warnings = [words.twice(ids)] if len(ids) > 1 else []
    desk.store.adopt(claim, hits[0], desk.clock.now(), is_own_answer=False, warnings=warnings)
    crashpoint("lookup:settled")
    return DONE


def _fetch(desk: Desk, claim: Claimed, remote_id: int) -> Journey:
    """Its number is known, from an answer that came late or from a person: read it."""
    try:
        reply = yield Get(remote_id)
    except NotFound:
        was_told = claim.plan.get("found") == remote_id
        sentence = (words.NOT_THERE if was_told else words.GONE_AFTER_CREATE).format(remote_id=remote_id)
        return _finish(desk, claim, After(NEEDS_ATTENTION, problem=("gone", "", sentence), plan={}))
    except RemoteError as error:
        return _look_failed(desk, claim, error)
    if token_of(reply.data) not in (None, claim.token):
        sentence = words.ANOTHERS.format(remote_id=remote_id)
        return _finish(desk, claim, After(NEEDS_ATTENTION, problem=("found", "", sentence), plan={}))
    return _adopt(desk, claim, [reply])


def _look_failed(desk: Desk, claim: Claimed, error: RemoteError) -> str:
    """A look-up that fails says nothing about absence."""
    now = desk.clock.now()
    if isinstance(error, NotTried):
        _finish(desk, claim, After(UNCLEAR, now + timedelta(seconds=max(error.wait, 0.5))))
        return Outcome.NOT_TRIED
    return _finish(desk, claim, _could_not_look(desk, claim))


def _could_not_look(desk: Desk, claim: Claimed) -> After:
    now, since = desk.clock.now(), claim.claimed_at or claim.created_at
    if now - since >= desk.rules.give_up:
        return After(NEEDS_ATTENTION, problem=("unclear", "", words.CANNOT_LOOK))
    return After(UNCLEAR, waits.look_again(now, since, desk.chance))


def _absent(desk: Desk, claim: Claimed, started_at: datetime) -> After:
    now = desk.clock.now()
    if not waits.is_settled(started_at, claim.safe_at):
        since, safe_at = claim.claimed_at or claim.created_at, claim.safe_at or now
        return After(UNCLEAR, waits.next_look(now, since, safe_at))
    rounds = claim.rounds + 1
    if rounds >= ROUNDS or outcomes.is_hopeless(desk, claim, now):
        problem = ("absent", "", words.KEEPS_FAILING.format(times=claim.attempts))
        return After(NEEDS_ATTENTION, problem=problem, rounds=rounds)
    return After(WAITING, now, ("absent", "", words.UNREACHABLE.format(name=desk.rules.name)), rounds=rounds)
