"""At most ten calls in flight and ten in any 200 ms, for all processes and all connections at AVIV together: agencies
of one client are connections of their own, and the rule is the client's.

Ten rows, which the oldest connection owns. A call takes one that is free, and it is free again 200 ms after the answer
was here: so no ten slots begin eleven calls in 200 ms at the remote either, however long the way there. A row whose
process was killed frees itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import connections, models, router, transaction

from leads.models.connection import Connection
from leads.models.durability import allow_losing_this

SLOTS = 10
#: A little over the 200 ms of the rule, for two clocks that do not tick alike.
REST_SECONDS = 0.21


class Slot(models.Model):
    """One of the calls that may be in flight. ``free_at`` is Unix time: when it may be taken again."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    number = models.SmallIntegerField()
    free_at = models.FloatField(default=0.0)
    holder = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "number"], name="one_slot_per_number")]

    def __str__(self) -> str:
        return f"slot {self.number} of {self.connection_id}"


def take_slot(connection: Connection, lease_seconds: float, now: datetime) -> tuple[str, float]:
    """Take a slot: (holder to give it back with, 0.0), or ("", seconds after which to ask again).

    Not to be called inside a transaction of the caller: the answer must be visible to other processes at once. After
    a 429 half of them stay empty for a while, and all of them until the time that the remote gave.
    """
    if connection.not_before is not None and now < connection.not_before:
        return "", (connection.not_before - now).total_seconds()
    slowed = connection.slow_until is not None and now < connection.slow_until
    usable = SLOTS // 2 if slowed else SLOTS
    at, holder = now.timestamp(), uuid4().hex
    owner = _owner_of(connection)
    if _claim(owner, usable, at, at + lease_seconds, holder):
        return holder, 0.0
    if _make_slots(owner) and _claim(owner, usable, at, at + lease_seconds, holder):
        return holder, 0.0
    return "", _wait(owner, usable, at)


def _owner_of(connection: Connection) -> int:
    first = Connection.objects.filter(remote=connection.remote).aggregate(pk=models.Min("pk"))["pk"]
    return int(first or connection.pk)


def _claim(owner: int, usable: int, at: float, until: float, holder: str) -> bool:
    """Take the slot that has been free the longest, if any; never the same one as another process."""
    database = connections[router.db_for_write(Slot)]
    skip = "FOR UPDATE SKIP LOCKED" if database.vendor == "postgresql" else ""
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(
            "UPDATE leads_slot SET free_at = %s, holder = %s WHERE id = ("  # noqa: S608  # no text from outside
            "SELECT id FROM leads_slot WHERE connection_id = %s AND number < %s AND free_at <= %s"
            f" ORDER BY free_at, number LIMIT 1 {skip}) RETURNING id",
            [until, holder, owner, usable, at],
        )
        is_taken = bool(cursor.fetchall())
        allow_losing_this()
    return is_taken


def _make_slots(owner: int) -> bool:
    """The ten rows, before the very first call; whether they were missing."""
    if Slot.objects.filter(connection_id=owner).exists():
        return False
    rows = [Slot(connection_id=owner, number=number) for number in range(SLOTS)]
    Slot.objects.bulk_create(rows, ignore_conflicts=True)
    return True


def _wait(owner: int, usable: int, at: float) -> float:
    """Until the next one is free as far as is known; one in flight may be given back sooner, so not for long."""
    rows: Any = Slot.objects.filter(connection_id=owner, number__lt=usable)
    first = rows.aggregate(first=models.Min("free_at"))["first"] or at
    return float(min(max(first - at, 0.001), 0.05))


def release_slot(holder: str, now: datetime) -> None:
    """Give a slot back once the answer is here. May be repeated; does nothing after its lease has lapsed to another."""
    Slot.objects.filter(holder=holder).update(free_at=now.timestamp() + REST_SECONDS, holder="")
