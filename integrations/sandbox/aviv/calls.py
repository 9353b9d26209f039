"""The three calls on leads: a page of them, one of them, a new one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from integrations.sandbox.wire import Reply, Request, json_reply

from . import rules
from .refusals import Problem, Refusal
from .shape import render_body
from .store import Window
from .tokens import Bearer

if TYPE_CHECKING:
    from .remote import Aviv

DAY = 86_400


def get_leads(remote: Aviv, request: Request, bearer: Bearer) -> Reply:
    """GET /leads: by ingestion date, at most seven days, at most 100."""
    window, limit = _read_window(remote, request, bearer), _read_limit(remote, request)
    found = _find(remote, window, request.query.get("start", ""), limit + 1)
    page = found[:limit]
    goes_on = len(found) > limit if remote.readings.next_when == "more" else len(page) == limit
    if not page and remote.readings.empty != "items":
        return _render_nothing(remote)
    body: dict[str, Any] = {}
    if remote.readings.page_metadata != "absent":
        body["metadata"] = _describe(remote, window, limit, len(page))
    if goes_on or remote.readings.links_last != "none":
        body["links"] = _render_links(remote, request, page[-1][0] if goes_on else "")
    status = 206 if goes_on and remote.readings.partial_206 else 200
    return Reply(status, _render_page(remote, body, page))


def _render_page(remote: Aviv, body: dict[str, Any], page: list[tuple[str, str]]) -> bytes:
    items = ",".join(render_body(text, remote.readings) for _, text in page)
    head = json.dumps(body, separators=(",", ":"))[:-1]
    return f'{head}{"," if body else ""}"items":[{items}]}}'.encode("utf-8", "surrogatepass")


def _render_nothing(remote: Aviv) -> Reply:
    if remote.readings.empty == "204":
        return Reply(204, b"", "")
    raise Refusal(404, "No lead in this period")


def _describe(remote: Aviv, window: Window, limit: int, count: int) -> dict[str, Any]:
    if remote.readings.page_metadata == "empty":
        return {}
    return {"limit": limit, "count": count, "totalCount": remote.store.count_in(window)}


def _render_links(remote: Aviv, request: Request, last: str) -> dict[str, Any]:
    if not last:
        return {"next": None} if remote.readings.links_last == "null" else {}
    root = ""
    if remote.readings.links_form == "absolute":
        root = f"http://{request.headers.get('host', 'localhost')}"
    return {"next": f"{root}{remote.prefix}/leads?{urlencode({**request.query, 'start': last})}"}


def _find(remote: Aviv, window: Window, start: str, limit: int) -> list[tuple[str, str]]:
    found = remote.store.find_page(window, start, limit)
    if found is None and remote.readings.unknown_start == "first":
        found = remote.store.find_page(window, "", limit)
    if found is None and remote.readings.unknown_start == "refuse":
        raise Refusal(
            400, "start is not a known lead", Problem("start", "unknown lead"), source="requestParameter"
        )
    return found or []


def _read_window(remote: Aviv, request: Request, bearer: Bearer) -> Window:
    low, high = _read_number(request, "minDate"), _read_number(request, "maxDate")
    days = remote.readings.window_days
    if low > high:
        raise _refuse_parameter("minDate", "must not be after maxDate")
    if high - low > days * DAY:
        raise _refuse_parameter("maxDate", f"must be at most {days} days after minDate")
    now = remote.clock.now()
    if remote.readings.history_days:
        low = max(low, int(now) - remote.readings.history_days * DAY)
    window = Window(low, high, now, remote.readings.bounds, remote.readings.order, bearer.agency)
    window.expired_at = now if remote.readings.ttl_expires else None
    return window


def _read_limit(remote: Aviv, request: Request) -> int:
    if "limit" not in request.query:
        return remote.readings.limit_default
    limit = _read_number(request, "limit")
    if not 1 <= limit <= 100:
        raise _refuse_parameter("limit", "must be between 1 and 100")
    return limit


def _read_number(request: Request, name: str) -> int:
    text = request.query.get(name, "")
    if not text:
        raise _refuse_parameter(name, "is required")
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 15):
        raise _refuse_parameter(name, "must be integer")
    return int(text)


def _refuse_parameter(name: str, reason: str) -> Refusal:
    return Refusal(400, f"{name} {reason}", Problem(name, reason), source="requestParameter")


def get_lead(remote: Aviv, _request: Request, bearer: Bearer, lead_id: str) -> Reply:
    """GET /leads/{leadId}."""
    row = remote.find_visible(lead_id, bearer.agency)
    if row is None:
        raise Refusal(remote.readings.missing_status, "Lead not found")
    return json_reply(200, remote.show(row.lead))


def create_lead(remote: Aviv, request: Request, bearer: Bearer) -> Reply:
    """POST /leads: checked now, kept later, under an id that the answer does not tell."""
    if remote.readings.who_may_post == "nobody":
        raise Refusal(403, "This client may not create leads")
    problems = rules.find_problems(body := read_object(request), nulls=remote.readings.nulls)
    if problems:
        raise Refusal(400, "The request body is invalid", *problems, source="body")
    number = remote.take_in(body, bearer.agency)
    return json_reply(200, {"title": "Lead submitted successfully", "requestId": number})


def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; Refusal where it is none."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Refusal(400, "Content-Type must be application/json", source="contentType")
    try:
        body = request.json()
        json.dumps(body, ensure_ascii=False).encode()
    except ValueError:
        raise Refusal(400, "The request body is not valid JSON", source="body") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The request body must be a JSON object", source="body")
    return body
