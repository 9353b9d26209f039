"""Writes chosen columns of many rows at once, each row its own values. Knows nothing of leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import orjson
from django.db import connections, models, router

#: Values in one statement: SQLite takes 32,766.
MOST_PLACES = 30_000


def write_columns(
    model: type[models.Model], rows: Iterable[tuple[int, Mapping[str, Any]]], counter: str | None = None
) -> None:
    """Set these attributes of these rows, by primary key; ``counter`` names a column to raise by one.

    One statement per distinct set of columns, for all its rows: Django's ``bulk_update`` writes one CASE per column
    and row, which is many times slower on wide tables.
    """
    groups: dict[tuple[str, ...], list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for pk, values in rows:
        groups[tuple(sorted(values))].append((pk, values))
    table = _Table(model, counter)
    for names, members in groups.items():
        if names or counter:
            table.update(names, members)


class _Table:
    """The UPDATEs of one table. Only names of its own columns are put into a text; every value is a parameter."""

    def __init__(self, model: type[models.Model], counter: str | None) -> None:
        self.model, self.counter = model, counter
        self.database: Any = connections[router.db_for_write(model)]
        self.name, _, self.key = _names(self.database, model, [])

    def update(self, names: tuple[str, ...], members: list[tuple[int, Mapping[str, Any]]]) -> None:
        fields: list[Any] = [self.model._meta.get_field(name) for name in names]
        key = self.model._meta.pk.column
        rows = [
            {key: pk} | {f.column: values[n] for n, f in zip(names, fields, strict=True)}
            for pk, values in members
        ]
        # Two writes of one row are in order only one by one.
        twice = len({row[key] for row in rows}) < len(rows)
        body = None if twice else _json_rows(self.database, rows)
        with self.database.cursor() as cursor:
            if body is not None:
                cursor.execute(self._all_at_once(fields), [body])
            else:
                ways = [(field.column, _way(field, self.database)) for field in fields]
                values = [[*(way(row[column]) for column, way in ways), row[key]] for row in rows]
                cursor.executemany(self._one(fields), values)

    def _all_at_once(self, fields: list[Any]) -> str:
        return (
            f"UPDATE {self.name} SET {self._sets(fields, 'news.{}')}"  # noqa: S608
            f" FROM json_populate_recordset(NULL::{self.name}, %s::json) AS news"
            f" WHERE {self.name}.{self.key} = news.{self.key}"
        )

    def _one(self, fields: list[Any]) -> str:
        return f"UPDATE {self.name} SET {self._sets(fields, '%s')} WHERE {self.key} = %s"  # noqa: S608

    def _sets(self, fields: list[Any], value: str) -> str:
        columns = [self.database.ops.quote_name(field.column) for field in fields]
        sets = [f"{column} = {value.format(column)}" for column in columns]
        if self.counter:
            counter = self.database.ops.quote_name(self.counter)
            sets.append(f"{counter} = {self.name}.{counter} + 1")
        return ", ".join(sets)


def _way(field: models.Field[Any, Any], database: Any) -> Callable[[Any], Any]:
    """How values of a column become parameters. Numbers are that already; many rows share a moment."""
    if isinstance(field, models.FloatField | models.IntegerField):
        return _as_it_is
    prepare = partial(field.get_db_prep_save, connection=database)
    return lru_cache(maxsize=1024)(prepare) if isinstance(field, models.DateTimeField) else prepare


def _as_it_is(value: Any) -> Any:
    return value


def insert_rows(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows that name the same attributes; their new primary keys, in order.

    What is not named is NULL, so every column without one must be named. Django's ``bulk_create`` asks every field of
    every row for its value, which takes longer than the database does.
    """
    if not rows:
        return []
    database = connections[router.db_for_write(model)]
    fields: list[Any] = [model._meta.get_field(name) for name in rows[0]]
    keys: list[int] = []
    step = max(1, MOST_PLACES // len(fields))
    with database.cursor() as cursor:
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            sql, values = _as_json(database, model, fields, part) or _as_values(database, model, fields, part)
            cursor.execute(sql, values)
            keys += [row[0] for row in cursor.fetchall()]
    return keys


def _json_rows(database: Any, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Rows by column as one parameter, because the driver reads a text of thousands of places, or fills one in
    thousands of times, for longer than the database works. None where that is not to be had: on SQLite, or with a
    value that orjson does not take.
    """
    if database.vendor != "postgresql":
        return None
    try:
        return orjson.dumps(rows).decode()
    except TypeError:
        return None


def _as_json(
    database: Any, model: type[models.Model], fields: Sequence[Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any]] | None:
    columns_by_name = [(name, field.column) for name, field in zip(rows[0], fields, strict=True)]
    body = _json_rows(database, [{column: row[name] for name, column in columns_by_name} for row in rows])
    if body is None:
        return None
    table, columns, key = _names(database, model, fields)
    # Only names of our own columns are put into the text; every value is a parameter.
    sql = (
        f"INSERT INTO {table} ({columns}) SELECT {columns}"  # noqa: S608
        f" FROM json_populate_recordset(NULL::{table}, %s::json) RETURNING {key}"
    )
    return sql, [body]


def _as_values(
    database: Any, model: type[models.Model], fields: Sequence[Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any]]:
    prepare = [_preparer(field, database) for field in fields]
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    table, columns, key = _names(database, model, fields)
    sql = f"INSERT INTO {table} ({columns}) VALUES {places} RETURNING {key}"  # noqa: S608 - as above
    return sql, [ready(row[name]) for row in rows for name, ready in zip(rows[0], prepare, strict=True)]


def _names(database: Any, model: type[models.Model], fields: Sequence[Any]) -> tuple[str, str, str]:
    """Table, columns and primary key, quoted."""
    quote = database.ops.quote_name
    key = quote(str(model._meta.pk.column))
    return quote(model._meta.db_table), ", ".join(quote(field.column) for field in fields), key


def _preparer(field: Any, database: Any) -> Callable[[Any], Any]:
    """What makes a value of this field ready for the driver; most are as they are."""
    if isinstance(field, models.DateTimeField):
        # A page has few moments, many times each.
        return lru_cache(maxsize=1024)(lambda value: field.get_db_prep_save(value, database))
    if isinstance(field, models.JSONField):
        return partial(_json_text, field, database)
    return _as_it_is


def _json_text(field: Any, database: Any, value: Any) -> Any:
    """In a fraction of the time that the field takes; what orjson does not take, the field does."""
    try:
        return None if value is None else orjson.dumps(value).decode()
    except TypeError:
        return field.get_db_prep_save(value, database)
