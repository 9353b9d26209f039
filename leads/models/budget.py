"""One request budget per connection, shared by every process: a log of the last sends, not a refilled bucket.

``lanes`` decides; here are the rows. One row per connection orders the takers and knows who sleeps until when.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connections, models, router, transaction

from leads.models import tallying
from leads.models.connection import Connection
from leads.models.durability import allow_losing_this
from leads.models.lanes import (
    COMES_BACK,
    GRACE,
    MINUTE,
    PACED,
    SECOND,
    Ask,
    Lane,
    Waiter,
    add_recent,
    decide,
    pace,
    slots_for_people,
)

__all__ = ["MINUTE", "SECOND", "Budget", "Lane", "Send", "announce", "limit", "take"]


class Budget(models.Model):
    """The row that orders the takers of one connection's budget."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True)
    last_seq = models.BigIntegerField(default=0)
    paced_at = models.FloatField(default=0.0, help_text="Unix time: no paced call before it.")
    recent = models.CharField(max_length=100, default="", help_text="Lanes of the last sends, newest last.")
    waiting = models.TextField(default="{}", help_text="Who sleeps: name to [lane, asks at, until].")

    def __str__(self) -> str:
        return f"budget of {self.connection_id}"


class Send(models.Model):
    """One call that the budget let through."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE)
    seq = models.BigIntegerField()
    at = models.FloatField(help_text="Unix time.")
    lane = models.CharField(max_length=10, choices=Lane.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "seq"], name="one_send_per_number")]

    def __str__(self) -> str:
        return f"{self.connection_id} #{self.seq} {self.lane}"


def limit(connection: Connection, now: datetime) -> int:
    """Calls allowed in any minute just now: the setting, halved for a while after a 429."""
    return _limit(connection, connection.slow_until, now)


def _limit(connection: Connection, slow_until: datetime | None, now: datetime) -> int:
    per_minute = max(1, int(connection.setting("requests_per_minute")))
    return max(1, per_minute // 2) if slow_until is not None and now < slow_until else per_minute


def take(
    connection: Connection, lane: str, now: datetime, *, waiter: str = "", patience: float = 0.0
) -> float:
    """Take one call from the budget. 0.0: taken, call now. Otherwise the seconds after which to ask again.

    A caller that sleeps that long and asks again says its name, unique among all processes, as ``waiter``, and the
    seconds it has left as ``patience``: lower lanes then let it go first. Not to be called inside a transaction of
    the caller: the answer must be visible to other processes at once. Plain SQL, because this stands before every call.
    """
    tallying.flush_if_due()
    with transaction.atomic(), connections[router.db_for_write(Send)].cursor() as cursor:
        row = _lock_row(cursor, connection.pk)
        wait = _take(cursor, connection, _Asking(str(lane), now.timestamp(), waiter, patience), row, now)
        allow_losing_this()
    if wait == 0.0:
        tallying.count(connection.pk, f"sent:{lane}")
        if (row.last_seq + 1) % 500 == 0:
            _prune(connection, row.last_seq + 1, now)
    return wait


def announce(connection: Connection, waiter: str, now: datetime, seconds: float = 10.0) -> None:
    """A person has clicked: until their call is taken, or for so long, nobody else takes one. Repeatable."""
    with transaction.atomic(), connections[router.db_for_write(Send)].cursor() as cursor:
        row = _lock_row(cursor, connection.pk)
        at = now.timestamp()
        row.waiting[waiter] = [str(Lane.PERSON), at, at + seconds]
        _save_waiting(cursor, connection.pk, row, at)


@dataclass(slots=True)
class _Row:
    last_seq: int
    paced_at: float
    recent: list[str]
    waiting: dict[str, list[Any]]
    not_before: datetime | None
    slow_until: datetime | None


@dataclass(frozen=True, slots=True)
class _Asking:
    lane: str
    at: float
    waiter: str
    patience: float


ROW = (
    "SELECT b.last_seq, b.paced_at, b.recent, b.waiting, c.not_before, c.slow_until FROM leads_budget b"
    " JOIN leads_connection c ON c.id = b.connection_id WHERE b.connection_id = %s"
)


def _lock_row(cursor: Any, connection_id: int) -> _Row:
    """The budget's row, locked until the transaction ends, with what a 429 said to whichever process heard it."""
    locking = " FOR UPDATE OF b" if connections[router.db_for_write(Send)].vendor == "postgresql" else ""
    cursor.execute(ROW + locking, [connection_id])
    found = cursor.fetchone()
    if found is None:
        Budget.objects.get_or_create(connection_id=connection_id)
        return _lock_row(cursor, connection_id)
    last_seq, paced_at, recent, waiting, not_before, slow_until = found
    lanes = recent.split() if recent else []
    return _Row(last_seq, paced_at, lanes, json.loads(waiting), _moment(not_before), _moment(slow_until))


def _moment(value: datetime | str | None) -> datetime | None:
    """SQLite hands out text or naive moments, in UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _take(cursor: Any, connection: Connection, asking: _Asking, row: _Row, now: datetime) -> float:
    if row.not_before is not None and now < row.not_before:
        return (row.not_before - now).total_seconds()
    per_minute = _limit(connection, row.slow_until, now)
    wait = decide(_make_ask(cursor, connection.pk, asking, row, per_minute))
    if wait > 0:
        _remember(cursor, connection.pk, asking, row, wait)
        return wait
    _leave(asking, row)
    number = row.last_seq + 1
    cursor.execute(
        "INSERT INTO leads_send (connection_id, seq, at, lane) VALUES (%s, %s, %s, %s)",
        [connection.pk, number, asking.at, asking.lane],
    )
    cursor.execute(
        "UPDATE leads_budget SET last_seq = %s, paced_at = %s, recent = %s, waiting = %s WHERE connection_id = %s",
        [
            number,
            pace(row.paced_at, asking.at, per_minute),
            " ".join(add_recent(row.recent, asking.lane)),
            json.dumps(row.waiting),
            connection.pk,
        ],
    )
    return 0.0


def _make_ask(cursor: Any, connection_id: int, asking: _Asking, row: _Row, per_minute: int) -> Ask:
    number = row.last_seq + 1
    slots = slots_for_people(per_minute) if asking.lane != Lane.PERSON else []
    minute, second = number - per_minute, number - max(5, per_minute // 60)
    numbers = [minute, second, *(minute + k for k, _ in slots)]
    cursor.execute(
        f"SELECT seq, at FROM leads_send WHERE connection_id = %s AND seq IN ({', '.join(map(str, numbers))})",  # noqa: S608
        [connection_id],
    )
    sent = dict(cursor.fetchall())
    others = [Waiter(*seen) for name, seen in row.waiting.items() if name != asking.waiter]
    return Ask(
        asking.lane,
        asking.at,
        per_minute,
        minute_mark=sent.get(minute),
        second_mark=sent.get(second),
        slot_marks=[(sent.get(minute + k), within) for k, within in slots],
        paced_at=row.paced_at,
        recent=row.recent,
        waiting=others,
    )


def _remember(cursor: Any, connection_id: int, asking: _Asking, row: _Row, wait: float) -> None:
    """Write down that this one sleeps; one that gives up is expected back where rows bring it back."""
    asks_at = asking.at + wait
    if asking.waiter and wait <= asking.patience:
        row.waiting[asking.waiter] = [asking.lane, asks_at, asks_at + GRACE]
    else:
        known = row.waiting.pop(asking.waiter, None)
        if asking.lane not in PACED:
            row.waiting[asking.lane] = [asking.lane, asks_at, asks_at + COMES_BACK]
        elif known is None:
            return
    _save_waiting(cursor, connection_id, row, asking.at)


def _save_waiting(cursor: Any, connection_id: int, row: _Row, at: float) -> None:
    alive = {name: seen for name, seen in row.waiting.items() if seen[2] > at}
    cursor.execute(
        "UPDATE leads_budget SET waiting = %s WHERE connection_id = %s", [json.dumps(alive), connection_id]
    )


def _leave(asking: _Asking, row: _Row) -> None:
    """Nobody waits under this name any more, nor for this lane's having given up; a person's click is answered."""
    row.waiting = {name: seen for name, seen in row.waiting.items() if seen[2] > asking.at}
    row.waiting.pop(asking.waiter, None)
    row.waiting.pop(asking.lane, None)
    if asking.lane == Lane.PERSON:
        clicks = [name for name in row.waiting if name.startswith("click:")]
        for name in clicks[:1]:
            del row.waiting[name]


def _prune(connection: Connection, number: int, now: datetime) -> None:
    old = now.timestamp() - 10 * MINUTE
    rows = Send.objects.filter(connection=connection, seq__lt=number - 2 * limit(connection, now), at__lt=old)
    rows.delete()
