"""Unwrapping AVIV's answers. Where the documents leave a form open every legal reading is taken; whatever else comes
is an error, never an empty answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

LONGEST_ID = 100


class ShapeError(ValueError):
    """JSON of another shape than the one asked for. The text ends a sentence: "it holds no list of leads"."""


@dataclass(slots=True)
class LeadPage:
    """One page. ``next_start`` is the ``start`` of the page after it, or None where this was the last one."""

    items: list[dict[str, Any]]
    next_start: str | None

    @property
    def complete(self) -> bool:
        """Whether the window ends with this page."""
        return self.next_start is None


@dataclass(frozen=True, slots=True)
class Subscription:
    """One of our webhook subscriptions. AVIV never shows its key."""

    id: str
    url: str = ""
    status: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether AVIV says it delivers."""
        return self.status.upper() == "ACTIVE"


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """AVIV's account of one subscription. ``events`` are newest first; what is in them is not documented."""

    subscription: Subscription
    last_success_at: datetime | None
    events: list[dict[str, Any]] = field(default_factory=list)


def find_lead_id(lead: Any) -> str | None:
    """The ``metadata.leadId`` of a lead as text, or None."""
    metadata = lead.get("metadata") if isinstance(lead, Mapping) else None
    return _text_id(metadata.get("leadId")) if isinstance(metadata, Mapping) else None


def parse_page(document: Any, *, limit: int, is_partial: bool = False) -> LeadPage:
    """A page of leads. Raises `ShapeError`.

    Without a link a full page (or one that says it is partial) goes on after its last lead, as ``start`` is
    documented: asking once too often costs a call, stopping too early costs leads.
    """
    if not isinstance(document, dict):
        raise ShapeError("it is not a page of leads")
    _refuse_errors(document)
    items = document.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ShapeError("it holds no list of leads")
    next_start = _find_next(document.get("links"))
    if next_start is None and (is_partial or len(items) >= limit):
        next_start = find_lead_id(items[-1]) if items else None
        if next_start is None:
            raise ShapeError("it is one page of several and does not say how to go on")
    return LeadPage(items, next_start)


def _find_next(links: Any) -> str | None:
    """The ``start`` in ``links.next``: a URL, absolute or not, or an object that holds one."""
    if links is None or links == []:
        return None
    if isinstance(links, list):
        links = {row.get("rel"): row for row in links if isinstance(row, dict)}
    if not isinstance(links, dict):
        raise ShapeError("its links are of an unknown kind")
    link = links.get("next")
    if isinstance(link, dict):
        link = link.get("href") or link.get("url")
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise ShapeError("its link to the next page is of an unknown kind")
    try:
        starts = parse_qs(urlsplit(link).query).get("start", [])
    except ValueError:
        starts = []
    if len(starts) != 1:
        raise ShapeError("its link to the next page has no start")
    return starts[0]


def find_lead(document: Any, lead_id: str) -> dict[str, Any]:
    """The one lead asked for, bare or as the only item. Raises `ShapeError`."""
    if isinstance(document, dict) and "metadata" in document and isinstance(document.get("items"), list):
        document = document["items"][0] if len(document["items"]) == 1 else None
    if not isinstance(document, dict):
        raise ShapeError("it is not a lead")
    found = find_lead_id(document)
    if found is None:
        _refuse_errors(document)
        raise ShapeError("it holds no lead with an id")
    if found != lead_id:
        raise ShapeError("it shows another lead")
    return document


def parse_request_id(document: Any) -> str:
    """The id of a request to make a lead. Raises `ShapeError`."""
    if not isinstance(document, dict):
        raise ShapeError("it is no receipt")
    _refuse_errors(document)
    request_id = _text_id(document.get("requestId"))
    if request_id is None:
        raise ShapeError("it holds no request id")
    return request_id


def parse_subscriptions(document: Any) -> list[Subscription]:
    """The subscriptions, as ``items`` or as a list. Raises `ShapeError`."""
    if isinstance(document, dict):
        _refuse_errors(document)
        document = document.get("items")
    if not isinstance(document, list):
        raise ShapeError("it holds no list of subscriptions")
    return [parse_subscription(row) for row in document]


def parse_subscription(document: Any) -> Subscription:
    """One subscription. Raises `ShapeError` where it has no id."""
    if not isinstance(document, dict):
        raise ShapeError("it is not a subscription")
    found = _text_id(document.get("subscriptionId", document.get("id")))
    if found is None:
        _refuse_errors(document)
        raise ShapeError("it holds no subscription with an id")
    return Subscription(
        found,
        _text(document.get("url"), 500),
        _text(document.get("status"), 50),
        parse_instant(document.get("createdAt")),
        parse_instant(document.get("updatedAt")),
    )


def parse_audit(document: Any) -> AuditTrail:
    """The audit of one subscription. Raises `ShapeError`."""
    subscription = parse_subscription(document)
    events = document.get("recentEvents") or []
    if not isinstance(events, list):
        raise ShapeError("its events are no list")
    last = parse_instant(document.get("lastSuccessTimestamp"))
    return AuditTrail(subscription, last, [event for event in events if isinstance(event, dict)][:100])


def parse_instant(value: Any) -> datetime | None:
    """An aware UTC datetime from Unix seconds or ISO 8601 text, or None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip() if isinstance(value, (str, int, float)) else ""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text_id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_ID or not value.isprintable():
        return None
    return value.strip()


def _text(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _refuse_errors(document: Mapping[str, Any]) -> None:
    """An error object is never read as an empty list, even where it carries one."""
    status = document.get("status")
    failed = isinstance(status, int) and not isinstance(status, bool) and status >= 400
    if failed or any(document.get(key) for key in ("error", "errors", "exception")):
        raise ShapeError("it reports an error")
