"""What a process holds of a connection's schedule: learnt rates, business clock, price. Gathers, and writes seldom.

What was learnt is added up in memory and written every few seconds. A kill loses those seconds; what that leaves wrong
in the sum of demands, the nightly recount puts right.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock

from django.conf import settings
from django.db import connections, router, transaction
from django.db.models import F
from django.utils import timezone

from leads.models import Connection, Schedule, tallying
from leads.models.budget import limit
from leads.models.durability import allow_losing_this
from leads.sync.freshness import BusinessClock, Model, Observation, Rates, price

#: Seconds between two writes, and between two looks at what other processes learnt.
EVERY, RELOAD = 5.0, 30.0

Pairs = dict[str, tuple[float, float]]


@dataclass(slots=True)
class _Learnt:
    """What is not written yet."""

    rates: Pairs = field(default_factory=dict)
    hours: Pairs = field(default_factory=dict)
    demand: float = 0.0


@dataclass(slots=True)
class _Held:
    model: Model
    demand: float
    loaded_at: float


_lock = Lock()
_held: dict[int, _Held] = {}
_learnt: dict[int, _Learnt] = defaultdict(_Learnt)
_last_flush = [0.0]


def load_model(connection: Connection, now: datetime) -> Model:
    """What decides for this connection, at today's budget. At most half a minute behind other processes."""
    held = _held.get(connection.pk)
    if held is None or time.monotonic() - held.loaded_at > RELOAD:
        held = _held[connection.pk] = _load(connection.pk)
    waiting = _learnt[connection.pk].demand
    at = price(max(0.0, held.demand + waiting), limit(connection, now))
    floor, coldest = settings.REFRESH_FLOOR_SECONDS, settings.REFRESH_COLDEST_DAYS * 86400
    return replace(held.model, price=at, floor=floor, coldest=coldest)


def _load(connection_id: int) -> _Held:
    row = Schedule.objects.filter(connection_id=connection_id).defer("report").first()
    row = row or Schedule(connection_id=connection_id)
    clock = BusinessClock.from_json(timezone.get_default_timezone(), row.profile)
    model = Model(Rates.from_json(row.rates), clock)
    return _Held(model, row.demand, time.monotonic())


def note(connection_id: int, observation: Observation) -> None:
    """Remember what a look taught about leads of its kind and hours of the week. Costs no query."""
    with _lock:
        learnt = _learnt[connection_id]
        _add(learnt.rates, observation.delta)
        _add(learnt.hours, observation.hours)


def note_demand(connection_id: int, difference: float) -> None:
    """A row's part in the demand has changed by so much. Costs no query."""
    with _lock:
        _learnt[connection_id].demand += difference


def _add(known: Pairs, more: Pairs) -> None:
    for cell, (changes, exposure) in more.items():
        was = known.get(cell, (0.0, 0.0))
        known[cell] = (was[0] + changes, was[1] + exposure)


def flush() -> None:
    """Write what was learnt, and the tallies. What cannot be written is kept for the next time."""
    with _lock:
        learnt = dict(_learnt)
        _learnt.clear()
        _last_flush[0] = time.monotonic()
    try:
        for connection_id in sorted(learnt):
            _write(connection_id, learnt[connection_id])
            del learnt[connection_id]
    finally:
        _take_back(learnt)
    tallying.flush()


def _take_back(unwritten: dict[int, _Learnt]) -> None:
    with _lock:
        for connection_id, one in unwritten.items():
            kept = _learnt[connection_id]
            _add(kept.rates, one.rates)
            _add(kept.hours, one.hours)
            kept.demand += one.demand


def flush_if_due() -> None:
    """Write at most every few seconds, and never inside a transaction of somebody else."""
    if connections[router.db_for_write(Schedule)].in_atomic_block:
        return
    if _learnt and time.monotonic() - _last_flush[0] >= EVERY:
        flush()
    tallying.flush_if_due()


def _write(connection_id: int, learnt: _Learnt) -> None:
    if not (learnt.rates or learnt.hours or learnt.demand):
        return
    with transaction.atomic():
        if not Connection.objects.filter(pk=connection_id).exists():
            return
        Schedule.objects.get_or_create(connection_id=connection_id)
        rows = Schedule.objects.filter(connection_id=connection_id)
        if connections[rows.db].features.has_select_for_update:
            rows = rows.select_for_update()
        row = rows.only("rates", "profile", "demand").get()
        rates = Rates.from_json(row.rates)
        clock = BusinessClock.from_json(timezone.get_default_timezone(), row.profile)
        rates.add(learnt.rates)
        clock.add(learnt.hours)
        Schedule.objects.filter(connection_id=connection_id).update(
            rates=rates.to_json(), profile=clock.to_json(), demand=F("demand") + learnt.demand
        )
        allow_losing_this()
    _held[connection_id] = _Held(Model(rates, clock), row.demand + learnt.demand, time.monotonic())


def forget_demand(connection_id: int) -> None:
    """The sum was made anew: differences that are not written yet are in it."""
    with _lock:
        _learnt[connection_id].demand = 0.0
    _held.pop(connection_id, None)


def forget() -> None:
    """Drop what this process holds: for tests whose rows were rolled back."""
    with _lock:
        _held.clear()
        _learnt.clear()
        _last_flush[0] = 0.0
