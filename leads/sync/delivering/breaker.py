"""Stops sending to a remote that is ill, for all processes of a connection at once: its state is a row's JSON.

``{"failures": [ISO times], "open_until": ISO, "openings": n}``. Open for 30 s at first, doubling to 15 minutes until a
write succeeds; then one harmless call decides whether work goes on.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import Any

from integrations.errors import RemoteError
from leads.sync.delivering.outcomes import shows_illness
from leads.sync.delivering.ports import Call, Create, Desk, NotTried, Patch, Probe, Submit

FAILURES = 5
SPAN = timedelta(seconds=60)
SHORTEST, LONGEST = 30.0, 900.0

State = dict[str, Any]
Journey = Generator[Call, Any, str]


def admit(desk: Desk) -> Generator[Call, Any, bool]:
    """Whether work may go on; asks the remote once where the breaker has been open long enough."""
    state = desk.store.change_breaker(lambda state: state)
    now = desk.clock.now()
    until = _instant(state.get("open_until"))
    if until is None:
        return True
    if now < until or not _claim_probe(desk, now):
        return False
    try:
        yield Probe()
    except NotTried:
        return False
    except RemoteError as error:
        if shows_illness(error):
            desk.store.change_breaker(lambda state: _opened(desk, state))
            return False
    desk.store.change_breaker(lambda state: {"openings": state.get("openings", 1)})
    return True


def _claim_probe(desk: Desk, now: datetime) -> bool:
    """Become the one that asks; the others see an open breaker meanwhile."""
    won: list[bool] = []

    def move(state: State) -> State:
        won.clear()
        until = _instant(state.get("open_until"))
        if until is None or now < until:
            return state
        won.append(True)
        return {**state, "open_until": (now + timedelta(seconds=SHORTEST)).isoformat()}

    desk.store.change_breaker(move)
    return bool(won)


def watch(desk: Desk, journey: Journey) -> Journey:
    """The same journey; what its calls say about the remote's health is noted."""
    try:
        call = next(journey)
        while True:
            try:
                reply = yield call
            except RemoteError as error:
                if shows_illness(error):
                    note_failure(desk)
                call = journey.throw(error)
            else:
                if isinstance(call, (Create, Submit, Patch)):
                    desk.store.change_breaker(_well)
                call = journey.send(reply)
    except StopIteration as end:
        return str(end.value)


def _well(state: State) -> State:
    """A write went well: the next opening is a short one again."""
    return {k: v for k, v in state.items() if k == "failures"} if "openings" in state else state


def note_failure(desk: Desk) -> None:
    """One more failure; opens where there are too many of them, and they are at least half of all calls."""
    now = desk.clock.now()
    state = desk.store.change_breaker(lambda state: _failed(state, now))
    failures = len(state["failures"])
    if (
        failures >= FAILURES
        and "open_until" not in state
        and 2 * failures >= desk.store.count_calls(now - SPAN)
    ):
        desk.store.change_breaker(lambda state: _opened(desk, state))


def _failed(state: State, now: datetime) -> State:
    recent = [at for at in state.get("failures", []) if _is_recent(at, now)]
    return {**state, "failures": [*recent[-50:], now.isoformat()]}


def _is_recent(at: str, now: datetime) -> bool:
    return now - datetime.fromisoformat(at) < SPAN


def _opened(desk: Desk, state: State) -> State:
    openings = int(state.get("openings", 0))
    seconds = min(LONGEST, SHORTEST * 2**openings) * desk.chance.uniform(0.8, 1.2)
    until = desk.clock.now() + timedelta(seconds=min(LONGEST, seconds))
    return {"open_until": until.isoformat(), "openings": min(openings + 1, 10)}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
