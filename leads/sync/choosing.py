"""Which reads are worth the most just now: the heads of the interval classes, ranked by relative lateness.

Within a class intervals differ by less than a factor of two, so its oldest looks are its latest ones: no read that is
left out is more than twice as late as one that is chosen, and some forty index probes find them at any size.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import connections, router, transaction
from django.db.models import F, Max, Min

from leads.models import Connection, Contact, Copy
from leads.models.durability import allow_losing_this
from leads.sync.freshness import AUDIT_SHARE, CLASSES, SWEEP_SHARE

VALUE, SWEEP, AUDIT = "value", "sweep", "audit"
#: How far back the claims of a dead worker are looked for.
LOST_SPAN = timedelta(hours=1)
#: Ids drawn at once for an audit, so that deleted rows and other connections rarely leave none.
DRAWN = 64

_dice = random.Random()  # noqa: S311 - which lead to look at is no secret


@dataclass(frozen=True, slots=True)
class Choice:
    """One read to make. ``last_attempt_at`` is what it was before the claim; ``lateness`` is elapsed / interval."""

    model: type[Copy | Contact]
    pk: int
    last_attempt_at: datetime
    interval: float
    lateness: float = 0.0
    why: str = VALUE


#: From an interval in business seconds and the last attempt, how late a look is. ``freshness.lateness`` at a moment.
Lateness = Callable[[float, datetime], float]


def floor() -> timedelta:
    """The schedule never reads the same thing again sooner than this."""
    return timedelta(seconds=settings.REFRESH_FLOOR_SECONDS)


def choose(
    connection: Connection,
    k: int,
    now: datetime,
    lateness: Lateness,
    *,
    least: float = 0.0,
    dice: random.Random | None = None,
) -> list[Choice]:
    """The next ``k`` reads, latest first, claimed: their last attempt is now, so no other worker takes them.

    Of all choices 2 % are the oldest look and 1 % a copy drawn uniformly at random. Nothing that was tried within the
    floor is chosen. With ``least`` only reads at least that late, and none of those shares. Writes nothing where
    nothing can be read.
    """
    heads = find_heads(connection, k, now, lateness)
    picked: dict[tuple[type, int], Choice] = {}
    ranked = iter([head for head in heads if head.lateness >= least])
    oldest = iter(sorted((h for h in heads if h.model is Copy), key=lambda h: (h.last_attempt_at, h.pk)))
    dice = dice or _dice
    for _ in range(k):
        lot = 1.0 if least else dice.random()
        found = None
        if lot < AUDIT_SHARE:
            found = draw_audit(connection, now, dice)
        elif lot < AUDIT_SHARE + SWEEP_SHARE:
            found = _next(oldest, picked, SWEEP)
        found = found or _next(ranked, picked, VALUE)
        if found is not None:
            picked.setdefault((found.model, found.pk), found)
    return _claim(list(picked.values()), now)


def has_work(connection: Connection, now: datetime) -> bool:
    """Whether there is anything that the schedule may read now."""
    return bool(_probe(connection, 1, now))


def find_heads(connection: Connection, k: int, now: datetime, lateness: Lateness) -> list[Choice]:
    """The ``k`` oldest looks of every class that may be read now, latest first. One statement, some forty probes."""
    heads = [
        Choice(Copy if kind == 0 else Contact, pk, at, interval, lateness(interval, at))
        for kind, pk, at, interval in _probe(connection, k, now)
    ]
    return sorted(heads, key=lambda head: (-head.lateness, head.last_attempt_at, head.pk))


def _probe(connection: Connection, k: int, now: datetime) -> list[tuple[int, int, datetime, float]]:
    database = connections[router.db_for_read(Copy)]
    latest = database.ops.adapt_datetimefield_value(now - floor())
    sql = _sql(database.vendor)
    with database.cursor() as cursor:
        cursor.execute(sql, [connection.pk, latest, k] * (sql.count("%s") // 3))
        return [(kind, pk, _instant(at), interval) for kind, pk, at, interval in cursor.fetchall()]


@lru_cache
def _sql(vendor: str) -> str:
    """A probe per class and table; where LATERAL exists the planner has to think about two only."""
    tables = tuple(enumerate((Copy._meta.db_table, Contact._meta.db_table)))
    if vendor == "postgresql":
        classes = f"generate_series(0, {CLASSES - 1}) AS class(number)"
        parts = [
            f"SELECT {kind}, head.* FROM {classes}, LATERAL ({_head(table, 'class.number::smallint')}) AS head"  # noqa: S608
            for kind, table in tables
        ]
    else:
        parts = [
            f"SELECT {kind}, * FROM ({_head(table, str(number))})"  # noqa: S608
            for kind, table in tables
            for number in range(CLASSES)
        ]
    return " UNION ALL ".join(parts)


def _head(table: str, number: str) -> str:
    # Only names of our own tables are put into the text; every value is a parameter.
    return (
        f"SELECT id, last_attempt_at, refresh_interval FROM {table}"  # noqa: S608
        f" WHERE connection_id = %s AND refresh_class = {number} AND last_attempt_at <= %s"
        " ORDER BY last_attempt_at LIMIT %s"
    )


def _instant(value: str | datetime) -> datetime:
    """SQLite keeps instants in UTC without saying so."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _next(heads: Iterable[Choice], picked: dict[tuple[type, int], Choice], why: str) -> Choice | None:
    for head in heads:
        if (head.model, head.pk) not in picked:
            return replace(head, why=why)
    return None


def draw_audit(connection: Connection, now: datetime, dice: random.Random) -> Choice | None:
    """A copy of this connection, each with the same chance, whatever ids were deleted. None where the draw fails.

    A copy that was tried within the floor counts as a failed draw: those are the freshest ones, so what audits find
    is never better than the truth.
    """
    ends = Copy.objects.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None:
        return None
    drawn = [dice.randint(ends["low"], ends["high"]) for _ in range(DRAWN)]
    rows = Copy.objects.filter(
        pk__in=drawn, connection=connection, refresh_class__isnull=False, gone_at__isnull=True
    )
    there = rows.only("last_attempt_at", "refresh_interval").in_bulk()
    copy = next((there[pk] for pk in drawn if pk in there), None)
    if copy is None or copy.last_attempt_at is None or copy.last_attempt_at > now - floor():
        return None
    return Choice(Copy, copy.pk, copy.last_attempt_at, copy.refresh_interval, why=AUDIT)


def _claim(picked: Sequence[Choice], now: datetime) -> list[Choice]:
    """Those of the picked that nobody else took meanwhile."""
    if not picked:
        return []
    won: set[tuple[type, int]] = set()
    with transaction.atomic():
        allow_losing_this()
        for model in (Copy, Contact):
            ids = sorted(choice.pk for choice in picked if choice.model is model)
            if not ids:
                continue
            rows = model.objects.filter(pk__in=ids, last_attempt_at__lte=now - floor()).order_by("pk")
            if connections[rows.db].features.has_select_for_update_skip_locked:
                rows = rows.select_for_update(skip_locked=True)
            free = list(rows.values_list("pk", flat=True))
            model.objects.filter(pk__in=free).update(last_attempt_at=now)
            won |= {(model, pk) for pk in free}
    return [choice for choice in picked if (choice.model, choice.pk) in won]


def give_back(choices: Iterable[Choice], claimed_at: datetime) -> None:
    """Not read after all: as late as before. What was tried or read since stays as it is."""
    for choice in choices:
        choice.model.objects.filter(pk=choice.pk, last_attempt_at=claimed_at).update(
            last_attempt_at=choice.last_attempt_at
        )


def take_back(connection: Connection, now: datetime) -> int:
    """The worker died: what it had claimed and neither read nor failed to read is as late as before. Repeatable."""
    since = {
        "connection": connection,
        "refresh_class__in": range(-1, CLASSES + 1),
        "last_attempt_at__gte": now - LOST_SPAN,
        "failures": 0,
    }
    copies = Copy.objects.filter(**since, missing_since__isnull=True, last_attempt_at__gt=F("seen_at"))
    contacts = Contact.objects.filter(**since, last_attempt_at__gt=F("asked_at"))
    return copies.update(last_attempt_at=F("seen_at")) + contacts.update(last_attempt_at=F("asked_at"))
