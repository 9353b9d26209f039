"""What is answered when nothing else can: generic words that give nothing away, JSON where a program asked."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader

WORDS = {
    HTTPStatus.BAD_REQUEST: "This request could not be understood.",
    HTTPStatus.FORBIDDEN: "You may not see this page. Ask an administrator if you should.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong here. Nothing you saved before was lost; try again, and quote the request id if it stays."
    ),
}


def render_problem(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """A page, or problem+json below /api/."""
    if request.path.startswith("/api/"):
        body = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": WORDS[status],
        }
        return JsonResponse(body, status=status, content_type="application/problem+json")
    page = loader.render_to_string("problem.html", {"title": status.phrase, "words": WORDS[status]})
    return HttpResponse(page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return render_problem(request, HTTPStatus.BAD_REQUEST)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return render_problem(request, HTTPStatus.FORBIDDEN)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return render_problem(request, HTTPStatus.NOT_FOUND)


def broken(request: HttpRequest) -> HttpResponse:
    """500."""
    return render_problem(request, HTTPStatus.INTERNAL_SERVER_ERROR)
