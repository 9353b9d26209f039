"""Who may call next: one connection's budget as a pure decision. Times are Unix seconds; ``budget`` keeps the rows.

Everybody: at most N calls in any minute and at most max(5, N/60) in any second. Below that the lanes differ:

- people go first, always;
- all others leave people a slot, or wait until one is about to open;
- while lanes compete, hints and schedule get one call of five each and bulk two; a lane that is behind its share goes
  before the others, else the higher lane goes first. What nobody waits for is lent at once;
- schedule and bulk keep the pace of one call every minute/N over all lanes, so nothing is saved up into a burst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

#: A little over a minute, so that calls that reach the remote with jitter still keep its sliding minute.
MINUTE = 61.0
SECOND = 1.0
#: A paced caller that wakes up so much too late does not lose the pace.
SLACK = 0.2
#: How long a waiter that does not come back holds up the lanes below it, seconds.
GRACE = 1.0
#: The same for one that gave up but has rows that bring it back: by the next sweep.
COMES_BACK = 20.0


class Lane(models.TextChoices):
    """Who is waiting for a call."""

    PERSON = "person"
    PUSH = "push"
    HINT = "hint"
    SCHEDULE = "schedule"
    BULK = "bulk"


ORDER = {str(lane): place for place, lane in enumerate(Lane)}
PACED = frozenset({str(Lane.SCHEDULE), str(Lane.BULK)})
#: Calls of any five that a waiting lane gets, whatever the others want; people's do not count.
SHARES = {str(Lane.HINT): 1, str(Lane.SCHEDULE): 1, str(Lane.BULK): 2}
OUT_OF = 5


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody who sleeps and will ask again at ``asks_at``; after ``until`` it is taken for dead."""

    lane: str
    asks_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Ask:
    """What is known when a lane asks for a call. Moments are None where there were fewer sends.

    ``minute_mark``: when the send was made that is N sends back; ``second_mark``: likewise for the second.
    ``slot_marks``: when the next slots for people were used, as (moment, seconds within which it must open).
    ``recent``: lanes of the last sends that were no people's, newest last. ``waiting``: the others.
    """

    lane: str
    at: float
    per_minute: int
    minute_mark: float | None = None
    second_mark: float | None = None
    slot_marks: Sequence[tuple[float | None, float]] = ()
    paced_at: float = 0.0
    recent: Sequence[str] = ()
    waiting: Sequence[Waiter] = ()


def decide(ask: Ask) -> float:
    """0.0: call now. Otherwise the seconds after which to ask again."""
    waiting = [waiter for waiter in ask.waiting if waiter.until > ask.at]
    wait = max(_until(ask.minute_mark, MINUTE, ask.at), _until(ask.second_mark, SECOND, ask.at))
    if ask.lane != Lane.PERSON:
        wait = max([wait, *(_until(mark, MINUTE - within, ask.at) for mark, within in ask.slot_marks)])
    if ask.lane in PACED and not _is_owed(ask, waiting):
        wait = max(wait, round(min(ask.paced_at - ask.at, MINUTE), 6))
    if wait > 0:
        return _queue_up(ask, waiting, wait) if ask.lane in PACED else wait
    mine = _rank(ask.lane, ask.recent)
    before_me = [waiter.asks_at for waiter in waiting if _rank(waiter.lane, ask.recent) < mine]
    return min(max(min(before_me) - ask.at, 0.02), GRACE) if before_me else 0.0


def pace(paced_at: float, at: float, per_minute: int) -> float:
    """When the next paced call may be made, after a call of any lane at ``at``."""
    return max(paced_at, at - SLACK) + MINUTE / per_minute


def slots_for_people(per_minute: int) -> list[tuple[int, float]]:
    """(k, seconds): all but people must find the k-th next slot free, or opening within so many seconds.

    So a burst of pushes leaves a twentieth of the minute, while a steady flow loses nothing. None below 20 a minute,
    where a push needs its two or three calls more than a person needs not to wait.
    """
    gap = MINUTE / per_minute
    return [(k, k * gap) for k in sorted({1, per_minute // 20}) if per_minute >= 20]


def add_recent(recent: Sequence[str], lane: str) -> list[str]:
    """``recent`` after one more send."""
    return list(recent) if lane == Lane.PERSON else [*recent, lane][1 - OUT_OF :]


def _queue_up(ask: Ask, waiting: Sequence[Waiter], wait: float) -> float:
    """The wait behind those who sleep already: everyone wakes up for a slot of their own, not all for the first."""
    gap, mine, at = MINUTE / ask.per_minute, _rank(ask.lane, ask.recent), ask.at + wait
    for moment in sorted(w.asks_at for w in waiting if w.lane in PACED and _rank(w.lane, ask.recent) <= mine):
        if moment > at + 0.9 * gap:
            break
        at = max(at, moment + gap)
    return round(at - ask.at, 6)


def _rank(lane: str, recent: Sequence[str]) -> tuple[int, int]:
    """The smaller goes first."""
    if lane == Lane.PERSON:
        return 0, 0
    return (1 if _is_behind(lane, recent) else 2), ORDER[lane]


def _is_behind(lane: str, recent: Sequence[str]) -> bool:
    return list(recent).count(lane) < SHARES.get(lane, 0)


def _is_owed(ask: Ask, waiting: Sequence[Waiter]) -> bool:
    """Lanes without a pace want everything, and this one is behind its share: it does not wait for its pace."""
    others = any(waiter.lane in {Lane.PUSH, Lane.HINT} for waiter in waiting)
    return others and _is_behind(ask.lane, ask.recent)


def _until(sent_at: float | None, span: float, at: float) -> float:
    return 0.0 if sent_at is None else max(0.0, round(sent_at + span - at, 6))
