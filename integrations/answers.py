"""Reading what a remote answered: JSON made safe to store, the reason in an error body, how long to wait."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from integrations.errors import EXCERPT_LIMIT

#: Above this depth nothing of ours, nor a database, wants to walk a document; orjson writes at most 254
#: levels.
_SHALLOW = 200
_REASON_KEYS = (
    *(
        "message",
        "detail",
        "error_description",
        "reason",
        "title",
        "error",
        "errors",
        "details",
        "msg",
        "data",
    ),
)
_FIELD_KEYS = ("field", "param", "property", "pointer", "attribute")
_NAMED_LISTS = ("errors", "error", "detail", "details", "data")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
_HIDDEN_HTML = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_TRACE_HEADERS = ("x-request-id", "x-correlation-id", "x-amzn-trace-id", "x-trace-id", "cf-ray")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.IGNORECASE)


class NotJson(ValueError):
    """The body is no JSON that can be kept."""


def is_json_type(content_type: str) -> bool:
    """Whether the header says JSON, or says nothing."""
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind in ("application/json", "text/json") or kind.endswith("+json")


def parse_json(body: bytes) -> Any:
    """The document, without NUL characters, at most 254 levels deep. Raises `NotJson`.

    Integers beyond 64 bits arrive as floats; NaN, infinities and lone surrogates are not JSON.
    """
    if body[:3] == b"\xef\xbb\xbf":
        body = body[3:]
    try:
        document = orjson.loads(body)
        if body.count(b"[") + body.count(b"{") > _SHALLOW:
            orjson.dumps(document)
    except (ValueError, TypeError, RecursionError):
        raise NotJson from None
    return remove_nuls(document) if rb"\u0000" in body else document


def remove_nuls(document: Any) -> Any:
    """The same document with no NUL in any text: PostgreSQL refuses them."""
    if isinstance(document, str):
        return document.replace("\x00", "")
    if isinstance(document, list):
        return [remove_nuls(item) for item in document]
    if isinstance(document, dict):
        return {remove_nuls(key): remove_nuls(value) for key, value in document.items()}
    return document


def clean_text(text: str, limit: int = EXCERPT_LIMIT) -> str:
    """One line without control or direction characters, cut to the limit."""
    text = text[: limit * 20].encode("utf-8", "replace").decode("utf-8")
    return re.sub(r" {2,}", " ", _INVISIBLE.sub(" ", text)).strip()[:limit]


def extract_reason(body: bytes) -> tuple[str, str]:
    """The remote's reason and the field it names, from an error body of any shape. Either may be empty."""
    try:
        document = parse_json(body)
    except NotJson:
        return clean_text(strip_markup(body.decode("utf-8", "replace"))), ""
    return clean_text("; ".join(dict.fromkeys(_iter_reasons(document)))), clean_text(
        _find_field(document), 100
    )


def strip_markup(text: str) -> str:
    """The words of a page or a snippet of HTML. What is left is still no HTML to render: escape it."""
    if "<" not in text:
        return text
    text = _HIDDEN_HTML.sub(" ", text[:65536])
    return html.unescape(_TAG.sub(" ", text))


def _iter_reasons(document: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(document, str):
        if text := document.strip():
            yield text
    elif isinstance(document, list) and depth < 5:
        for item in document[:20]:
            yield from _iter_reasons(item, depth + 1)
    elif isinstance(document, dict) and depth < 5:
        yield from _iter_object_reasons(document, depth)


def _iter_object_reasons(document: dict[str, Any], depth: int) -> Iterator[str]:
    known = [key for key in _REASON_KEYS if document.get(key)]
    if known:
        field = _field_of(document) if depth else ""
        for key in known:
            for reason in _iter_reasons(document[key], depth + 1):
                yield f"{field}: {reason}" if field and not reason.startswith(field) else reason
        return
    for name, value in list(document.items())[:20]:
        if depth == 0 and name in ("status", "code", "success", "timestamp", "path", "instance", "type"):
            continue
        for reason in _iter_reasons(value, depth + 1):
            yield f"{name}: {reason}"


def _find_field(document: Any, depth: int = 0) -> str:
    if depth > 4 or not isinstance(document, (dict, list)):
        return ""
    if isinstance(document, list):
        return next((found for item in document[:20] if (found := _find_field(item, depth + 1))), "")
    if own := _field_of(document):
        return own
    for key in _NAMED_LISTS:
        inner = document.get(key)
        if found := _find_field(inner, depth + 1):
            return found
        if isinstance(inner, dict) and key in ("errors", "details") and inner:
            return str(next(iter(inner)))
    if depth == 0 and not any(key in document for key in _REASON_KEYS):
        return next((str(name) for name, reasons in document.items() if isinstance(reasons, list)), "")
    return ""


def _field_of(document: Mapping[str, Any]) -> str:
    """The field an error object names. A list is a path to it; ``name`` counts beside a ``reason`` only."""
    values = [document.get(key) for key in _FIELD_KEYS]
    values += [path[-1] for key in ("loc", "path") if isinstance(path := document.get(key), list) and path]
    if "reason" in document:
        values.append(document.get("name"))
    named = (value for value in values if isinstance(value, str) and 0 < len(value) <= 100)
    return next((value.strip("/").rpartition("/")[2] for value in named), "")


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, 1 to 3600, or None where the header is absent or says nothing.

    A date counts from the remote's own ``Date``, so that a clock that differs does no harm.
    """
    text = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[+-]?\d{1,18}(\.\d*)?", text):
        seconds = float(text)
    elif (until := _parse_date(text)) is not None:
        seconds = (until - (_parse_date(headers.get("Date") or "") or now)).total_seconds()
    else:
        return None
    return min(max(seconds, 1.0), 3600.0)


def _parse_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def find_trace_id(headers: Mapping[str, str], body: bytes = b"") -> str:
    """What the remote's support would look a call up by, or nothing: ``traceparent``, the same as ``instance`` in
    an error body, or another header of that kind.
    """
    found = headers.get("traceparent") or _find_instance(body)
    found = found or next((value for name in _TRACE_HEADERS if (value := headers.get(name))), "")
    return clean_text(found, 100)


def _find_instance(body: bytes) -> str:
    if b'"instance"' not in body:
        return ""
    try:
        document = parse_json(body)
    except NotJson:
        return ""
    instance = document.get("instance") if isinstance(document, dict) else None
    return instance if isinstance(instance, str) and _TRACEPARENT.fullmatch(instance) else ""
