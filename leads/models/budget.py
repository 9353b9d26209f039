"""One request budget per connection, shared by every process: a log of the last sends, not a refilled bucket.

At most N in any 60 seconds and at most max(5, N/60) in any one second, exactly.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections, models, router, transaction

from leads.models.connection import Connection
from leads.models.durability import allow_losing_this

#: A little over a minute, so that calls that reach the remote with jitter still keep its sliding minute.
MINUTE = 61.0
SECOND = 1.0


class Lane(models.TextChoices):
    """Who is waiting for a call."""

    PERSON = "person"
    PUSH = "push"
    HINT = "hint"
    SCHEDULE = "schedule"
    BULK = "bulk"


class Budget(models.Model):
    """The row that orders the takers of one connection's budget."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, primary_key=True)
    last_seq = models.BigIntegerField(default=0)

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
    per_minute = max(1, int(connection.setting("requests_per_minute")))
    slowed = connection.slow_until is not None and now < connection.slow_until
    return max(1, per_minute // 2) if slowed else per_minute


def take(connection: Connection, lane: str, now: datetime) -> float:
    """Take one call from the budget. 0.0: taken, call now. Otherwise the seconds after which to ask again.

    Not to be called inside a transaction of the caller: the answer must be visible to other processes at once.
    Plain SQL, because this stands before every single call.
    """
    if connection.not_before is not None and now < connection.not_before:
        return (connection.not_before - now).total_seconds()
    per_minute = limit(connection, now)
    at = now.timestamp()
    with transaction.atomic(), connections[router.db_for_write(Send)].cursor() as cursor:
        number = _next_number(cursor, connection.pk)
        marks = [number - per_minute, number - max(5, per_minute // 60)]
        cursor.execute(
            "SELECT seq, at FROM leads_send WHERE connection_id = %s AND seq IN (%s, %s)",
            [connection.pk, *marks],
        )
        sent = dict(cursor.fetchall())
        wait = max(_until(sent.get(marks[0]), MINUTE, at), _until(sent.get(marks[1]), SECOND, at))
        if wait > 0:
            transaction.set_rollback(True)
            return wait
        cursor.execute(
            "INSERT INTO leads_send (connection_id, seq, at, lane) VALUES (%s, %s, %s, %s)",
            [connection.pk, number, at, str(lane)],
        )
        allow_losing_this()
    if number % 500 == 0:
        Send.objects.filter(
            connection=connection, seq__lt=number - 2 * per_minute, at__lt=at - 10 * MINUTE
        ).delete()
    return 0.0


def _next_number(cursor: Any, connection_id: int) -> int:
    """The next number of this connection; the row stays locked until the transaction ends."""
    sql = "UPDATE leads_budget SET last_seq = last_seq + 1 WHERE connection_id = %s RETURNING last_seq"
    cursor.execute(sql, [connection_id])
    rows = cursor.fetchall()
    if rows:
        return int(rows[0][0])
    Budget.objects.get_or_create(connection_id=connection_id)
    return _next_number(cursor, connection_id)


def _until(sent_at: float | None, span: float, at: float) -> float:
    return 0.0 if sent_at is None else max(0.0, round(sent_at + span - at, 6))
