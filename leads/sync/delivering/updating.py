"""The journey of an update: read, settle what was sent before, merge, one PATCH, and read again."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from integrations.errors import NotFound, RemoteError
from integrations.leadpro.fields import META_BYTES, TOKEN_KEY
from integrations.leadpro.payloads import ParsedLead, parse_lead, render_update
from leads.sync import merging
from leads.sync.crashpoints import crashpoint
from leads.sync.delivering import outcomes, waits, words
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
    NEEDS_ATTENTION,
    SENDING,
    UNCLEAR,
    WAITING,
    After,
    Call,
    Claimed,
    Desk,
    Get,
    NotTried,
    Patch,
    Reply,
    Rules,
    Sent,
)

#: Requests of one push in one go; what is left then goes on a moment later.
ROUNDS = 8
LOST = "lost"
Journey = Generator[Call, Any, str]


@dataclass(frozen=True, slots=True)
class Read:
    """A fresh read: what Lead.pro shows, and when the asking started by both clocks."""

    lead: ParsedLead
    started_at: datetime
    began: float


class Unrenderable(Exception):
    """A value that cannot be put into a request: (code, field, sentence)."""


def deliver(desk: Desk, claim: Claimed) -> Journey:
    """Bring the edits to Lead.pro. Returns the state the push is left in."""
    crashpoint("update:claimed")
    if claim.remote_id is None:
        return _finish(desk, claim, After(NEEDS_ATTENTION, problem=("gone", "", words.NO_REMOTE)))
    for _ in range(ROUNDS):
        read = yield from _read(desk, claim, claim.remote_id)
        if isinstance(read, str):
            return read
        after = settle_and_plan(desk, claim, read)
        payload = _render(desk, read, after)
        saved = desk.store.save(claim, after, desk.clock.now())
        if saved is None or payload is None:
            crashpoint("update:settled")
            return saved.state if saved else LOST
        crashpoint("update:planned")
        outcome = yield from _send(desk, saved, claim.remote_id, payload, read)
        if isinstance(outcome, str):
            return outcome
        claim = outcome
    return _finish(desk, claim, After(UNCLEAR if claim.plan else WAITING, desk.clock.now()))


def _read(desk: Desk, claim: Claimed, remote_id: int) -> Generator[Call, Any, Read | str]:
    """A fresh read, mirrored at once; or the state in which its failure leaves the push."""
    now = desk.clock.now()
    if not desk.store.renew(claim, now + desk.rules.lease):
        return LOST
    crashpoint("update:before_read")
    began = desk.clock.monotonic()
    try:
        reply: Reply = yield Get(remote_id)
    except RemoteError as error:
        return _read_failed(desk, claim, error, now)
    crashpoint("update:after_read")
    desk.store.take_in(claim, reply, desk.clock.now())
    return Read(parse_lead(reply.data), now, began)


def _read_failed(desk: Desk, claim: Claimed, error: RemoteError, started_at: datetime) -> str:
    now = desk.clock.now()
    if isinstance(error, NotFound) and error.json_body:
        return _gone(desk, claim, started_at)
    if not claim.plan:
        outcome = (
            Outcome.NOT_SENT if outcomes.classify(error) is Outcome.UNCLEAR else outcomes.classify(error)
        )
        state = _finish(desk, claim, outcomes.later(desk, claim, error, outcome))
        return str(Outcome.NOT_TRIED) if isinstance(error, NotTried) else state
    if isinstance(error, NotTried):
        _finish(desk, claim, After(UNCLEAR, now + timedelta(seconds=max(error.wait, 0.5))))
        return str(Outcome.NOT_TRIED)
    since = claim.claimed_at or claim.created_at
    if now - since >= desk.rules.give_up:
        return _finish(desk, claim, After(NEEDS_ATTENTION, problem=("unclear", "", words.CANNOT_LOOK)))
    return _finish(desk, claim, After(UNCLEAR, waits.look_again(now, since, desk.chance)))


def _gone(desk: Desk, claim: Claimed, started_at: datetime) -> str:
    problem = ("gone", "", words.GONE.format(remote_id=claim.remote_id))
    return _finish(desk, claim, After(NEEDS_ATTENTION, problem=problem, plan={}, missing_at=started_at))


def settle_and_plan(desk: Desk, claim: Claimed, read: Read) -> After:
    """Settle the last request by this read, then merge what is left. ``after.plan`` is the next request, if any."""
    theirs, edits = read.lead.values, dict(claim.edits)
    after = After(plan={})
    if claim.plan and not _settle(desk, claim, read, after):
        return after
    for name in after.over:
        edits.pop(name, None)
    if after.over_pairs and merging.QUESTIONNAIRE in edits:
        left = merging.missing_pairs(edits[merging.QUESTIONNAIRE]["pairs"], after.over_pairs)
        edits[merging.QUESTIONNAIRE] = {"pairs": left}
    waiting = {clash.field for clash in after.clashes} | claim.in_conflict
    merge = merging.plan(edits, theirs, waiting)
    after.over += merge.over
    after.over_pairs += merge.over_pairs
    after.clashes += merge.clashes
    after.clashes += [
        merging.Clash(name, edits[name].get("base"), edits[name]["mine"], theirs.get(name))
        for name in sorted(claim.in_conflict & edits.keys())
    ]
    after.rebase = {name: theirs.get(name) for name in after.over if name in theirs}
    # What both agree on is shown as Lead.pro writes it, with the keys that others keep in ``meta``.
    after.show = list(dict.fromkeys([*after.show, *after.rebase]))
    if not merge.is_empty:
        now = desk.clock.now()
        after.state, after.release = SENDING, False
        after.counted = True if claim.state == UNCLEAR else None
        after.safe_at = now + desk.rules.safe_after
        after.plan = {"set": merge.send, "answers": merge.answers, "safe_at": after.safe_at.isoformat()}
    return after


def _settle(desk: Desk, claim: Claimed, read: Read, after: After) -> bool:
    """What became of the last request; False where nothing more can be done now."""
    now, safe_at = desk.clock.now(), datetime.fromisoformat(claim.plan["safe_at"])
    is_safe = waits.is_settled(read.started_at, safe_at)
    found = merging.settle(claim.plan, claim.edits, read.lead.values, is_safe=is_safe)
    after.over, after.over_pairs, after.clashes = found.over, found.over_pairs, found.clashes
    after.rebase = {name: read.lead.values.get(name) for name in found.over if name in read.lead.values}
    after.show = [one.field for one in found.overruled]
    after.warnings = [words.overruled(one.field, one.sent, one.shown) for one in found.overruled]
    if found.is_open:
        since = claim.claimed_at or claim.created_at
        after.state, after.due_at, after.plan = UNCLEAR, waits.next_look(now, since, safe_at), None
        after.problem = ("unclear", "", words.CHECKING_UPDATE)
        return False
    if found.pairs_unseen and not claim.plan.get("clear") and not desk.rules.shows_answers():
        after.state, after.problem = NEEDS_ATTENTION, ("unclear", merging.QUESTIONNAIRE, words.ANSWERS_UNSEEN)
        return False
    if found.pairs_unseen and claim.plan.get("clear"):
        hidden = merging.missing_pairs(claim.plan["answers"], read.lead.values.get(merging.QUESTIONNAIRE))
        after.warnings += [words.ANSWER_HIDDEN.format(question=pair[0][:80]) for pair in hidden]
    if claim.attempts >= desk.rules.max_attempts and _is_left(claim, after):
        after.state, after.problem = (
            NEEDS_ATTENTION,
            ("gave_up", "", words.gave_up(claim.attempts, words.UNCLEAR)),
        )
        return False
    return True


def _is_left(claim: Claimed, after: After) -> bool:
    """Whether something of the last request did not arrive and would be sent once more."""
    names = set(claim.plan["set"]) - set(after.over) - {clash.field for clash in after.clashes}
    return bool(names or merging.missing_pairs(claim.plan["answers"], after.over_pairs))


def _render(desk: Desk, read: Read, after: After) -> dict[str, Any] | None:
    """The body for the plan in ``after``; None where there is none, or where a value cannot be sent."""
    if not after.plan:
        return None
    try:
        return render(after.plan, read.lead, desk.rules)
    except Unrenderable as fault:
        code, field, sentence = fault.args
        after.state, after.release, after.plan = NEEDS_ATTENTION, True, {}
        after.problem, after.counted = (code, field, sentence), None
        return None


def render(plan: Mapping[str, Any], fresh: ParsedLead, rules: Rules) -> dict[str, Any]:
    """Ours to theirs. The names of the fresh read go along, since the documents star them in every update."""
    changes: dict[str, Any] = dict(plan["set"])
    if plan["answers"]:
        changes[merging.QUESTIONNAIRE] = plan["answers"]
    if "status" in changes:
        changes["status"] = render_status(changes["status"], rules)
    if merging.META in changes:
        changes[merging.META] = render_meta(changes[merging.META], fresh.token)
    names = (fresh.values["first_name"], fresh.values["last_name"]) if rules.needs_names else (None, None)
    return render_update(changes, names)


def render_status(name: str, rules: Rules) -> str | int:
    """A status by name or by id, as the connection says; raises Unrenderable where the name means several."""
    ids = rules.find_statuses(name)
    if len(ids) > 1:
        listed = ", ".join(str(n) for n in sorted(ids))
        raise Unrenderable("status", "status", words.AMBIGUOUS_STATUS.format(name=name, ids=listed))
    if rules.status_by != "id":
        return name
    if not ids:
        raise Unrenderable("status", "status", words.UNKNOWN_STATUS.format(name=name))
    return ids[0]


def render_meta(meta: Mapping[str, str], token: str | None) -> dict[str, str]:
    """The map as a whole, with the token where Lead.pro has it: an update may replace all keys."""
    whole = {**meta, TOKEN_KEY: token} if token else dict(meta)
    if len(orjson.dumps(whole)) > META_BYTES:
        raise Unrenderable("meta", merging.META, words.META_TOO_LARGE)
    return whole


def _send(
    desk: Desk, claim: Claimed, remote_id: int, payload: dict[str, Any], read: Read
) -> Generator[Call, Any, Claimed | str]:
    """One PATCH, not later than a few seconds after the read; the claim to go on with, or the state it ends in."""
    rules, now = desk.rules, desk.clock.now()
    write_before = min(
        read.began + rules.gap.total_seconds(), desk.clock.monotonic() + rules.send_window.total_seconds()
    )
    if desk.clock.monotonic() >= write_before:
        return desk.store.save(claim, After(plan={}, release=False), now) or LOST
    if not desk.store.renew(claim, now + rules.lease):
        return LOST
    crashpoint("update:before_send")
    try:
        yield Patch(remote_id, payload, write_before)
    except RemoteError as error:
        crashpoint("update:after_send")
        return _send_failed(desk, claim, error, now)
    crashpoint("update:after_send")
    ended = desk.clock.now()
    desk.store.record(claim, Sent(now, ended, str(Outcome.OK), remote_id=remote_id))
    crashpoint("update:recorded")
    desk.store.note_written(ended)
    return desk.store.save(claim, After(plan={**claim.plan, "clear": True}, release=False), ended) or LOST


def _send_failed(desk: Desk, claim: Claimed, error: RemoteError, started_at: datetime) -> str:
    now, outcome = desk.clock.now(), outcomes.classify(error)
    if outcome is not Outcome.NOT_TRIED:
        desk.store.record(claim, outcomes.note_sent(claim, outcome, started_at, now, error))
        crashpoint("update:recorded")
    if outcome is Outcome.UNCLEAR:
        due = now + timedelta(seconds=waits.LOOKS[0])
        return _finish(
            desk, claim, After(UNCLEAR, due, ("unclear", "", words.CHECKING_UPDATE), was_unclear=True)
        )
    if outcome is Outcome.GONE and getattr(error, "json_body", False):
        return _gone(desk, claim, started_at)
    is_refused = outcome is Outcome.REFUSED
    after = outcomes.refused(error) if is_refused else outcomes.later(desk, claim, error, outcome)
    after.plan = {}
    state = _finish(desk, claim, after)
    return str(Outcome.NOT_TRIED) if outcome is Outcome.NOT_TRIED else state


def _finish(desk: Desk, claim: Claimed, after: After) -> str:
    saved = desk.store.save(claim, after, desk.clock.now())
    crashpoint("update:settled")
    return saved.state if saved else LOST
