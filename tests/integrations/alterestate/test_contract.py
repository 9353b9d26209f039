"""The contract cases against AlterEstate's one call: class, sentence, and nothing secret anywhere."""

from __future__ import annotations

import logging
import socket

import pytest

from integrations.alterestate.client import AlterEstateClient
from integrations.errors import OutcomeUnknown, RemoteError, TransientError, WrongAddress
from integrations.uptime import uptime
from tests.integrations.contract import CASES, UNSURE, Case
from tests.integrations.faultserver import FaultServer, answering, respond

KEY = "key-canary-5310"
LEAD = {"full_name": "Jane Canary", "email": "jane.canary@example.org", "phone": "+18095550123"}


def send(url: str, **options: float) -> RemoteError:
    client = AlterEstateClient(base_url=url, api_key=KEY, timeout=0.3, total=0.6)
    with pytest.raises(RemoteError) as caught:
        client.create_lead(LEAD, **options)
    return caught.value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_becomes_the_error_that_says_what_is_known(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "urllib3", "urllib3.connectionpool", "urllib3.connection", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    with FaultServer(case.script) as server:
        error = send(server.url)
    if case.name == "reset before the write" and "could not be reached" in error.summary:
        assert type(error) is TransientError
        return
    assert type(error) is case.create
    assert error.summary.startswith("AlterEstate ")
    assert case.says in error.summary or (case.create is OutcomeUnknown and case.says == "holds")
    assert (UNSURE in error.summary) == (case.create is OutcomeUnknown)
    assert case.reason in error.excerpt
    assert error.retry_after == case.retry_after
    assert len(server.requests) <= 1
    told = [record.getMessage() + str(record.args) for record in caplog.records]
    chained: BaseException | None = error
    while chained is not None:
        told += [str(chained), repr(chained), str(chained.args)]
        chained = chained.__cause__ or chained.__context__
    assert not [text for text in told if "canary" in text.lower()]


def test_where_nobody_answers_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = send(f"http://127.0.0.1:{port}")
    assert type(error) is TransientError
    assert error.summary == "AlterEstate could not be reached: connection refused. Nothing was sent."


def test_a_redirect_is_not_followed_and_the_key_not_sent_on() -> None:
    with FaultServer(answering(respond(200, "{}"))) as elsewhere:
        target = f"Location: http://127.0.0.1:{elsewhere.port}/stolen"
        with FaultServer(answering(respond(301, "", None, target))) as server:
            error = send(server.url)
    assert type(error) is WrongAddress
    assert "AlterEstate's own address is https://secure.alterestate.com/api/v1." in error.summary
    assert elsewhere.connections == 0


def test_a_write_is_not_begun_after_its_window() -> None:
    with FaultServer(answering(respond(201, "{}"))) as server:
        error = send(server.url, write_before=uptime() - 1)
    assert type(error) is TransientError
    assert server.requests == []
