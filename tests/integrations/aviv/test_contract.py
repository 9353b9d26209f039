"""The contract cases against the AVIV client: class, sentence, and nothing secret anywhere."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import pytest

from integrations.aviv.client import AvivClient
from integrations.errors import RemoteError, TransientError, UnexpectedPayload, WrongAddress
from integrations.uptime import uptime
from tests.integrations.contract import CASES, UNSURE, Case, Outcome
from tests.integrations.faultserver import FaultServer, answering, respond

TOKEN = "token-canary-5310"
EMAIL = "jane.canary@example.org"
CALLS: dict[str, Callable[[AvivClient], object]] = {
    "read": lambda client: client.get_lead("0b6f-1"),
    "lookup": lambda client: client.get_leads(1772400000, 1772500000),
    "create": lambda client: client.create_lead({"email": EMAIL}),
    "update": lambda client: client.update_subscription("V1StGX", api_key="canary-key"),
}


def connect(url: str, timeout: float = 0.3, total: float = 0.6) -> AvivClient:
    return AvivClient(url, lambda: TOKEN, timeout=timeout, total=total)


def expected_of(case: Case, call: str) -> tuple[Outcome, str]:
    """What differs from a remote whose updates answer nothing and whose lists are bare."""
    if call == "update" and case.update is None:
        return case.create, case.says
    if call == "lookup" and case.name == "2 MiB":
        return UnexpectedPayload, "not a page of leads"
    return case.outcome(call), case.says


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_fault_becomes_the_error_that_says_what_is_known(
    case: Case, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "urllib3", "urllib3.connectionpool", "urllib3.connection", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    expected, says = expected_of(case, call)
    with FaultServer(case.script) as server:
        client = connect(server.url)
        if expected is None:
            CALLS[call](client)
            return
        with pytest.raises(RemoteError) as caught:
            CALLS[call](client)
    error = caught.value
    if case.name == "reset before the write" and "could not be reached" in error.summary:
        assert type(error) is TransientError
        return
    assert type(error) is expected
    assert error.summary.startswith("AVIV ")
    assert says in error.summary
    assert (UNSURE in error.summary) == (expected.__name__ == "OutcomeUnknown")
    assert case.reason in error.excerpt
    assert error.retry_after == case.retry_after
    assert len(server.requests) <= 1
    assert_tells_nothing(error, caplog)


def assert_tells_nothing(error: RemoteError, caplog: pytest.LogCaptureFixture) -> None:
    told = [record.getMessage() + str(record.exc_text) + str(record.args) for record in caplog.records]
    chained: BaseException | None = error
    while chained is not None:
        told += [str(chained), repr(chained), str(chained.args)]
        chained = chained.__cause__ or chained.__context__
    for text in told:
        assert "canary" not in text
        assert "minDate" not in text


@pytest.mark.parametrize("call", CALLS)
def test_where_nobody_answers_nothing_was_sent(call: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransientError) as caught:
        CALLS[call](connect(f"http://127.0.0.1:{port}"))
    assert caught.value.summary == "AVIV could not be reached: connection refused. Nothing was sent."


@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_not_followed_and_the_token_not_sent_on(call: str) -> None:
    with FaultServer(answering(respond(200, "{}"))) as elsewhere:
        target = f"Location: http://127.0.0.1:{elsewhere.port}/stolen"
        with (
            FaultServer(answering(respond(307, "", None, target))) as server,
            pytest.raises(WrongAddress),
        ):
            CALLS[call](connect(server.url))
    assert elsewhere.connections == 0


def test_a_write_is_not_begun_after_its_window() -> None:
    with (
        FaultServer(answering(respond(200, '{"requestId": "r"}'))) as server,
        pytest.raises(TransientError, match="too late"),
    ):
        connect(server.url).create_lead({}, write_before=uptime() - 1)
    assert server.requests == []
