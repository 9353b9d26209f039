"""Who this installation is, and how far its ids have gone; kept outside the database too.

A copied database bears an identity that is not ours; a restored one is behind the marks. Neither may send, or leads
would be made twice: `mismatch` says so in words, `after_restore` puts it right.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from django.conf import settings
from django.db import connection as database
from django.db import models, transaction

from leads.models.attempt import Attempt
from leads.models.change import Change
from leads.models.lead import Lead
from leads.models.push import Push

#: Models whose ids are marked: a follower, or a remote, may have seen them.
MARKED: tuple[type[models.Model], ...] = (Lead, Push, Change, Attempt)
#: How far ids are moved after a restore where no marks are left.
WITHOUT_MARKS = 1_000_000

COPIED = (
    "Nothing is sent: this database belongs to another installation (it was copied, or INSTANCE_ID was changed)."
    " If this is the one that should send, stop the other one and run: manage.py after_restore"
)
RESTORED = (
    "Nothing is sent: this database is older than what was already handed out (a backup was restored)."
    " What was saved here is kept. Run: manage.py after_restore"
)


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
    try:
        with file.open("x") as made:
            made.write(secrets.token_hex(16))
            made.flush()
            os.fsync(made.fileno())
    except FileExistsError:
        pass
    return file.read_text().strip()


def mismatch() -> str:
    """Why this installation must not send, in words for people; empty where it may. Adopts an empty database."""
    row = Installation.objects.first()
    if row is not None and row.identity != identity():
        return COPIED
    if any(ids < mark for ids, mark in _compare(read_marks())):
        return RESTORED
    if row is None:
        Installation.objects.get_or_create(pk=1, defaults={"identity": identity()})
    return ""


def read_marks() -> dict[str, int]:
    """Table to the highest id ever handed out, as kept outside the database; empty where the file is missing."""
    try:
        kept = json.loads(_marks_file().read_text())
    except (OSError, ValueError):
        return {}
    mine = kept.get(identity()) if isinstance(kept, dict) else None
    return {k: v for k, v in mine.items() if isinstance(v, int)} if isinstance(mine, dict) else {}


def keep_marks() -> None:
    """Write the marks down, if they have moved. Never backwards. Repeatable; costs one small file."""
    before = read_marks()
    marks = {model._meta.db_table: highest_id(model) for model in MARKED}
    marks = {table: max(number, before.get(table, 0)) for table, number in marks.items()}
    if marks == before:
        return
    file = _marks_file()
    partial = file.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}")
    with partial.open("w") as written:
        json.dump({identity(): marks}, written)
        written.flush()
        os.fsync(written.fileno())
    partial.replace(file)


def adopt() -> dict[str, int]:
    """Make this database ours: ids go beyond everything handed out before. Returns the new highest ids."""
    marks = read_marks()
    with transaction.atomic():
        for model in MARKED:
            table = model._meta.db_table
            beyond = marks.get(table) if marks else highest_id(model) + WITHOUT_MARKS
            _move_ids(table, max(beyond or 0, highest_id(model)))
        Installation.objects.update_or_create(pk=1, defaults={"identity": identity()})
    keep_marks()
    return {model._meta.db_table: highest_id(model) for model in MARKED}


def highest_id(model: type[models.Model]) -> int:
    """The highest id this database ever handed out for the table, also where the row is deleted by now."""
    table = model._meta.db_table
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)",
                [table],
            )
        else:
            cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        return int(cursor.fetchone()[0])


def _move_ids(table: str, highest: int) -> None:
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


def _compare(marks: dict[str, int]) -> list[tuple[int, int]]:
    return [(highest_id(model), marks.get(model._meta.db_table, 0)) for model in MARKED]


def _marks_file() -> Path:
    return Path(settings.VAR_DIR) / "marks.json"
