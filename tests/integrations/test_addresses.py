"""Which addresses are never called, and which only with leave."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.addresses import AddressRefused, guard_for, parse_networks, refuse_metadata
from integrations.errors import WrongAddress
from integrations.rest import RestClient
from tests.integrations.faultserver import FaultServer, answering, respond


def connect(url: str, timeout: float = 2, total: float = 4, **options: Any) -> RestClient:
    return RestClient(url, {"x-api-key": "key"}, timeout=timeout, total=total, **options)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "168.63.129.16",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "[fe80::1]",
    ],
)
def test_metadata_addresses_are_never_called(host: str) -> None:
    with pytest.raises(WrongAddress, match="is never called"):
        connect(f"http://{host}/latest", 0.2, 0.4).call("GET", "/a")


def test_a_name_that_leads_to_a_metadata_address_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr("integrations.wire.socket.getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(WrongAddress, match="is never called"):
        connect("http://innocent.example.org").call("GET", "/a")


def test_the_guard_is_asked_about_the_address_connected_to() -> None:
    with FaultServer(answering(respond(200, "{}"))) as server:
        url = f"http://localhost:{server.port}"
        with pytest.raises(WrongAddress, match="is not public"):
            connect(url, address_guard=guard_for(url)).call("GET", "/a")
        assert server.connections == 0
        allowed = parse_networks(["127.0.0.0/8", " ::1/128 "])
        connect(url, address_guard=guard_for(url, allowed)).call("GET", "/a")
    assert len(server.requests) == 1


def test_a_typed_address_is_https_and_public() -> None:
    for ip in (
        "10.0.0.1",
        "127.0.0.1",
        "192.168.1.1",
        "::1",
        "fd12::1",
        "0.0.0.0",
        "224.0.0.1",
        "100.64.0.1",
    ):
        with pytest.raises(AddressRefused, match="not public"):
            guard_for("https://example.org")(ip)
    guard_for("https://example.org")("93.184.216.34")
    with pytest.raises(AddressRefused, match="Only https"):
        guard_for("http://example.org")("93.184.216.34")
    guard_for("http://example.org", parse_networks(["10.1.0.0/16"]))("10.1.2.3")
    with pytest.raises(AddressRefused, match="never called"):
        guard_for("https://example.org", parse_networks(["0.0.0.0/0"]))("169.254.169.254")
    refuse_metadata("api.lead.pro")
