"""Starts a mirror from a CSV file: each row becomes a fetch, newest lead first. Reads real files, and never guesses."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from integrations.leadpro.phones import to_e164
from leads.models import Connection, Lane, Run, RunItem

MOST_BYTES = 200 * 1024 * 1024
#: Headers as they stand in exports, without case, spaces and marks.
NAMES = {
    "leadpro_id": {"leadproid", "leadid", "id", "leadproleadid"},
    "email": {"email", "emailaddress", "mail"},
    "phone": {"phone", "phonenumber", "telephone", "telephonenumber", "tel", "mobile", "mobilenumber"},
    "first_name": {"firstname", "forename", "givenname"},
    "last_name": {"lastname", "surname", "familyname"},
}
_SCIENTIFIC = re.compile(r"^\d(?:[.,]\d+)?E\+?\d+$", re.IGNORECASE)


class UnusableFile(Exception):
    """The file as a whole cannot be imported; the message says why. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A run that is ready to be continued. ``resumed``: the same file was begun before and goes on."""

    run: Run
    total: int
    bad_rows: int
    resumed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file: what to fetch, or what is wrong with it."""

    line: int
    key: dict[str, Any]
    problem: str = ""


def start_import(
    path: Path,
    connection: Connection,
    *,
    mapping: Mapping[str, str] | None = None,
    actor: str = "",
    now: datetime,
) -> Imported:
    """Read the file and lay out a run, or take up the unfinished run of the same file. Raises UnusableFile."""
    data = _read(path)
    digest = hashlib.sha256(
        data + repr(sorted((mapping or {}).items())).encode() + str(connection.pk).encode()
    )
    begun = Run.objects.filter(
        kind=Run.IMPORT, digest=digest.hexdigest(), state__in=(Run.WAITING, Run.RUNNING, Run.PAUSED)
    ).first()
    if begun is not None:
        begun.resume(now)
        begun.refresh_from_db()
        bad = begun.items.filter(problem_code="bad_row").count()
        return Imported(begun, begun.total, bad, resumed=True)
    rows = list(read_rows(_decode(data), mapping or {}))
    if not rows:
        raise UnusableFile(f"{path.name} has a header but no rows. Nothing was imported.")
    run = _lay_out(path, connection, digest.hexdigest(), rows, actor, now)
    return Imported(run, run.total, run.failed, resumed=False)


def _lay_out(
    path: Path, connection: Connection, digest: str, rows: list[Row], actor: str, now: datetime
) -> Run:
    bad = sum(bool(row.problem) for row in rows)
    with transaction.atomic():
        run = Run.objects.create(
            kind=Run.IMPORT,
            connection=connection,
            lane=Lane.BULK,
            name=path.name[:200],
            digest=digest,
            actor=actor,
            total=len(rows),
            failed=bad,
            created_at=now,
            due_at=now,
        )
        RunItem.objects.bulk_create((_item(run, row) for row in rows), batch_size=1000)
    return run


def _item(run: Run, row: Row) -> RunItem:
    """Newest first: Lead.pro counts its ids up, and young leads are worth the most. People without an id come last."""
    if row.problem:
        return RunItem(
            run=run,
            number=row.line,
            key={},
            state=RunItem.FAILED,
            problem_code="bad_row",
            problem=row.problem[:500],
        )
    return RunItem(run=run, number=row.line, order=-row.key.get("leadpro_id", 0), key=row.key)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UnusableFile(f"{path.name} is larger than 200 MiB. Split it; nothing was imported.")
        return path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{path.name} cannot be read: {error.strerror}.") from None


def _decode(data: bytes) -> str:
    """Text in UTF-8, UTF-16 with a mark, or Windows-1252, as Excel writes it."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_rows(text: str, mapping: Mapping[str, str]) -> Iterator[Row]:
    """Every line that is not empty, in order, numbered as an editor numbers lines. Raises UnusableFile."""
    if not text.strip("\ufeff\r\n\t ,;"):
        raise UnusableFile("The file is empty. Nothing was imported.")
    header_line = text.lstrip("\ufeff").splitlines()[0]
    delimiter = max(",;\t|", key=header_line.count)
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    header = next(reader)
    columns = _columns(header, mapping)
    first_seen: dict[str, int] = {}
    line = reader.line_num + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, f"This line is not readable as CSV ({error}).")
        else:
            if any(cell.strip() for cell in cells):
                yield _read_row(line, cells, header, columns, first_seen)
        line = reader.line_num + 1


def _columns(header: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    def plain(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", name.casefold())

    for field in mapping:
        if field not in NAMES:
            raise UnusableFile(f"--map names {field!r}; it can name {', '.join(NAMES)}.")
    wanted = {field: {plain(mapping[field])} if field in mapping else names for field, names in NAMES.items()}
    found: dict[str, int] = {}
    for field, names in wanted.items():
        for position, name in enumerate(header):
            if plain(name) in names:
                found.setdefault(field, position)
        if field in mapping and field not in found:
            raise UnusableFile(
                f"There is no column {mapping[field]!r}. The columns are: {', '.join(header)[:300]}."
            )
    if not found.keys() & {"leadpro_id", "email", "phone"}:
        raise UnusableFile(
            "No column holds a Lead.pro id, an e-mail or a phone number. Name one with --map leadpro_id='…'."
            f" The columns are: {', '.join(header)[:300]}."
        )
    return found


def _read_row(
    line: int, cells: list[str], header: list[str], columns: dict[str, int], first_seen: dict[str, int]
) -> Row:
    if len(cells) > len(header):
        return Row(
            line, {}, f"The line has {len(cells)} cells, the header {len(header)}. Is a text not quoted?"
        )
    values = {field: cells[n].strip() if n < len(cells) else "" for field, n in columns.items()}
    key, problem = _key(values)
    if problem:
        return Row(line, {}, problem)
    same = first_seen.setdefault(repr(sorted(key.items())), line)
    if same != line:
        return Row(line, {}, f"The same as line {same}.")
    return Row(line, key)


def _key(values: dict[str, str]) -> tuple[dict[str, Any], str]:
    """What to fetch by: the id if there is one, else the e-mail, else the phone number. Or what is wrong."""
    if leadpro_id := values.get("leadpro_id"):
        if leadpro_id.isdecimal() and leadpro_id.isascii() and 0 < int(leadpro_id) < 2**63:
            return {"leadpro_id": int(leadpro_id)}, ""
        return {}, "leadpro_id: not a whole number."
    names = {n: values[n] for n in ("first_name", "last_name") if values.get(n)}
    if email := values.get("email"):
        try:
            validate_email(email)
        except ValidationError:
            return {}, "email: not an e-mail address."
        return {"email": email, **names}, ""
    if phone := values.get("phone"):
        problem = _phone_problem(phone)
        return ({}, problem) if problem else ({"phone": phone, **names}, "")
    return {}, "The line has no Lead.pro id, e-mail or phone number."


def _phone_problem(phone: str) -> str:
    if _SCIENTIFIC.match(phone.replace(" ", "")):
        return (
            "phone: Excel has turned the number into a power of ten; its digits are lost. Export it as text."
        )
    digits = re.sub(r"\D", "", phone)
    if settings.DEFAULT_REGION == "GB" and len(digits) == 10 and digits[0] in "1237" and digits == phone:
        return "phone: Excel seems to have dropped the leading 0. Export it as text."
    return "" if to_e164(phone, settings.DEFAULT_REGION) else "phone: not a phone number."


def write_errors(run: Run, path: Path) -> int:
    """Write FILE.errors.csv: line and problem of every row that failed so far. Repeatable; the number of rows."""
    rows = list(run.items.filter(state=RunItem.FAILED).order_by("number").values_list("number", "problem"))
    target = path.with_name(f"{path.name.removesuffix('.csv')}.errors.csv")
    if not rows:
        target.unlink(missing_ok=True)
        return 0
    partial = target.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "problem"])
        writer.writerows(rows)
    partial.replace(target)
    return len(rows)
