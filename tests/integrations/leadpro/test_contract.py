"""The contract cases against the Lead.pro client: class, sentence, and nothing secret anywhere."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from integrations.errors import NotFound, RemoteError, TransientError, WrongAddress
from integrations.leadpro.client import LeadProClient
from integrations.uptime import uptime
from integrations.wire import open_socket
from tests.integrations.contract import CASES, UNSURE, Case
from tests.integrations.faultserver import FaultServer, FullBacklog, Peer, answering, respond

KEY = "key-canary-5310"
EMAIL = "jane.canary@example.org"
CALLS: dict[str, Callable[[LeadProClient], object]] = {
    "read": lambda client: client.get_lead(18376),
    "lookup": lambda client: client.find_leads(email=EMAIL),
    "create": lambda client: client.create_lead({"email": EMAIL, "meta": {"leadmirror": "t1"}}),
    "update": lambda client: client.update_lead(18376, {"first_name": "Marla", "email": EMAIL}),
}
WRITES = ("create", "update")


def connect(url: str, timeout: float = 0.3, total: float = 0.6) -> LeadProClient:
    return LeadProClient(base_url=url, api_key=KEY, timeout=timeout, total=total)


def fail(client: LeadProClient, call: str) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        CALLS[call](client)
    return caught.value


def listen(caplog: pytest.LogCaptureFixture) -> None:
    """Hear everything, also what the settings would silence."""
    for name in (None, "urllib3", "urllib3.connectionpool", "urllib3.connection", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)


def assert_tells_nothing(error: RemoteError, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error, nor what it is chained to, nor any log line holds the key or the query."""
    told = [record.getMessage() + str(record.exc_text) + str(record.args) for record in caplog.records]
    chained: BaseException | None = error
    while chained is not None:
        told += [str(chained), repr(chained), str(chained.args)]
        chained = chained.__cause__ or chained.__context__
    for text in told:
        assert KEY not in text
        assert "canary" not in text
        assert "email=" not in text


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_becomes_the_error_that_says_what_is_known(
    case: Case, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    listen(caplog)
    expected = case.outcome(call)
    with FaultServer(case.script) as server:
        client = connect(server.url)
        began = time.monotonic()
        if expected is None:
            CALLS[call](client)
            return
        error = fail(client, call)
        assert time.monotonic() - began < case.seconds + 0.5
    if case.name == "reset before the write" and "could not be reached" in error.summary:
        # The reset was there before the connection was seen to be made: then certainly nothing was sent.
        assert type(error) is TransientError
        return
    assert type(error) is expected
    assert error.summary.startswith("Lead.pro ")
    assert case.says in error.summary or (expected.__name__ == "OutcomeUnknown" and case.says == "holds")
    assert (UNSURE in error.summary) == (expected.__name__ == "OutcomeUnknown")
    assert case.reason in error.excerpt
    assert len(error.excerpt) <= 500
    assert error.retry_after == case.retry_after
    assert len(server.requests) <= 1
    assert_tells_nothing(error, caplog)


@pytest.mark.parametrize("call", CALLS)
class TestNothingWasSent:
    def test_refused(self, call: str, caplog: pytest.LogCaptureFixture) -> None:
        listen(caplog)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        error = fail(connect(f"http://127.0.0.1:{port}"), call)
        assert type(error) is TransientError
        assert error.summary == "Lead.pro could not be reached: connection refused. Nothing was sent."
        assert_tells_nothing(error, caplog)

    def test_unknown_name(
        self, call: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail_to_resolve(*args: object, **kwargs: object) -> object:
            raise socket.gaierror(-2, "Name or service not known")

        listen(caplog)
        monkeypatch.setattr("integrations.wire.socket.getaddrinfo", fail_to_resolve)
        error = fail(connect("https://leadpro.example.org/api"), call)
        assert type(error) is TransientError
        assert error.summary == "Lead.pro could not be reached: address not found. Nothing was sent."
        assert_tells_nothing(error, caplog)

    def test_no_connection_in_time(self, call: str, caplog: pytest.LogCaptureFixture) -> None:
        listen(caplog)
        with FullBacklog() as backlog:
            error = fail(connect(backlog.url), call)
        assert type(error) is TransientError
        assert error.summary == "Lead.pro could not be reached in time. Nothing was sent."
        assert_tells_nothing(error, caplog)

    def test_no_tls(self, call: str, caplog: pytest.LogCaptureFixture) -> None:
        listen(caplog)
        with FaultServer(answering(respond(200, "[]"))) as server:
            error = fail(connect(server.url.replace("http:", "https:")), call)
        assert type(error) is TransientError
        assert "could not prove who it is" in error.summary
        assert server.requests == []
        assert_tells_nothing(error, caplog)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_not_followed_and_the_key_not_sent_on(call: str, code: int) -> None:
    with FaultServer(answering(respond(200, "[]"))) as elsewhere:
        target = f"Location: http://127.0.0.1:{elsewhere.port}/stolen"
        with FaultServer(answering(respond(code, "", None, target))) as server:
            error = fail(connect(server.url), call)
        assert type(error) is WrongAddress
        assert "It was not followed" in error.summary
        assert len(server.requests) == 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize("call", WRITES)
def test_a_write_is_not_begun_after_its_window(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_slowly(*args: Any, **kwargs: Any) -> socket.socket:
        connection = open_socket(*args, **kwargs)
        time.sleep(0.1)
        return connection

    monkeypatch.setattr("integrations.wire.open_socket", connect_slowly)
    with FaultServer(answering(respond(200, '{"id": 1}'))) as server:
        client = connect(server.url)
        window = uptime() + 0.05
        error = fail_late(client, call, window)
        wait_until(lambda: server.connections == 1)
    assert type(error) is TransientError
    assert error.summary == "It was too late to start this call to Lead.pro. Nothing was sent."
    assert server.requests == []


def fail_late(client: LeadProClient, call: str, window: float) -> RemoteError:
    send = client.create_lead if call == "create" else partial(client.update_lead, 1)
    with pytest.raises(RemoteError) as caught:
        send({}, write_before=window)
    return caught.value


def wait_until(is_so: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


@pytest.mark.parametrize(
    ("body", "kind", "json_body"), [('{"a": 1}', "application/json", True), ("", None, False)]
)
def test_a_404_says_whether_the_api_or_a_proxy_spoke(body: str, kind: str | None, json_body: bool) -> None:
    with FaultServer(answering(respond(404, body, kind))) as server:
        error = fail(connect(server.url), "read")
    assert isinstance(error, NotFound)
    assert error.json_body is json_body


def test_writes_use_a_fresh_connection_each_and_reads_share_one() -> None:
    with FaultServer(answering(respond(200, '{"id": 7, "type": "sale"}'))) as server:
        client = connect(server.url, 2, 4)
        for _ in range(3):
            client.get_lead(7)
        assert server.connections == 1
        client.create_lead({"type": "sale"})
        client.update_lead(7, {"first_name": "Marla"})
    assert server.connections == 3
    assert all(b"Connection: close" in request for request in server.requests[3:])


def test_a_kept_connection_that_the_peer_closed_is_replaced() -> None:
    def close_after_one(peer: Peer) -> None:
        peer.read_request()
        peer.send(respond(200, '{"id": 7, "type": "sale"}'))

    with FaultServer(close_after_one) as server:
        client = connect(server.url, 2, 4)
        client.get_lead(7)
        wait_until(lambda: server.ended == 1)
        assert client.get_lead(7).data["id"] == 7
    assert server.connections == 2
