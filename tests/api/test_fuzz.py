"""Whatever is sent, the answer is never a fault of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.leadpro.fields import FIELDS
from leads.api.filters import LEAD_FILTERS
from leads.api.shapes import LEAD_KEYS
from leads.models import Connection, Lead
from tests.api.conftest import NEW_LEAD, Caller

FUZZ = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "%",
        "'",
        "\\",
        "١٢",
        "²",
        "1e999",
        "9" * 400,
        "New",
        "07700 900123",
        "2026-01-01T00:00Z",
    ]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({*FIELDS, *LEAD_KEYS, "connection", "nonsense", "value"})) | TEXT
BODIES = st.dictionaries(NAMES, VALUES, max_size=6)
PATHS = [
    "leads/",
    "leads/valuation/",
    "leads/search/",
    "leads/lookup/",
    "leads/{}/refresh/",
    "pushes/{}/resolve/",
]


@pytest.fixture
def patient(api: Caller, account: Connection, mirror: Any, settings: Any) -> tuple[Caller, Lead]:
    settings.API_REQUESTS_PER_MINUTE = 1_000_000
    lead = mirror(1)
    api.patch(f"leads/{lead.pk}/", {"status": "Contacted"})
    return api, lead


def assert_sound(answer: Any) -> None:
    assert answer.status_code < 500, answer.content[:500]
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.content)["status"] == answer.status_code


def encode(body: Any) -> bytes:
    """As JSON, with what JSON does not know (NaN) and what UTF-8 does not (half a pair) written all the same."""
    return json.dumps(body).encode()


@FUZZ
@given(
    path=st.sampled_from(["leads/", "leads/valuation/", "leads/search/"]), body=BODIES, whole=st.booleans()
)
def test_bodies(patient: tuple[Caller, Lead], path: str, body: dict[str, Any], whole: bool) -> None:
    api, _ = patient
    base = NEW_LEAD if whole and path != "leads/search/" else {}
    assert_sound(api.post(path, encode({**base, **body})))


@FUZZ
@given(body=BODIES)
def test_edits(patient: tuple[Caller, Lead], body: dict[str, Any]) -> None:
    api, lead = patient
    assert_sound(api.patch(f"leads/{lead.pk}/", encode(body)))
    assert_sound(api.get(f"leads/{lead.pk}/"))


@FUZZ
@given(
    raw=st.binary(max_size=200)
    | st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\ud8', max_size=60).map(str.encode)
)
def test_bytes(patient: tuple[Caller, Lead], raw: bytes) -> None:
    api, lead = patient
    for path in PATHS:
        assert_sound(api.post(path.format(lead.pk), raw))


@FUZZ
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from([*LEAD_FILTERS, "cursor", "page_size", "fields", "after"]) | TEXT, TEXT),
        max_size=4,
    )
)
def test_query_strings(patient: tuple[Caller, Lead], pairs: list[tuple[str, str]]) -> None:
    api, lead = patient
    query = "&".join(f"{quote(n, errors='replace')}={quote(v, errors='replace')}" for n, v in pairs)
    for path in (
        "leads/",
        "changes/",
        "pushes/",
        "offices/",
        f"leads/{lead.pk}/changes/",
        f"leads/{lead.pk}/",
    ):
        assert_sound(api.get(f"{path}?{query}"))


@FUZZ
@given(
    header=st.sampled_from(
        ["Accept", "If_Match", "If_None_Match", "Prefer", "Idempotency_Key", "Authorization"]
    ),
    value=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=40),
)
def test_headers(patient: tuple[Caller, Lead], header: str, value: str) -> None:
    api, lead = patient
    if header == "Prefer" and "wait" in value:
        return
    assert_sound(api.get(f"leads/{lead.pk}/", **{header: value}))
    assert_sound(api.post("leads/", NEW_LEAD, **{header: value}))
    assert_sound(api.patch(f"leads/{lead.pk}/", {"status": "New"}, **{header: value}))
