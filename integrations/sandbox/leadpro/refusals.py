"""How Lead.pro says no. The guide promises 4xx with a reason and shows no body: every usual form is here."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from integrations.sandbox.wire import Reply, json_reply


class Problem(NamedTuple):
    """One field and what is wrong with it; an empty field means the request as a whole."""

    field: str
    reason: str


class Refusal(Exception):
    """The request is refused; nothing was changed."""

    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(problems)
        self.status = status
        self.problems = problems
        self.retry_after: int | None = None


def render_refusal(refusal: Refusal, form: str) -> Reply:
    """The refusal in one of the ``error_body`` forms."""
    reply = FORMS[form](refusal)
    if refusal.retry_after is not None:
        reply.headers["Retry-After"] = str(refusal.retry_after)
    return reply


def _sentence(refusal: Refusal) -> str:
    return "; ".join(f"{field} {reason}".strip() for field, reason in refusal.problems)


def _message(refusal: Refusal) -> Reply:
    return json_reply(refusal.status, {"message": _sentence(refusal)})


def _string(refusal: Refusal) -> Reply:
    return json_reply(refusal.status, _sentence(refusal))


def _errors(refusal: Refusal) -> Reply:
    fields: dict[str, list[str]] = {}
    for field, reason in refusal.problems:
        fields.setdefault(field or "request", []).append(reason)
    return json_reply(refusal.status, {"message": "The given data was invalid.", "errors": fields})


def _field(refusal: Refusal) -> Reply:
    field, reason = refusal.problems[0]
    body: dict[str, Any] = {"message": f"{field} {reason}".strip()}
    return json_reply(refusal.status, body | ({"field": field} if field else {}))


def _html(refusal: Refusal) -> Reply:
    page = f"<!DOCTYPE html><html><body><h1>Error</h1><p>{escape(_sentence(refusal))}</p></body></html>"
    return Reply(refusal.status, page.encode(), "text/html; charset=utf-8")


def _text(refusal: Refusal) -> Reply:
    return Reply(refusal.status, _sentence(refusal).encode(), "text/plain; charset=utf-8")


def _success_false(refusal: Refusal) -> Reply:
    return json_reply(200, {"success": False, "message": _sentence(refusal)})


FORMS: dict[str, Callable[[Refusal], Reply]] = {
    "message": _message,
    "string": _string,
    "errors": _errors,
    "field": _field,
    "html": _html,
    "text": _text,
    "success_false": _success_false,
}
