"""Keyset pages: a cursor names the last row seen, so rows that come in meanwhile move nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from leads.api.problems import invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USUAL, MOST = 50, 500
BIGGEST = 2**63 - 1
_EARLIEST, _LATEST = (
    (datetime(*day, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for day in ((1, 1, 1), (9999, 12, 31))
)

Position = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """Columns that together never tie, the last one unique; all of them in one direction."""

    columns: tuple[str, ...]
    is_descending: bool = True

    def sort(self, rows: QuerySet[Any, Any], *, backward: bool) -> QuerySet[Any, Any]:
        """The rows in this order, or in the opposite one."""
        sign = "-" if self.is_descending != backward else ""
        return rows.order_by(*(sign + column for column in self.columns))

    def beyond(self, position: Position, *, backward: bool) -> Q:
        """The rows that follow this position. Written so that a database walks the index."""
        way = "lt" if self.is_descending != backward else "gt"
        first, *rest = self.columns
        if not rest:
            return Q(**{f"{first}__{way}": position[0]})
        second = rest[0]
        tied = Q(**{f"{first}__{way}": position[0]}) | Q(**{f"{second}__{way}": position[1]})
        return Q(**{f"{first}__{way}e": position[0]}) & tied


NEWEST_LEADS = Order(("listed_at", "id"))
NEWEST = Order(("id",))
OLDEST = Order(("id",), is_descending=False)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list, and the filters that it belongs to."""

    position: Position
    is_backward: bool
    fingerprint: str

    def render(self) -> str:
        """Opaque text for a URL."""
        numbers = [_to_number(part) for part in self.position]
        raw = json.dumps([int(self.is_backward), self.fingerprint, *numbers], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, order: Order, fingerprint: str) -> Cursor:
        """Raises a 400 for anything that this list with these filters has not handed out."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            way, mark, *numbers = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            position = tuple(_from_number(n, c) for n, c in zip(numbers, order.columns, strict=True))
        except (ValueError, TypeError, RecursionError):
            raise invalid(
                [("cursor", "invalid", "This cursor is not one that was given out here.")]
            ) from None
        if mark != fingerprint:
            raise invalid(
                [("cursor", "other_filters", "This cursor belongs to other filters. Start again without it.")]
            )
        return cls(position, way == 1, fingerprint)


def _to_number(part: Any) -> int:
    return (part - EPOCH) // timedelta(microseconds=1) if isinstance(part, datetime) else int(part)


def _from_number(number: Any, column: str) -> Any:
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > BIGGEST:
        raise ValueError
    if not column.endswith("_at"):
        return number
    if not _EARLIEST <= number <= _LATEST:
        raise ValueError
    return EPOCH + timedelta(microseconds=number)


def fingerprint(filters: Mapping[str, Any]) -> str:
    """A short mark of the filters in force; the same for the same filters in any order."""
    canonical = json.dumps(sorted(filters.items()), default=str, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of a list is asked for, and from where."""

    size: int = USUAL
    cursor: str = ""
    mark: str = ""


def parse_size(text: Any, most: int = MOST) -> int:
    """A page size; raises a 400 outside 1 and the limit."""
    written = str(text)
    size = int(written) if written.isascii() and written.isdigit() and len(written) < 7 else 0
    if isinstance(text, bool) or not 1 <= size <= most:
        raise invalid([("page_size", "invalid", f"page_size must be a whole number from 1 to {most}.")])
    return size


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of one page in list order, and the cursors to its neighbours."""

    ids: list[int]
    next: str | None
    previous: str | None


def take_page(rows: QuerySet[Any, Any], order: Order, asked: Asked) -> Page:
    """One page of the rows: positions only, so that the index answers; the caller reads what it shows."""
    cursor = Cursor.parse(asked.cursor, order, asked.mark) if asked.cursor else None
    backward = cursor is not None and cursor.is_backward
    if cursor is not None:
        rows = rows.filter(order.beyond(cursor.position, backward=backward))
    found: list[Position] = list(
        order.sort(rows, backward=backward).values_list(*order.columns)[: asked.size + 1]
    )
    has_more = len(found) > asked.size
    found = found[: asked.size]
    if backward:
        found.reverse()
    return Page([row[-1] for row in found], *_neighbours(found, cursor, has_more, asked.mark))


def _neighbours(
    found: list[Position], cursor: Cursor | None, has_more: bool, mark: str
) -> tuple[str | None, str | None]:
    """Cursors of the next and the previous page. Where we came from there is always something."""
    backward = cursor is not None and cursor.is_backward
    has_next, has_previous = (True, has_more) if backward else (has_more, cursor is not None)
    if not found:
        if cursor is None:
            return None, None
        back = Cursor(cursor.position, not backward, mark).render()
        return (back, None) if backward else (None, back)
    return (
        Cursor(found[-1], False, mark).render() if has_next else None,
        Cursor(found[0], True, mark).render() if has_previous else None,
    )


def link(request: Request, **parameters: Any) -> str:
    """This address with its parameters, these ones replaced; absolute."""
    query = request.query_params.copy()
    for name, value in parameters.items():
        query[name] = str(value)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def answer_page(request: Request, page: Page, results: Sequence[Any]) -> dict[str, Any]:
    """The shape of every list."""
    return {
        "next": link(request, cursor=page.next) if page.next else None,
        "previous": link(request, cursor=page.previous) if page.previous else None,
        "results": list(results),
    }


def whole_list(results: Sequence[Any]) -> dict[str, Any]:
    """The same shape where there is only one page."""
    return {"next": None, "previous": None, "results": list(results)}
