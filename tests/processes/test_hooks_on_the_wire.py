"""What strangers do to the address of the webhooks below HTTP: no 5xx, and one row for what came whole."""

from __future__ import annotations

import socket

import pytest

from tests.processes.harness import House

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]

HOOK = b'{"event": "lead.updated", "data": {"id": 7}}'


def send(house: House, head: str, body: bytes) -> bytes:
    """The status that came back; empty where the server just hung up."""
    with socket.create_connection(("127.0.0.1", house.port), 10) as line:
        line.sendall(
            f"POST {house.ask('webhook_path')} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body
        )
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(200)
    return answer.split(b" ", 2)[1] if answer else b""


def test_lies_about_the_length_are_refused_and_honest_chunks_are_stored(small_house: House) -> None:
    house = small_house
    house.start_sandbox()
    house.start_web()
    chunks = b"10\r\n" + HOOK[:16] + b"\r\n%x\r\n" % len(HOOK[16:]) + HOOK[16:] + b"\r\n0\r\n\r\n"
    assert send(house, f"Content-Length: {len(HOOK)}", HOOK) == b"202"
    assert send(house, "Transfer-Encoding: chunked", chunks) == b"202"
    lies = [
        ("Content-Length: 100000", HOOK),
        ("Content-Length: 5", HOOK),
        ("Content-Length: 999999999", HOOK),
        ("Content-Length: -3", HOOK),
        ("Content-Length: x", HOOK),
        ("", HOOK),
        ("Transfer-Encoding: chunked", b"ZZ\r\n" + HOOK),
        ("Transfer-Encoding: chunked", b"fffffff\r\n" + HOOK),
        ("Transfer-Encoding: chunked", chunks[:30]),
        (f"Content-Length: {len(HOOK)}\r\nTransfer-Encoding: chunked", chunks),
        ("Transfer-Encoding: gzip, chunked\r\nContent-Encoding: gzip", chunks),
    ]
    answers = [send(house, head, body) for head, body in lies]
    assert [answer for answer in answers if answer.startswith(b"5")] == []
    assert house.ask("delivery_states") == {"waiting": 1, "repeated": 1 + answers.count(b"202")}
