"""Unwrapping Lead.pro's answers. The documents show bare and wrapped lists and ids as text or number; every
legal reading is taken, and whatever else is an error, never an empty answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BIGGEST_ID = 2**63 - 1
_WRAPPERS = ("data", "leads", "lead", "results", "items", "offices", "statuses")
#: A whole lead shows some of these, be they null.
_LEAD_KEYS = frozenset(
    (
        "type",
        "first_name",
        "last_name",
        "full_name",
        "email",
        "phone",
        "source",
        "stage",
        "office_id",
        "created_at",
    )
)
_NEXT_KEYS = ("next", "next_page_url", "nextPageUrl", "nextCursor", "next_cursor", "nextPage", "next_page")
_MORE_KEYS = ("has_more", "hasMore", "hasNextPage", "has_next")
_TOTAL_KEYS = ("total", "count")
_PARTIAL = "it is one page of several"


class ShapeError(ValueError):
    """JSON of another shape than the one asked for. The text ends a sentence: "it has no id"."""


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """One office of the account."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status of the account. Names are the account's own and need not be unique."""

    id: int
    name: str
    stage_id: int | None
    is_predefined: bool


def parse_id(value: Any) -> int | None:
    """An id given as a number or as text, or None for anything that is not a positive 64-bit integer."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value <= BIGGEST_ID else None


def find_lead(document: Any, *, is_whole: bool = True) -> dict[str, Any]:
    """The one lead in an answer, wrapped or not, its id an integer. Raises `ShapeError`.

    ``is_whole``: an id alone is not enough, since everything that is not there would count as empty.
    """
    inner = document
    for _ in range(3):
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]
        if not isinstance(inner, dict):
            break
        if parse_id(inner.get("id")) is not None:
            return _checked_lead(inner, is_whole=is_whole)
        _refuse_errors(inner)
        inner = _unwrap(inner)
    raise ShapeError("it holds no lead with an id")


def find_lead_list(document: Any) -> list[dict[str, Any]]:
    """The leads in an answer: a list, one lead, or either of them wrapped. Raises `ShapeError`."""
    inner, total = document, 0
    for _ in range(3):
        is_lead = isinstance(inner, dict) and parse_id(inner.get("id")) is not None
        if is_lead or isinstance(inner, list):
            rows = [_checked_lead(row) for row in ([inner] if is_lead else inner)]
            if len(rows) < total:
                raise ShapeError(_PARTIAL)
            return rows
        if not isinstance(inner, dict):
            break
        _refuse_errors(inner)
        _refuse_partial(inner)
        total = max(total, _total_of(inner))
        inner = _unwrap(inner)
    raise ShapeError("it is neither a list of leads nor a lead")


def find_rows(document: Any, what: str) -> list[dict[str, Any]]:
    """A list of objects, wrapped or not. Raises `ShapeError`."""
    inner = document
    for _ in range(3):
        if isinstance(inner, list):
            if all(isinstance(row, dict) for row in inner):
                return inner
            break
        if not isinstance(inner, dict):
            break
        _refuse_errors(inner)
        inner = _unwrap(inner)
    raise ShapeError(f"it is not a list of {what}")


def parse_office_rows(document: Any) -> list[OfficeRow]:
    """Offices; ids come as text or numbers. Raises `ShapeError`."""
    rows = find_rows(document, "offices")
    return [OfficeRow(office_id, _name_of(row, office_id)) for row in rows if (office_id := _row_id(row))]


def parse_status_rows(document: Any) -> list[StatusRow]:
    """Statuses; keys come in camel or snake case. Raises `ShapeError`."""
    return [_parse_status(row) for row in find_rows(document, "statuses")]


def _parse_status(row: Mapping[str, Any]) -> StatusRow:
    status_id = _row_id(row)
    stage_id = parse_id(row.get("stageId", row.get("stage_id")))
    predefined = row.get("isPredefined", row.get("is_predefined"))
    return StatusRow(status_id, _name_of(row, status_id), stage_id, predefined in (True, 1, "1", "true"))


def _row_id(row: Mapping[str, Any]) -> int:
    row_id = parse_id(row.get("id"))
    if row_id is None:
        raise ShapeError("a row in it has no id")
    return row_id


def _name_of(row: Mapping[str, Any], row_id: int) -> str:
    name = row.get("name")
    return name if isinstance(name, str) and name.strip() else f"#{row_id}"


def _checked_lead(row: Any, *, is_whole: bool = True) -> dict[str, Any]:
    """The row with its id as an integer. A lead has no ``error`` and no ``success``; an error object may have an id."""
    if not isinstance(row, dict) or (row_id := parse_id(row.get("id"))) is None:
        raise ShapeError("a row in it is no lead with an id")
    refuse_failure(row)
    if is_whole and _LEAD_KEYS.isdisjoint(row):
        raise ShapeError("it shows nothing of the lead but its id")
    return row if row["id"] is row_id else {**row, "id": row_id}


def refuse_failure(document: Any) -> None:
    """Raise `ShapeError` where an answer of 2xx says that it failed."""
    if not isinstance(document, Mapping):
        return
    failed = document.get("success") is False or document.get("ok") is False
    if failed or any(document.get(key) for key in ("error", "errors", "exception")):
        raise ShapeError("it reports an error")


def _unwrap(wrapper: Mapping[str, Any]) -> Any:
    inside = [key for key in _WRAPPERS if isinstance(wrapper.get(key), (dict, list))]
    if len(inside) != 1:
        raise ShapeError("it holds no data")
    return wrapper[inside[0]]


def _refuse_errors(wrapper: Mapping[str, Any]) -> None:
    """An error object is never read as an empty list, even where it carries one."""
    refuse_failure(wrapper)
    status = wrapper.get("status", wrapper.get("code"))
    failed = bool(wrapper.get("detail")) or (
        isinstance(status, str) and status.lower() in ("error", "fail", "failed", "failure")
    )
    failed = failed or (isinstance(status, int) and not isinstance(status, bool) and status >= 400)
    if failed or wrapper.get("detail"):
        raise ShapeError("it reports an error")


def _refuse_partial(wrapper: Mapping[str, Any]) -> None:
    """One page of several proves nobody's absence. The documents show no paging; this notices if it comes."""
    for block in _paging_of(wrapper):
        if any(block.get(key) for key in (*_NEXT_KEYS, *_MORE_KEYS)) or _is_before_last(block):
            raise ShapeError(_PARTIAL)


def _paging_of(wrapper: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    blocks = [wrapper, *(wrapper.get(key) for key in ("meta", "links", "pagination", "paging"))]
    return [block for block in blocks if isinstance(block, Mapping)]


def _total_of(wrapper: Mapping[str, Any]) -> int:
    """How many rows there are, as the answer counts them; 0 where it does not say."""
    counts = (parse_id(block.get(key)) for block in _paging_of(wrapper) for key in _TOTAL_KEYS)
    return max((count or 0 for count in counts), default=0)


def _is_before_last(block: Mapping[str, Any]) -> bool:
    page, last = parse_id(block.get("current_page")), parse_id(block.get("last_page"))
    return page is not None and last is not None and page < last
