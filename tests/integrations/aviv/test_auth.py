"""Signing in: what is asked, what is a token, and which refusal is which errand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.aviv.auth import Token, fetch_token
from integrations.errors import (
    CredentialsRefused,
    RateLimited,
    RemoteError,
    RemoteFailing,
    UnexpectedPayload,
    WrongAddress,
)
from tests.integrations.faultserver import FaultServer, answering, respond

SECRET = "secret-canary-77"
GOOD = {"access_token": "jwt.jwt.jwt", "expires_in": 86400, "token_type": "Bearer"}


def sign_in(url: str, **more: Any) -> Token:
    return fetch_token(
        token_url=url,
        client_id="us",
        client_secret=SECRET,
        audience="https://api.example.org/v1",
        timeout=1,
        **more,
    )


def answer(document: Any, status: int = 200, *headers: str, kind: str = "application/json") -> Token:
    body = document if isinstance(document, str) else json.dumps(document)
    with FaultServer(answering(respond(status, body, kind, *headers))) as server:
        return sign_in(server.url)


def fail(document: Any, status: int, **rest: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        answer(document, status, **rest)
    return caught.value


def test_it_asks_in_json_with_the_intermediary_only_where_there_is_one() -> None:
    with FaultServer(answering(respond(200, json.dumps(GOOD)))) as server:
        assert sign_in(server.url) == Token("jwt.jwt.jwt", 86400.0)
        sign_in(server.url, intermediary_id=" agency-1 ")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/v103 HTTP/1.1")
    assert b"Content-Type: application/json" in head
    assert b"User-Agent: leadmirror/1.0 Python/" in head
    asked = {
        "client_id": "us",
        "client_secret": SECRET,
        "grant_type": "client_credentials",
        "audience": "https://api.example.org/v1",
    }
    assert json.loads(body) == asked
    assert json.loads(server.requests[1].partition(b"\r\n\r\n")[2]) == {
        **asked,
        "intermediary_id": "agency-1",
    }


@pytest.mark.parametrize(
    ("life", "seconds"),
    [(None, 86400), ("3600", 3600), ("soon", 86400), (0, 60), (-5, 60), (10**12, 365 * 86400)],
)
def test_a_token_lives_as_long_as_it_says_or_a_day(life: Any, seconds: float) -> None:
    assert answer({**GOOD, "expires_in": life}).expires_in == seconds


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "null",
        {"access_token": ""},
        {"access_token": None},
        {"access_token": "two words"},
        {"access_token": "a\r\nX-Evil: 1"},
        {**GOOD, "token_type": "MAC"},
        "<html>sign in</html>",
    ],
)
def test_what_is_no_token_is_never_sent_as_one(document: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        answer(document)


def test_a_missing_grant_and_a_wrong_secret_are_different_errands() -> None:
    denied = fail({"error": "access_denied", "error_description": "Client is not authorized"}, 403)
    assert type(denied) is CredentialsRefused
    assert "Ask AVIV (leads-api@aviv-group.com) for the client grant" in denied.summary
    wrong = fail({"error": "access_denied", "error_description": "Unauthorized"}, 401)
    assert type(wrong) is CredentialsRefused
    assert "client id or client secret is wrong. Enter them again" in wrong.summary
    odd = fail({"error": "invalid_request", "error_description": "audience is unknown"}, 400)
    assert type(odd) is CredentialsRefused
    assert (odd.status, odd.excerpt) == (400, "audience is unknown; invalid_request")
    assert "Check client id, client secret, audience and intermediary" in odd.summary


def test_everything_else_is_what_it_is_at_every_remote() -> None:
    assert type(fail({"error": "x"}, 429)) is RateLimited
    assert type(fail({"error": "x"}, 500)) is RemoteFailing
    assert type(fail("<h1>no</h1>", 404, kind="text/html")) is WrongAddress


def test_a_secret_that_is_said_back_is_not_kept() -> None:
    error = fail({"error": f"{SECRET} is wrong"}, 401)
    assert SECRET not in error.excerpt
    assert SECRET not in repr(error)
    assert "jwt" not in repr(answer(GOOD))


def test_the_trace_is_shown() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with pytest.raises(RemoteError) as caught:
        answer({"error": "access_denied"}, 403, f"traceparent: {trace}")
    assert caught.value.summary.endswith(f"Trace: {trace}.")
