"""Webhook subscriptions: created, listed, changed, deleted, and how their deliveries went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from integrations.sandbox.clock import render_instant
from integrations.sandbox.wire import Reply, Request, json_reply

from .calls import read_object
from .refusals import Problem, Refusal
from .tokens import Bearer

if TYPE_CHECKING:
    from .remote import Aviv

Row = dict[str, Any]

SHOWN = ("subscriptionId", "url", "status", "createdAt", "updatedAt")
STATUSES = ("ACTIVE", "INACTIVE")
ID_LENGTH = 21
EVENTS_KEPT = 100


def create_subscription(remote: Aviv, request: Request, _bearer: Bearer) -> Reply:
    """POST /webhook/subscriptions."""
    body = read_object(request)
    problems = [Problem(f"/{name}", "is required") for name in ("url", "apiKey") if not body.get(name)]
    _refuse(problems or _find_problems(body))
    now = render_instant(remote.clock.now())
    row: Row = {
        "subscriptionId": uuid4().hex[:ID_LENGTH],
        "url": body["url"],
        "status": body.get("status", "ACTIVE"),
        "createdAt": now,
        "updatedAt": now,
        "apiKey": body["apiKey"],
        "lastSuccessTimestamp": None,
        "failures": 0,
        "events": [],
    }
    remote.hooks.keep(row)
    return json_reply(200, _show(row))


def list_subscriptions(remote: Aviv, _request: Request, _bearer: Bearer) -> Reply:
    """GET /webhook/subscriptions."""
    return json_reply(200, {"items": [_show(row) for row in remote.store.subscriptions()]})


def update_subscription(remote: Aviv, request: Request, _bearer: Bearer, subscription_id: str) -> Reply:
    """PUT /webhook/subscriptions/{id}: key and status; the URL cannot be changed."""
    body = read_object(request)
    if "url" in body:
        _refuse([Problem("/url", "cannot be changed")])
    _refuse(_find_problems(body))
    with remote.store.lock:
        row = _find(remote, subscription_id)
        row |= {name: body[name] for name in ("apiKey", "status") if name in body}
        row |= {"updatedAt": render_instant(remote.clock.now()), "failures": 0}
        remote.hooks.keep(row)
    return json_reply(200, _show(row))


def delete_subscription(remote: Aviv, _request: Request, _bearer: Bearer, subscription_id: str) -> Reply:
    """DELETE /webhook/subscriptions/{id}."""
    with remote.store.lock:
        row = _find(remote, subscription_id)
        remote.store.delete_subscription(subscription_id)
    return json_reply(200, _show(row) | {"message": "Subscription deleted successfully"})


def audit_subscription(remote: Aviv, request: Request, _bearer: Bearer, subscription_id: str) -> Reply:
    """GET /webhook/subscriptions/{id}/audit: the last deliveries, newest first."""
    limit = request.query.get("limit", "10")
    if not limit.isdigit() or not 1 <= int(limit) <= EVENTS_KEPT:
        problem = Problem("limit", "must be between 1 and 100")
        raise Refusal(400, "limit must be between 1 and 100", problem, source="requestParameter")
    row = _find(remote, subscription_id)
    events = row["events"][::-1][: int(limit)]
    shown = _show(row) | {"lastSuccessTimestamp": row["lastSuccessTimestamp"], "recentEvents": events}
    return json_reply(200, shown)


def _show(row: Row) -> Row:
    """What the API shows of a subscription: never the key."""
    return {name: row[name] for name in SHOWN}


def _find(remote: Aviv, subscription_id: str) -> Row:
    for row in remote.store.subscriptions():
        if row["subscriptionId"] == subscription_id:
            return row
    raise Refusal(404, "Subscription not found")


def _find_problems(body: Row) -> list[Problem]:
    problems = []
    if "url" in body and not _is_url(body["url"]):
        problems.append(Problem("/url", "must be a URL"))
    if "apiKey" in body and not (isinstance(body["apiKey"], str) and body["apiKey"]):
        problems.append(Problem("/apiKey", "must be a string"))
    if "status" in body and body["status"] not in STATUSES:
        problems.append(Problem("/status", "must be one of ACTIVE, INACTIVE"))
    return problems


def _is_url(url: Any) -> bool:
    parts = urlsplit(url) if isinstance(url, str) else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.netloc)


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise Refusal(400, "The request body is invalid", *problems, source="body")
