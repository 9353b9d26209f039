"""What every answer has: an id, a client address that can be believed, and words that give nothing away."""

import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from leadmirror.requests import TrustProxies


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ([], "10.0.0.1", "203.0.113.9", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.1"], "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (["fd00::/8"], "fd00::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(trusted, peer, forwarded, client):
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    with override_settings(TRUSTED_PROXIES=trusted):
        TrustProxies(lambda _: HttpResponse())(request)
    assert request.META["REMOTE_ADDR"] == client


def test_a_stranger_cannot_claim_https():
    request = RequestFactory().get("/", HTTP_X_FORWARDED_PROTO="https")
    with override_settings(
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"), TRUSTED_PROXIES=["10.0.0.1"]
    ):
        TrustProxies(lambda _: HttpResponse())(request)
        assert not request.is_secure()


@pytest.mark.parametrize("path", ["/livez", "/nowhere/", "/api/v1/nowhere/", "/webhooks/unknown/"])
def test_every_answer_has_a_request_id(client, db, path):
    first, second = client.get(path)["X-Request-Id"], client.get(path)["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", first)
    assert first != second


def test_the_root_leads_to_the_admin(client):
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_an_unknown_page_says_so_without_details(client, db):
    answer = client.get("/nowhere/?email=ada@example.org")
    assert answer.status_code == 404
    assert "There is nothing at this address." in answer.content.decode()
    assert "ada" not in answer.content.decode()


def test_an_unknown_api_path_is_a_problem_in_json(client, db):
    answer = client.get("/api/nowhere/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


def test_a_crash_is_a_plain_page_and_hides_its_reason(client, monkeypatch):
    def crash(*_):
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr("leadmirror.health.find_unapplied", crash)
    client.raise_request_exception = False
    answer = client.get("/readyz")
    assert answer.status_code == 500
    assert "Something went wrong here." in answer.content.decode()
    assert "ada" not in answer.content.decode()
    assert answer["X-Request-Id"]
