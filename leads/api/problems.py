"""Errors as RFC 9457 problems, always of one shape, whatever went wrong and wherever."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from integrations.errors import (
    RateLimited,
    Refused,
    RemoteError,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
WENT_WRONG = (
    "Something went wrong here, not in your request. Nothing that was saved is lost; please try again."
)


class FieldProblem(Protocol):
    """What is wrong with one field."""

    @property
    def field(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...


class Problem(Exception):
    """An answer that is an error. ``code`` is for programs, ``detail`` is a sentence for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[tuple[str, str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors = [{"field": f, "code": c, "detail": d} for f, c, d in errors]
        self.headers = dict(headers or {})


def invalid(errors: Iterable[tuple[str, str, str]], *, status: int = 400, code: str = "invalid") -> Problem:
    """A problem that names the fields or parameters at fault: (name, code, sentence)."""
    errors = list(errors)
    detail = (
        errors[0][2]
        if len(errors) == 1
        else f"{len(errors)} fields are not as they should be. Nothing was saved."
    )
    return Problem(status, code, detail, errors=errors)


def invalid_fields(found: Iterable[FieldProblem]) -> Problem:
    """The same, from the checks that admin and API share."""
    return invalid((f.field, f.code, f.detail) for f in found)


def not_found(what: str = "lead") -> Problem:
    """Does not exist, or is not for this key: the two are not told apart."""
    return Problem(404, "not_found", f"There is no such {what}, or this key may not see it.")


def from_remote(error: RemoteError) -> Problem:
    """What Lead.pro's failure means to somebody who waits for it."""
    if isinstance(error, Refused):
        return Problem(400, "refused", f"{error.summary} {error.excerpt}".strip())
    if isinstance(error, RemoteFailing | UnexpectedPayload):
        return Problem(502, "remote_failing", error.summary)
    wait = error.retry_after or getattr(error, "wait", None)
    headers = {"Retry-After": str(max(1, round(wait)))} if wait else {}
    code = "remote_busy" if isinstance(error, RateLimited) else "remote_unavailable"
    return Problem(
        503 if isinstance(error, TransientError) or wait else 502, code, error.summary, headers=headers
    )


def body_of(
    status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The one shape. ``type`` is about:blank, so ``title`` is the status' own phrase."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors or [],
    }


def answer_problem(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: every exception becomes a problem."""
    set_rollback()
    problem = exc if isinstance(exc, Problem) else _translate(exc)
    if problem is None:
        request = context.get("request")
        logger.error("api_request_failed", exc_info=exc)
        got_request_exception.send(sender=None, request=getattr(request, "_request", request))
        problem = Problem(500, "server_error", WENT_WRONG)
    return Response(
        body_of(problem.status, problem.code, problem.detail, problem.errors),
        status=problem.status,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )


def _translate(exc: Exception) -> Problem | None:
    if isinstance(exc, Http404 | exceptions.NotFound):
        return not_found("thing")
    if isinstance(exc, RemoteError):
        return from_remote(exc)
    if isinstance(exc, RequestDataTooBig):
        return too_large()
    if isinstance(exc, PermissionDenied):
        return Problem(403, "permission_denied", "This key may not do that.")
    if isinstance(exc, SuspiciousOperation):
        return Problem(400, "bad_request", "The request is not one that can be read.")
    if isinstance(exc, exceptions.APIException):
        headers = {"WWW-Authenticate": exc.auth_header} if getattr(exc, "auth_header", None) else {}  # type: ignore[attr-defined]
        return Problem(exc.status_code, str(exc.default_code), _sentence(exc), headers=headers)
    return None


def _sentence(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return "Bodies are JSON only. Send Content-Type: application/json."
    if isinstance(exc, exceptions.NotAcceptable):
        return "Answers are JSON only. Send Accept: application/json, or none."
    if isinstance(exc, exceptions.MethodNotAllowed):
        return "This path does not know that method. The Allow header lists those it knows."
    return str(exc.detail)


def too_large() -> Problem:
    """Over the cap for bodies."""
    return Problem(413, "too_large", "The body is larger than 2 MiB. Nothing was saved.")


def unknown_path(request: HttpRequest) -> Problem:
    """Nothing is served there."""
    if request.path.endswith("/"):
        return Problem(
            404, "not_found", "There is nothing at this address. GET /api/v1/schema/ lists what there is."
        )
    return Problem(
        404, "not_found", "There is nothing at this address. Every address here ends with a slash."
    )
