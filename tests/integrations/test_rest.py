"""The one door out: deadlines in every phase, addresses, headers, logs, and what an answer carries."""

from __future__ import annotations

import gzip
import logging
import os
import pickle
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
    WrongAddress,
)
from integrations.rest import RestClient, _Adapter
from tests.integrations import certificates
from tests.integrations.contract import drip_body, drip_headers, silent
from tests.integrations.faultserver import FaultServer, Peer, Script, answering, respond

KEY = "key-canary-5310"


def connect(url: str, timeout: float = 2, total: float = 4, **options: Any) -> RestClient:
    return RestClient(url, {"x-api-key": KEY}, timeout=timeout, total=total, **options)


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """An https server whose certificate is trusted; the test sets its script."""
    monkeypatch.setattr(_Adapter, "_context", certificates.make_trusting_context())
    context = certificates.make_server_context(tmp_path)
    with FaultServer(answering(respond(200, '{"id": 1}')), tls=context) as server:
        yield server


def test_an_answer_carries_status_data_headers_and_the_moment_of_writing() -> None:
    with FaultServer(answering(respond(201, '{"id": 1}', "application/json", "X-Request-Id: r1"))) as server:
        before = datetime.now(UTC)
        answer = connect(server.url).call("GET", "/leads/1", params={"phone": "+44 7700", "email": "a b@c"})
        after = datetime.now(UTC)
    assert (answer.status, answer.data, answer.headers["x-request-id"]) == (201, {"id": 1}, "r1")
    assert before <= answer.started_at <= after
    request = server.requests[0]
    assert request.startswith(b"GET /api/v103/leads/1?phone=%2B44%207700&email=a%20b%40c HTTP/1.1\r\n")
    assert b"x-api-key: key-canary-5310\r\n" in request


def test_bodies_are_sent_as_compact_utf8() -> None:
    with FaultServer(answering(respond(200, "{}"))) as server:
        connect(server.url).call("POST", "/leads", json={"name": "Zoë", "n": [1, 2]})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == '{"name":"Zoë","n":[1,2]}'.encode()
    assert b"Content-Type: application/json" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Transfer-Encoding" not in head


def test_a_compressed_answer_is_read_and_its_size_counts_unpacked() -> None:
    small, bomb = (gzip.compress(body) for body in (b'{"id": 1}', b'"' + b"a" * 5_000_000 + b'"'))
    responses = [respond(200, body, "application/json", "Content-Encoding: gzip") for body in (small, bomb)]
    with FaultServer(answering(*responses)) as server:
        client = connect(server.url)
        assert client.call("GET", "/a").data == {"id": 1}
        with pytest.raises(UnexpectedPayload, match="too large"):
            client.call("GET", "/a")


def test_nul_characters_are_gone_and_numbers_beyond_64_bits_do_not_crash() -> None:
    body = '{"a\\u0000": ["x\\u0000y", {"b": "\\u0000"}], "n": 123456789012345678901234567890}'
    with FaultServer(answering(respond(200, body))) as server:
        data = connect(server.url).call("GET", "/a").data
    assert data == {"a": ["xy", {"b": ""}], "n": 1.2345678901234568e29}


def test_a_byte_order_mark_is_no_fault() -> None:
    with FaultServer(answering(respond(200, b"\xef\xbb\xbf[]"))) as server:
        assert connect(server.url).call("GET", "/a").data == []


def test_tls_works_and_its_connections_are_kept(tls_server: FaultServer) -> None:
    client = connect(tls_server.url)
    assert [client.call("GET", "/leads/1").data for _ in range(3)] == [{"id": 1}] * 3
    assert client.call("POST", "/leads", json={}).data == {"id": 1}
    assert tls_server.connections == 2


@pytest.mark.parametrize("script", [silent, drip_headers, drip_body])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_total_deadline_ends_a_dripping_answer_over_tls_too(
    tls_server: FaultServer, script: Script, method: str
) -> None:
    tls_server.script = script
    began = time.monotonic()
    with pytest.raises(RemoteError) as caught:
        connect(tls_server.url, 0.3, 0.5).call(method, "/leads")
    assert type(caught.value) is (RemoteFailing if method == "GET" else OutcomeUnknown)
    assert time.monotonic() - began < 1.2


def test_the_total_deadline_ends_a_dripping_handshake_and_nothing_was_sent() -> None:
    def drip_records(peer: Peer) -> None:
        peer.drip(b"\x16\x03\x03\x40\x00" + b"\x02" * 1000, 0.05)

    began = time.monotonic()
    with FaultServer(drip_records) as server, pytest.raises(RemoteError) as caught:
        connect(server.url.replace("http:", "https:"), 0.4, 0.5).call("POST", "/leads", json={})
    assert type(caught.value) is TransientError
    assert caught.value.summary.endswith("Nothing was sent.")
    assert time.monotonic() - began < 1.2


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    context = certificates.make_server_context(tmp_path)
    untrusted = FaultServer(answering(respond(200, "{}")), tls=context)
    with untrusted as server, pytest.raises(TransientError, match="could not prove who it is"):
        connect(server.url).call("POST", "/leads", json={})
    assert server.requests == []


def test_one_deadline_does_not_cut_another_call() -> None:
    def answer_late(peer: Peer) -> None:
        request = peer.read_request()
        peer.server.stopping.wait(0.5 if b"/slow" in request else 5)
        peer.send(respond(200, '{"id": 1}'))

    with FaultServer(answer_late) as server:
        slow, hasty = connect(server.url, 2, 3), connect(server.url, 2, 0.2)
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(slow.call("GET", "/slow").data))
        thread.start()
        with pytest.raises(RemoteFailing):
            hasty.call("GET", "/never")
        thread.join(3)
    assert found == [{"id": 1}]


def test_many_threads_share_one_client() -> None:
    with FaultServer(answering(respond(200, '{"id": 1}'))) as server:
        client = connect(server.url)
        found: list[object] = []
        threads = [
            threading.Thread(target=lambda: found.extend(client.call("GET", "/a").data for _ in range(10)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert found == [{"id": 1}] * 80


def test_a_forked_process_does_not_share_connections_or_the_watchdog() -> None:
    with FaultServer(answering(respond(200, '{"id": 1}'))) as server:
        client = connect(server.url, 0.5, 1)
        client.call("GET", "/a")
        child = os.fork()
        if child == 0:
            works = client.call("GET", "/a").data == {"id": 1}
            server.script = silent
            os._exit(0 if works else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.call("GET", "/a").data == {"id": 1}
    assert server.connections == 2


def test_nothing_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    with FaultServer(silent) as proxy, FaultServer(answering(respond(200, "{}"))) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("HOME", str(tmp_path))
        connect(server.url).call("GET", "/a")
    assert proxy.connections == 0
    assert b"Authorization" not in server.requests[0]


def test_cookies_are_not_kept() -> None:
    with FaultServer(answering(respond(200, "{}", "application/json", "Set-Cookie: a=b"))) as server:
        client = connect(server.url)
        client.call("GET", "/a")
        client.call("GET", "/a")
    assert b"Cookie" not in server.requests[1]


def test_one_line_is_logged_for_a_call_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
    with FaultServer(answering(respond(200, "[]"), respond(500, "jane.canary@example.org"))) as server:
        client = connect(server.url)
        client.call("GET", "/person/leads", params={"email": "jane.canary@example.org"})
        with pytest.raises(RemoteFailing):
            client.call("GET", "/leads/7?x=canary")
    place = f"127.0.0.1:{server.port}"
    lines = [
        (record.name, record.levelname, record.getMessage().rsplit(" ", 2)[0]) for record in caplog.records
    ]
    assert lines == [
        ("integrations.rest", "INFO", f"GET {place}/person/leads 200 ok"),
        ("integrations.rest", "INFO", f"GET {place}/leads/7 500 RemoteFailing"),
    ]
    assert caplog.records[0].getMessage().endswith(" ms")


def test_urllib3_still_logs_for_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="urllib3.connectionpool")
    logging.getLogger("urllib3.connectionpool").debug("somebody else's call")
    assert [record.getMessage() for record in caplog.records] == ["somebody else's call"]


@pytest.mark.parametrize("key", ["new\nline", "sm\u2019art", "nul\x00", "tab\t"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(CredentialsRefused, match="Enter it again") as caught:
        RestClient("http://127.0.0.1:1", {"x-api-key": key}).call("GET", "/a")
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.lead.pro",
        "ftp://127.0.0.1",
        "http://",
        "http://user:pw@127.0.0.1",
        "http://[::1",
        "http://a b/",
    ],
)
def test_an_address_that_is_none_is_a_wrong_address(url: str) -> None:
    with pytest.raises(WrongAddress, match="is not a web address"):
        connect(url).call("GET", "/a")


def test_accepted_statuses_need_json() -> None:
    with FaultServer(answering(respond(404, '{"a": 1}'), respond(404, "<p>", "text/html"))) as server:
        client = connect(server.url)
        assert client.call("GET", "/a", accept=(404,)).status == 404
        with pytest.raises(WrongAddress):
            client.call("GET", "/a", accept=(404,))


def test_a_post_that_reads_fails_as_a_read() -> None:
    with FaultServer(answering(respond(500, "{}"))) as server, pytest.raises(RemoteFailing):
        connect(server.url).call("POST", "/oauth/token", json={}, is_write=False)


def test_errors_survive_being_pickled() -> None:
    error = RateLimited("Slow down.", status=429, retry_after=7.0, excerpt="busy", field="phone")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.summary, copy.status, copy.retry_after) == (RateLimited, "Slow down.", 429, 7.0)
    assert (copy.excerpt, copy.field, str(copy)) == ("busy", "phone", "Slow down.")
