"""Ten thousand seeded bodies that no Lead.pro would send: an answer that says why, and no row but what was accepted."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads import tasks, webhooks
from leads.models import Connection, Delivery, Lead
from leads.sync import receiving

BODIES = 10_000
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, -0.0, 2**31, 2**63, 2**64, -(2**70), 10**400, 1e308, "", " ", "0", "-7", "1e5",
    "00012", "９", "NaN", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0001f600", "é" * 50, "x" * 5000,
    "'; DROP TABLE leads_lead;--", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../etc/passwd",
    [], {}, [[]], [None], {"id": {"id": 1}}, {"": ""}, {"\x00": "\x00"}, {"\ud800": "\ud800"},
]  # fmt: skip
KEYS = [
    "event",
    "data",
    "lead",
    "id",
    "type",
    "status",
    "__proto__",
    "$ref",
    "",
    "ID",
    "event\x00",
    "leadmirror",
]

Attack = tuple[bytes, dict[str, Any], set[int]]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No doorbells, no second of waiting, and no line per request."""
    monkeypatch.setattr(tasks.process_deliveries, "apply_async", lambda **_: None)
    monkeypatch.setattr(receiving, "GATHER", timedelta(0))
    monkeypatch.setattr(webhooks, "QUIET", 0.0)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def odd_value(chance: random.Random, depth: int = 0) -> Any:
    if depth < 4 and chance.random() < 0.4:
        if chance.random() < 0.5:
            return [odd_value(chance, depth + 1) for _ in range(chance.randrange(4))]
        return {chance.choice(KEYS): odd_value(chance, depth + 1) for _ in range(chance.randrange(4))}
    return chance.choice(ODD)


def odd_object(chance: random.Random) -> Attack:
    """Any object of any types is stored."""
    body = {chance.choice(KEYS): odd_value(chance) for _ in range(chance.randrange(6))}
    return json.dumps(body).encode(), {}, {202}


def wrong_types(chance: random.Random) -> Attack:
    body = {"event": odd_value(chance), "data": {"id": odd_value(chance), "status": odd_value(chance)}}
    return json.dumps(body, ensure_ascii=True).encode(), {}, {202}


def no_object(chance: random.Random) -> Attack:
    value = odd_value(chance)
    return json.dumps([value] if isinstance(value, dict) else value).encode(), {}, {400}


def noise(chance: random.Random) -> Attack:
    return b"\x01" + chance.randbytes(chance.randrange(2000)), {}, {400}


def broken(chance: random.Random) -> Attack:
    whole = json.dumps(
        {"event": "lead.updated", "data": {"id": 7, "note": "a" * chance.randrange(200)}}
    ).encode()
    return whole[: chance.randrange(len(whole))], {}, {400}


def no_json(chance: random.Random) -> Attack:
    texts = (
        b"NaN",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b"event=x&id=1",
        b"{}{}",
    )
    return chance.choice(texts), {}, {400}


def deep(chance: random.Random) -> Attack:
    depth = chance.choice([60, 500, 1100, 4000])
    opening, closing = chance.choice([(b'{"a":', b"}"), (b"[", b"]")])
    return b'{"data":' + opening * depth + b"1" + closing * depth + b"}", {}, {400}


def large(chance: random.Random) -> Attack:
    size = chance.choice([webhooks.MOST_BYTES - 12, webhooks.MOST_BYTES - 11, webhooks.MOST_BYTES + 1])
    body = b'{"event":"' + b"e" * size + b'"}'
    return body, {}, {202} if len(body) <= webhooks.MOST_BYTES else {413}


def wide(chance: random.Random) -> Attack:
    keys = ",".join(f'"k{n}":{n}' for n in range(chance.randrange(5000)))
    return b"{" + keys.encode() + b"}", {}, {202}


def twice(chance: random.Random) -> Attack:
    """Of a key that comes twice, the last one counts; the body is an object all the same."""
    return b'{"data":{"id":1},"event":"a","data":{"id":2,"id":[3]},"event":7}', {}, {202}


def numbers(chance: random.Random) -> Attack:
    digits = b"9" * chance.choice([20, 400, 4000])
    exponent = chance.choice([b"", b"e5", b"e999", b"e-999"])
    return b'{"data":{"id":' + digits + exponent + b"}}", {}, {202}


def digits_without_end(chance: random.Random) -> Attack:
    return b'{"data":{"id":' + b"9" * 100_000 + b"}}", {}, {400}


def half_characters(chance: random.Random) -> Attack:
    return b'{"event":"\\ud83d","data":{"id":"\\udc00 12","note":"\\u0000"}}', {}, {202}


def encoded(chance: random.Random) -> Attack:
    names = ("gzip", "br", "deflate", "identity, gzip")
    return b"\x1f\x8b\x08" + chance.randbytes(50), {"HTTP_CONTENT_ENCODING": chance.choice(names)}, {400}


def odd_headers(chance: random.Random) -> Attack:
    kinds = (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "a/b; charset=nope",
        "",
    )
    return b'{"event":"lead.updated"}', {"content_type": chance.choice(kinds)}, {202}


def odd_length(chance: random.Random) -> Attack:
    """Django reads as much as was declared, and nothing where that is no number."""
    length = chance.choice(["-1", "0", "x", "", "1e3", " 5", str(10**30)])
    return b'{"event":"lead.updated"}', {"CONTENT_LENGTH": length}, {400, 413}


def wrong_secret(chance: random.Random) -> Attack:
    secrets = ("x" * 43, "é" * 20, "%00", "%ff", "..%2f", "' OR 1=1 --", "a" * 3000)
    return b'{"event":"lead.updated"}', {"secret": chance.choice(secrets)}, {404}


def wrong_method(chance: random.Random) -> Attack:
    return (
        b"{}",
        {"method": chance.choice(["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"])},
        {405},
    )


ATTACKS: list[Callable[[random.Random], Attack]] = [
    odd_object, wrong_types, no_object, noise, broken, no_json, deep, twice, numbers,
    half_characters, encoded, odd_headers, odd_length, wrong_secret, wrong_method,
]  # fmt: skip
RARE = [large, digits_without_end, wide]


@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_ten_thousand_hostile_bodies_make_no_failure_and_no_row_but_what_was_accepted(
    client: Client, sandbox: Sandbox, leadpro: Connection
) -> None:
    chance = random.Random(20260301)
    answers: Counter[int] = Counter()
    wrong: list[tuple[str, int, bytes]] = []
    for number in range(BODIES):
        attack = RARE[number % 3] if number % 200 < 3 else chance.choice(ATTACKS)
        body, extra, expected = attack(chance)
        secret = extra.pop("secret", leadpro.webhook_secret)
        method = extra.pop("method", "POST")
        kind = extra.pop("content_type", "application/json")
        status = client.generic(method, f"/webhooks/{secret}/", body, content_type=kind, **extra).status_code
        answers[status] += 1
        if status not in expected:
            wrong.append((attack.__name__, status, body[:80]))
    assert wrong == []
    assert set(answers) == {202, 400, 404, 405, 413}
    assert Delivery.objects.count() == answers[202]
    assert not Lead.objects.exists()

    kept = Delivery.objects.exclude(remote_id="").values_list("pk", flat=True)[:50]
    unnamed = Delivery.objects.filter(remote_id="").values_list("pk", flat=True)[:500]
    Delivery.objects.exclude(pk__in=[*kept, *unnamed]).delete()
    receiving.process_due(leadpro, timezone.now() + timedelta(seconds=60))
    assert set(Delivery.objects.values_list("state", flat=True)) <= {"failed", "repeated", "waiting"}
    assert all(row.status == 404 for row in sandbox.log)
    assert not Lead.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"data": {"id": 5}}', 202), (b'{"a": "' + b"x" * 300_000 + b'"}', 413), (b"", 400)],
)
def test_a_body_in_chunks_has_no_declared_length_and_is_read_to_its_end(
    leadpro: Connection, body: bytes, status: int
) -> None:
    request = RequestFactory().generic("POST", f"/webhooks/{leadpro.webhook_secret}/")
    request.META |= {
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    assert webhooks.receive(request, leadpro.webhook_secret).status_code == status
    assert Delivery.objects.count() == (status == 202)
