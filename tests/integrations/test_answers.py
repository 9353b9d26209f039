"""The reason in an error body, the field it names, and how long to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.answers import extract_reason, find_trace_id, parse_retry_after

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "reason", "field"),
    [
        ("no phone", "no phone", ""),
        ({"message": "no phone"}, "no phone", ""),
        ({"message": "no phone", "field": "phone"}, "no phone", "phone"),
        ({"error": "no phone"}, "no phone", ""),
        ({"error": {"code": 4, "message": "no phone"}}, "no phone", ""),
        (
            {"error": {"code": "X", "message": "bad", "details": [{"field": "phone", "message": "x"}]}},
            "bad; phone: x",
            "phone",
        ),
        ({"errors": {"phone": ["too short", "odd"]}}, "phone: too short; phone: odd", "phone"),
        ({"message": "Invalid.", "errors": {"phone": ["too short"]}}, "Invalid.; phone: too short", "phone"),
        ({"errors": [{"field": "phone", "message": "bad"}]}, "phone: bad", "phone"),
        ({"errors": ["one", "two"]}, "one; two", ""),
        ({"detail": "no phone"}, "no phone", ""),
        ({"detail": [{"loc": ["body", "phone"], "msg": "bad", "type": "x"}]}, "phone: bad", "phone"),
        ({"phone": ["This field is required."]}, "phone: This field is required.", "phone"),
        ({"title": "Bad", "errors": [{"name": "/data/phone", "reason": "bad"}]}, "Bad; phone: bad", "phone"),
        (
            {"status": "error", "message": "Missing required field: phone"},
            "Missing required field: phone",
            "",
        ),
        ({"timestamp": "now", "path": "/leads", "error": "Bad Request"}, "Bad Request", ""),
        ({"message": "a\r\nb\x00\x1b[31mc\u202e"}, "a b [31mc", ""),
        ({}, "", ""),
        ([], "", ""),
        (None, "", ""),
        (5, "", ""),
    ],
)
def test_a_reason_is_found_in_every_usual_shape(document: Any, reason: str, field: str) -> None:
    assert extract_reason(json.dumps(document).encode()) == (reason, field)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"plain words", "plain words"),
        (b"<p>Fish &amp; <b>chips</b></p><script>alert(1)</script><!-- x -->", "Fish & chips"),
        (b"num\xe9ro", "num\ufffdro"),
        (b"<" * 5000, "<" * 500),
        (b"", ""),
    ],
)
def test_a_reason_is_found_in_text_and_html(body: bytes, reason: str) -> None:
    assert extract_reason(body) == (reason, "")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_no_bytes_make_it_fail(body: bytes) -> None:
    reason, field = extract_reason(body)
    assert len(reason) <= 500
    assert len(field) <= 100
    assert reason.isprintable() or not reason.isascii()


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", "", 7.0),
        ("0", "", 1.0),
        ("-3", "", 1.0),
        ("1.5", "", 1.5),
        ("9" * 18, "", 3600.0),
        ("9" * 400, "", None),
        ("Sat, 21 Nov 2026 10:00:20 GMT", "", 20.0),
        ("Sat, 21 Nov 2026 12:00:20 GMT", "Sat, 21 Nov 2026 12:00:00 GMT", 20.0),
        ("Sat, 21 Nov 2020 10:00:20 GMT", "", 1.0),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_remotes_clock(
    value: str, date: str, seconds: float | None
) -> None:
    assert parse_retry_after({"Retry-After": value, "Date": date}, NOW) == seconds


def test_the_trace_id_is_what_support_would_ask_for() -> None:
    assert find_trace_id({"x-request-id": "r-1\n"}) == "r-1"
    assert find_trace_id({}) == ""


def test_a_trace_is_found_in_the_header_or_in_the_body_of_the_error() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = json.dumps({"type": "about:blank", "title": "No", "instance": trace}).encode()
    assert find_trace_id({"traceparent": trace}) == trace
    assert find_trace_id({"cf-ray": "r"}, body) == trace
    assert find_trace_id({"cf-ray": "r"}, b'{"instance": "/leads/5"}') == "r"
    assert find_trace_id({}, b'{"instance": broken') == ""
