"""Who this installation is, and how far its ids have gone; kept outside the database too.

A copied database bears an identity that is not ours; a restored one is behind the marks. Neither may send, or leads
would be made twice: `mismatch` says so in words, `after_restore` puts it right.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from leads.models.attempt import Attempt
from leads.models.change import Change
from leads.models.lead import Lead
from leads.models.push import Push

#: Models whose ids are marked: a follower, or a remote, may have seen them.
MARKED: tuple[type[models.Model], ...] = (Lead, Push, Change, Attempt)
#: How far ids are moved after a restore where no marks are left.
WITHOUT_MARKS = 1_000_000

COPIED = (
    "Nothing is sent: this database belongs to another installation (it was copied, INSTANCE_ID was changed, or"
    " VAR_DIR/instance_id was lost). If this is the one that should send, stop the other one and run:"
    " manage.py after_restore"
)
RESTORED = (
    "Nothing is sent: this database is older than what was already handed out (a backup was restored)."
    " What was saved here is kept. Run: manage.py after_restore"
)
UNREADABLE = (
    "Nothing is sent: whether a backup was restored cannot be told, because {file} cannot be read ({why}). What was"
    " saved here is kept. Make the file readable and resume the connection; if it is damaged, run:"
    " manage.py after_restore"
)


class UnreadableMarks(Exception):
    """Marks were kept and cannot be read: nobody knows whether this database is behind them. The text is for people."""

    def __init__(self, why: str) -> None:
        super().__init__(UNREADABLE.format(file=_marks_file(), why=why))


class Installation(models.Model):
    """One row: the identity under which this database was last allowed to send."""

    identity = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.identity


def identity() -> str:
    """INSTANCE_ID, or with SQLite the text kept beside the database; made where it is missing."""
    if settings.INSTANCE_ID:
        return str(settings.INSTANCE_ID)
    file = Path(settings.VAR_DIR) / "instance_id"
    return _read_identity(file) or _make_identity(file)


def _read_identity(file: Path) -> str:
    """Empty where there is none: a file without a word in it was never written to its end."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""


def _make_identity(file: Path) -> str:
    """One process makes it, whole or not at all, and the others wait for it.

    A database that was bound to one before is not ours under a new one, so it goes on to send nothing.
    """
    with file.with_suffix(".lock").open("w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        known = _read_identity(file)
        if not known:
            known = secrets.token_hex(16)
            _write_whole(file, known)
        return known


def _write_whole(file: Path, text: str) -> None:
    """Readers find the old text or the new one, also after a full disk or a power cut."""
    partial = file.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with partial.open("w") as written:
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def mismatch() -> str:
    """Why this installation must not send, in words for people; empty where it may. Adopts an empty database."""
    row = Installation.objects.first()
    if row is not None and row.identity != identity():
        return COPIED
    try:
        marks = read_marks()
    except UnreadableMarks as problem:
        return str(problem)
    if any(ids < mark for ids, mark in _compare(marks)):
        _skip_used_ids(marks)
        return RESTORED
    if row is None:
        Installation.objects.get_or_create(pk=1, defaults={"identity": identity()})
    return ""


def _skip_used_ids(marks: dict[str, int]) -> None:
    """What people save before ``after_restore`` must not bear an id that a follower has met already.

    Ids of attempts stay behind their mark, so that the database is still known to be a restored one.
    """
    attempts = Attempt._meta.db_table
    behind = highest_id(Attempt) < marks.get(attempts, 0)
    if not behind:
        _write_whole(_marks_file(), json.dumps({identity(): {**marks, attempts: highest_id(Attempt) + 1}}))
    for model in MARKED:
        table = model._meta.db_table
        if table != attempts and highest_id(model) < marks.get(table, 0):
            _move_ids(table, marks[table], connection)


def read_marks() -> dict[str, int]:
    """Table to the highest id ever handed out, as kept outside the database; empty where the file is missing.

    Raises UnreadableMarks where there is one that cannot be read, or not as a whole.
    """
    try:
        kept = json.loads(_marks_file().read_text())
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise UnreadableMarks(problem.strerror or type(problem).__name__) from problem
    except ValueError:
        kept = None
    mine = kept.get(identity(), {}) if isinstance(kept, dict) else None
    if not isinstance(mine, dict) or not all(isinstance(number, int) for number in mine.values()):
        raise UnreadableMarks("it is damaged")
    return mine


def keep_marks() -> None:
    """Write the marks down, if they have moved. Never backwards. Repeatable; costs one small file."""
    _raise_marks(read_marks())


def _raise_marks(before: dict[str, int]) -> None:
    marks = {table: max(number, before.get(table, 0)) for table, number in _highest_ids().items()}
    if marks != before:
        _write_whole(_marks_file(), json.dumps({identity(): marks}))


def adopt() -> dict[str, int]:
    """Make this database ours: ids go beyond everything handed out before. Returns the new highest ids.

    Marks that cannot be read are as good as none, and are written anew.
    """
    try:
        marks = read_marks()
    except UnreadableMarks:
        marks = {}
    with transaction.atomic():
        for model in MARKED:
            table = model._meta.db_table
            beyond = marks.get(table) if marks else highest_id(model) + WITHOUT_MARKS
            _move_ids(table, max(beyond or 0, highest_id(model)), connection)
        Installation.objects.update_or_create(pk=1, defaults={"identity": identity()})
    _raise_marks(marks)
    return _highest_ids()


def _highest_ids() -> dict[str, int]:
    return {model._meta.db_table: highest_id(model) for model in MARKED}


def highest_id(model: type[models.Model]) -> int:
    """The highest id this database ever handed out for the table, also where the row is deleted by now."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)",
                [table],
            )
        else:
            cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        return int(cursor.fetchone()[0])


def _move_ids(table: str, highest: int, database: BaseDatabaseWrapper) -> None:
    """The next id of this table will be ``highest + 1`` or more."""
    if highest < 1:
        return
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id')::regclass, %s)", [table, highest])
            return
        cursor.execute(
            "UPDATE sqlite_sequence SET seq = MAX(seq, %s) WHERE name = %s RETURNING seq", [highest, table]
        )
        if cursor.fetchone() is None:
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, highest])


@contextmanager
def keeping_ids(using: str) -> Iterator[None]:
    """Around migrations, also those that fail: ids go on where they were.

    SQLite changes a table by making it anew, and the new one counts from its last row: ids of what was erased behind
    that would be handed out twice, and the marks would say that a backup was restored.
    """
    before = _read_counters(using)
    try:
        yield
    finally:
        after = _read_counters(using)
        for table in before.keys() & set(connections[using].introspection.table_names()):
            if after.get(table, 0) < before[table]:
                _move_ids(table, before[table], connections[using])


def _read_counters(using: str) -> dict[str, int]:
    """Table to the last id it gave, on SQLite; PostgreSQL keeps its own through any change."""
    if connections[using].vendor != "sqlite":
        return {}
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
        if cursor.fetchone() is None:
            return {}
        cursor.execute("SELECT name, MAX(seq) FROM sqlite_sequence GROUP BY name")
        return dict(cursor.fetchall())


def _compare(marks: dict[str, int]) -> list[tuple[int, int]]:
    return [(highest_id(model), marks.get(model._meta.db_table, 0)) for model in MARKED]


def _marks_file() -> Path:
    return Path(settings.VAR_DIR) / "marks.json"
