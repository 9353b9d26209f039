"""The journey of a new lead or instant valuation: one send, and after anything unclear a look before the next one."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from integrations.errors import NotFound, RemoteError
from integrations.leadpro.payloads import meta_of, same_token, token_of
from integrations.leadpro.phones import spellings
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import outcomes, waits, words
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
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


class Sight(Enum):
    """What a look-up that did not find our lead says."""

    CLEAR = "it is not there"
    CROWDED = "other leads of the person are there, and may hide it"
    PARTIAL = "nothing"


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
    if _is_anothers(claim, reply.data):
        desk.store.record(
            claim, Sent(started_at, now, str(Outcome.UNCLEAR), reply.status, "another lead's token")
        )
        return _finish(desk, claim, _unclear(desk, now))
    desk.store.record(
        claim, Sent(started_at, now, str(Outcome.OK), reply.status, remote_id=int(reply.data["id"]))
    )
    crashpoint("create:recorded")
    if token_of(reply.data) is None:
        return (yield from _read_back(desk, claim, int(reply.data["id"])))
    state = desk.store.adopt(claim, reply, now, is_own_answer=True, warnings=[])
    desk.store.note_written(now)
    crashpoint("create:settled")
    return state


def _read_back(desk: Desk, claim: Claimed, remote_id: int) -> Journey:
    """The answer names a lead and does not show that it is ours: what is read by its number counts."""
    now = desk.clock.now()
    unclear = desk.store.save(claim, replace(_unclear(desk, now), release=False), now)
    if unclear is None:
        return LOST
    desk.store.note_written(now)
    return (yield from _fetch(desk, unclear, remote_id))


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
        hits, sight = yield from search(desk, claim)
    except RemoteError as error:
        return _look_failed(desk, claim, error)
    if hits:
        return _adopt(desk, claim, hits)
    state = _finish(desk, claim, _not_found(desk, claim, sight, started_at))
    crashpoint("lookup:settled")
    return state


def _not_found(desk: Desk, claim: Claimed, sight: Sight, started_at: datetime) -> After:
    if sight is Sight.PARTIAL:
        return _could_not_look(desk, claim)
    if not waits.is_settled(started_at, claim.safe_at):
        return After(UNCLEAR, _next_look(desk, claim))
    if sight is Sight.CROWDED:
        return After(NEEDS_ATTENTION, problem=("unclear", "", words.CROWDED))
    return _absent(desk, claim)


def _next_look(desk: Desk, claim: Claimed) -> datetime:
    now = desk.clock.now()
    return waits.next_look(now, claim.claimed_at or claim.created_at, claim.safe_at or now)


def contacts(payload: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What to ask for: e-mail and phone exactly as they were sent."""
    return [(by, str(payload[by])) for by in ("email", "phone") if payload.get(by)]


def respelt(asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The same contacts as a remote may have written them down: it may compare what it wrote letter by letter."""
    others = [
        (by, other)
        for by, value in asked
        for other in ([value.strip().lower()] if by == "email" else spellings(value))
    ]
    return [one for one in dict.fromkeys(others) if one not in asked]


def search(desk: Desk, claim: Claimed) -> Generator[Call, Any, tuple[list[Reply], Sight]]:
    """Leads that bear our token, lowest id first, and what finding none means."""
    asked = contacts(claim.payload)
    is_complete, is_crowded = bool(asked) and desk.rules.absence_counts(), False
    known: set[int] = set()
    if waits.is_settled(desk.clock.now(), claim.safe_at):
        # Only then is absence believed, and worth every spelling.
        asked += respelt(asked)
    for by, value in asked:
        desk.store.renew(claim, desk.clock.now() + desk.rules.lease)
        reply = yield LookUp(by, value)
        crashpoint(f"lookup:after_{by}")
        ours = [Reply(row, reply.started_at) for row in reply.data if _is_ours(claim, row)]
        more, is_sure = yield from _verify(desk, claim, reply.data, known)
        if hits := sorted([*ours, *more], key=lambda hit: int(hit.data["id"])):
            return hits, Sight.CLEAR
        is_complete &= is_sure and (reply.status != 404 or desk.rules.lookup_has_found())
        is_crowded |= bool(reply.data) and not desk.rules.lookup_shows_children()
    if not is_complete:
        return [], Sight.PARTIAL
    return [], Sight.CROWDED if is_crowded else Sight.CLEAR


def _verify(
    desk: Desk, claim: Claimed, rows: list[Mapping[str, Any]], known: set[int]
) -> Generator[Call, Any, tuple[list[Reply], bool]]:
    """Leads shown without a filled ``meta`` may be ours: each is read by its number, the newest first. Those that are
    ours, and whether the others certainly are not. ``known`` collects the numbers that certainly are not.
    """
    if desk.rules.lookup_shows_meta():
        return [], True
    bare = sorted({int(row["id"]) for row in rows if not meta_of(row)} - known, reverse=True)
    ours: list[Reply] = []
    for remote_id in bare[:MOST_READ]:
        desk.store.renew(claim, desk.clock.now() + desk.rules.lease)
        try:
            reply = yield Get(remote_id)
        except NotFound:
            continue
        if _is_ours(claim, reply.data):
            ours.append(reply)
        elif _shows_meta(reply.data):
            known.add(remote_id)
    return ours, known.issuperset(bare)


def _shows_meta(lead: Mapping[str, Any]) -> bool:
    """Whether a lead read by its number says what it has: a map, or that it has none."""
    return "meta" in lead and (lead["meta"] in (None, "") or meta_of(lead) is not None)


def _is_ours(claim: Claimed, lead: Mapping[str, Any]) -> bool:
    return same_token(token_of(lead), claim.token)


def _is_anothers(claim: Claimed, lead: Mapping[str, Any]) -> bool:
    return token_of(lead) is not None and not _is_ours(claim, lead)


def _adopt(desk: Desk, claim: Claimed, hits: list[Reply]) -> str:
    ids = [int(hit.data["id"]) for hit in hits]
    warnings = [words.twice(ids)] if len(ids) > 1 else []
    state = desk.store.adopt(claim, hits[0], desk.clock.now(), is_own_answer=False, warnings=warnings)
    crashpoint("lookup:settled")
    return state


def _fetch(desk: Desk, claim: Claimed, remote_id: int) -> Journey:
    """Its number is known, from an answer that came late or from a person: read it."""
    started_at = desk.clock.now()
    try:
        reply = yield Get(remote_id)
    except NotFound:
        was_told = claim.plan.get("found") == remote_id
        if not was_told and not waits.is_settled(started_at, claim.safe_at):
            # It was made a moment ago: not every read knows of it at once.
            return _finish(desk, claim, After(UNCLEAR, _next_look(desk, claim)))
        sentence = (words.NOT_THERE if was_told else words.GONE_AFTER_CREATE).format(remote_id=remote_id)
        return _finish(desk, claim, After(NEEDS_ATTENTION, problem=("gone", "", sentence), plan={}))
    except RemoteError as error:
        return _look_failed(desk, claim, error)
    if _is_anothers(claim, reply.data):
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


def _absent(desk: Desk, claim: Claimed) -> After:
    """It is certainly not there."""
    now, rounds = desk.clock.now(), claim.rounds + 1
    if rounds >= ROUNDS or outcomes.is_hopeless(desk, claim, now):
        problem = ("absent", "", words.KEEPS_FAILING.format(times=claim.attempts))
        return After(NEEDS_ATTENTION, problem=problem, rounds=rounds)
    return After(WAITING, now, ("absent", "", words.UNREACHABLE.format(name=desk.rules.name)), rounds=rounds)
