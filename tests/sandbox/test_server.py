"""The server itself: keep-alive, many at once, the log, and requests that are none."""

import json
import socket
import threading
from http.client import HTTPConnection

import pytest

from integrations.sandbox import Sandbox
from tests.sandbox.api import ADA, Api

HEADERS = {"x-api-key": "sandbox-key"}


def test_one_connection_serves_many_requests(box):
    connection = HTTPConnection("127.0.0.1", box.server.port, timeout=5)
    connection.connect()
    used = connection.sock
    for _ in range(5):
        connection.request("GET", "/api/v103/offices", headers=HEADERS)
        assert connection.getresponse().read().startswith(b'{"data"')
        assert connection.sock is used
    connection.close()


def test_a_client_may_ask_to_close(box):
    connection = HTTPConnection("127.0.0.1", box.server.port, timeout=5)
    connection.request("GET", "/api/v103/offices", headers=HEADERS | {"Connection": "close"})
    answer = connection.getresponse()
    assert answer.getheader("Connection") == "close"
    answer.read()
    assert connection.sock is None


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / SMTP/1.0\r\n\r\n",
        b"POST /api/v103/leads HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/v103/leads HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_request_is_400(box, raw):
    with socket.create_connection(("127.0.0.1", box.server.port), timeout=5) as client:
        client.sendall(raw)
        assert client.recv(65536).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_path_outside_every_remote_is_404(box):
    connection = HTTPConnection("127.0.0.1", box.server.port, timeout=5)
    connection.request("GET", "/favicon.ico", headers=HEADERS)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())) == (404, {"message": "Not Found"})
    connection.close()


def test_many_creates_at_once_make_as_many_leads_with_ids_of_their_own(box, api):
    ids: list[int] = []

    def create_some() -> None:
        ids.extend(api.create().data["id"] for _ in range(10))

    threads = [threading.Thread(target=create_some) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 100
    assert [lead["id"] for lead in box.leads] == sorted(ids)


def test_patches_at_once_lose_no_answer(box, api):
    lead = api.create().data
    pairs = [[f"Question {number}", "Yes"] for number in range(20)]
    threads = [
        threading.Thread(target=api.patch, args=(lead["id"],), kwargs={"questionnaire": [pair]})
        for pair in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(box.lead(lead["id"])["questionnaire"]) == sorted(pairs)


def test_the_log_tells_method_path_status_lead_and_body_but_no_key(box, api):
    lead = api.create().data
    api.find(email=ADA["email"])
    created, found = box.log
    assert (created.method, created.path, created.status, created.lead_id) == (
        "POST",
        "/leads",
        200,
        lead["id"],
    )
    assert created.json() == ADA
    assert created.key_sent is True
    assert "x-api-key" not in created.headers
    assert found.query == {"email": ADA["email"]}
    assert "ada" not in json.dumps([entry.as_row() for entry in box.log])
    assert "ada" not in repr(box.log)


def test_the_log_is_searched_and_cleared(box, api):
    lead = api.create().data
    api.get(lead["id"])
    assert len(box.requests("GET")) == 1
    assert len(box.requests(path="/leads*")) == 2
    assert len(box.requests("POST", "/leads")) == 1
    box.clear_log()
    assert box.log == []
    assert box.stats()["requests"] == 0


def test_a_key_may_be_changed_while_running(box, api):
    box.set_api_key("new-key", "second-key")
    assert api.create().status == 401
    assert Api(box, "new-key").create().status == 200
    assert Api(box, "second-key").create().status == 200


def test_two_sandboxes_share_nothing():
    with Sandbox() as one, Sandbox(api_key="other") as two:
        assert Api(one).create().status == 200
        assert Api(two).create().status == 401
        assert (len(one.leads), len(two.leads)) == (1, 0)


def test_stopping_ends_open_connections_and_frees_the_port():
    with Sandbox() as box:
        port = box.server.port
        idle = socket.create_connection(("127.0.0.1", port), timeout=5)
        idle.sendall(b"GET /api/v103/offices HTTP/1.1\r\nx-api-key: sandbox-key\r\n\r\n")
        assert idle.recv(65536)
    assert idle.recv(1) == b""
    idle.close()
    with Sandbox(port=port) as again:
        assert again.server.port == port
