"""The key in every form the documents allow, and the leads a delivery may speak of."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from integrations.aviv.webhook import find_lead_ids, key_matches
from tests.integrations.aviv.samples import sample

KEY = "our-key-9"
BODY = b'{"leadId": "a"}'
SIGNATURE = hmac.new(KEY.encode(), BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"ApiKey {KEY}"},
        {"authorization": KEY},
        {"apiKey": f" {KEY} "},
        {"X-Whatever": KEY, "User-Agent": "aviv"},
        {"X-Signature": SIGNATURE},
        {"X-Signature": SIGNATURE.upper()},
        {"X-Signature": f"sha256={SIGNATURE}"},
    ],
)
def test_the_key_is_accepted_in_every_documented_form(headers: dict[str, str]) -> None:
    assert key_matches(headers, BODY, KEY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Api-Key": ""},
        {"X-Api-Key": "our-key-8"},
        {"X-Api-Key": KEY.upper()},
        {"Authorization": "Bearer "},
        {"X-Signature": hmac.new(b"x", BODY, hashlib.sha256).hexdigest()},
        {"X-Odd": "é\ud800" + "x" * 62},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    assert not key_matches(headers, BODY, KEY)


def test_a_signature_is_one_of_this_body() -> None:
    assert not key_matches({"X-Signature": SIGNATURE}, BODY + b" ", KEY)


def test_without_a_key_nothing_matches() -> None:
    assert not key_matches({"X-Api-Key": "", "X-Other": "x"}, BODY, "")


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"leadId": "a"}, ["a"]),
        ({"event": "lead.created", "data": {"leadId": "a"}}, ["a"]),
        ({"items": [{"metadata": {"leadId": "a"}}, {"metadata": {"leadId": "b"}}]}, ["a", "b"]),
        ([{"leadId": "a"}, {"leadId": "a"}], ["a"]),
        ({"ping": True}, []),
        ("text", []),
        (None, []),
        ({"data": {"data": {"data": {"data": {"data": {"data": {"data": {"leadId": "a"}}}}}}}}, []),
    ],
)
def test_the_leads_a_delivery_speaks_of(body: Any, ids: list[str]) -> None:
    assert find_lead_ids(body) == ids


def test_a_whole_lead_is_a_delivery_of_one() -> None:
    assert find_lead_ids(sample("classified")) == ["0b6f2f5e-6d0c-4a37-9a53-3f1f7f0a0001"]
