"""AVIV's calls against every legal reading of the documents, and against what only looks like one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.aviv.client import AvivClient, LeadPage, Subscription, is_bad_scope
from integrations.errors import (
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    Refused,
    RemoteError,
    UnexpectedPayload,
    WrongAddress,
)
from integrations.verdicts import Submitted
from tests.integrations.aviv.samples import sample
from tests.integrations.faultserver import FaultServer, answering, respond

MIN, MAX = 1772400000, 1772500000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NEXT = "0b6f2f5e-6d0c-4a37-9a53-3f1f7f0a0003"


def lead(lead_id: str) -> dict[str, Any]:
    return {"metadata": {"leadId": lead_id}, "contactRequest": {}}


def ask(
    do: Callable[[AvivClient], Any], document: Any, status: int = 200, headers: tuple[str, ...] = ()
) -> Any:
    body = document if isinstance(document, str) else json.dumps(document)
    with FaultServer(answering(respond(status, body, "application/json", *headers))) as server:
        return do(AvivClient(server.url, lambda: "t", timeout=2, total=4))


def page(document: Any, status: int = 200, **request: Any) -> LeadPage:
    answer = ask(lambda client: client.get_leads(MIN, MAX, **request), document, status)
    found: LeadPage = answer.data
    return found


def request_of(do: Callable[[AvivClient], Any], document: Any) -> bytes:
    with FaultServer(answering(respond(200, json.dumps(document)))) as server:
        do(AvivClient(server.url, lambda: " token "))
    return server.requests[0]


def test_every_call_is_signed_and_says_who_calls() -> None:
    request = request_of(lambda client: client.get_leads(MIN, MAX, start="a b", limit=50), {"items": []})
    assert request.startswith(
        b"GET /api/v103/leads?minDate=1772400000&maxDate=1772500000&limit=50&start=a%20b HTTP/1.1\r\n"
    )
    assert b"\r\nAuthorization: Bearer token\r\n" in request
    assert re.search(rb"\r\nUser-Agent: leadmirror/1\.0 Python/3\.[0-9.]+\r\n", request)


def test_a_page_has_its_leads_and_the_start_of_the_next() -> None:
    found = page(sample("page"), limit=2)
    assert [item["metadata"]["leadId"][-1] for item in found.items] == ["1", "3"]
    assert (found.next_start, found.complete) == (NEXT, False)


@pytest.mark.parametrize(
    "links",
    [
        {"next": f"https://api.aviv-group.com/seeker-leads/v1/leads?start={NEXT}&limit=100"},
        {"next": f"/seeker-leads/v1/leads?minDate=1&start={NEXT}"},
        {"next": f"?start={NEXT}"},
        {"next": {"href": f"/leads?start={NEXT}"}},
        [{"rel": "self", "href": "/leads"}, {"rel": "next", "href": f"/leads?start={NEXT}"}],
    ],
)
def test_the_next_page_is_found_in_every_form_of_link(links: Any) -> None:
    assert page({"items": [lead("a")], "links": links}).next_start == NEXT


@pytest.mark.parametrize("links", [None, {}, {"next": None}, {"next": ""}, [], {"self": "/leads?start=x"}])
def test_without_a_link_a_page_that_is_not_full_is_the_last(links: Any) -> None:
    document = {"items": [lead("a")], "links": links}
    assert page(document).complete
    assert page({"items": [lead("a")]}).complete


def test_without_a_link_a_full_page_goes_on_after_its_last_lead() -> None:
    assert page({"items": [lead("a"), lead("b")]}, limit=2).next_start == "b"


def test_a_partial_page_goes_on_after_its_last_lead() -> None:
    assert page({"items": [lead("a")]}, 206).next_start == "a"
    assert page({"items": [lead("a")], "links": {"next": "?start=c"}}, 206).next_start == "c"
    with pytest.raises(UnexpectedPayload, match="how to go on"):
        page({"items": []}, 206)


def test_an_empty_period_is_an_empty_page_or_a_404_with_json() -> None:
    assert page({"items": []}) == LeadPage([], None)
    answer = ask(lambda client: client.get_leads(MIN, MAX), {"title": "No leads"}, 404)
    assert (answer.status, answer.data) == (404, LeadPage([], None))
    answer = ask(lambda client: client.get_leads(MIN, MAX), "", 204)
    assert (answer.status, answer.data) == (204, LeadPage([], None))


@pytest.mark.parametrize(
    "words", ["no Route matched with those values", "Cannot GET /seeker-leads/v2/leads", "Unknown endpoint"]
)
def test_a_404_of_a_gateway_is_a_wrong_address_and_no_empty_period(words: str) -> None:
    with pytest.raises(WrongAddress, match="Check the base URL"):
        page({"message": words}, 404)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        [lead("a")],
        {},
        {"items": None},
        {"items": {}},
        {"items": [lead("a"), None]},
        {"items": ["a"]},
        {"data": [], "pagination": {"nextCursor": None}},
        {"error": {"code": "X"}, "items": []},
        {"status": 500, "title": "No", "items": []},
        {"items": [], "links": "next"},
        {"items": [], "links": {"next": 5}},
        {"items": [], "links": {"next": "https://example.org/leads?page=2"}},
        {"items": [], "links": {"next": "?start=a&start=b"}},
        {"items": [], "links": {"next": "https://[broken/leads"}},
    ],
)
def test_a_failed_read_never_looks_like_an_empty_list(document: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        page(document)


def test_a_page_that_leads_back_does_not_go_round_for_ever() -> None:
    back = {"items": [lead("a")], "links": {"next": "?start=b"}}
    for request in ({"start": "b"}, {"start": "c", "walked": {"b"}}):
        with pytest.raises(UnexpectedPayload, match="read before"):
            page(back, **request)
    with pytest.raises(UnexpectedPayload, match="read before"):
        page({"items": [lead("a")]}, limit=1, start="a")


@pytest.mark.parametrize(
    ("window", "limit"),
    [((MIN, MIN + 7 * 86400 + 1), 100), ((MAX, MIN), 100), ((MIN, MAX), 0), ((MIN, MAX), 101)],
)
def test_what_breaks_avivs_rules_is_never_asked(window: tuple[int, int], limit: int) -> None:
    with pytest.raises(ValueError, match="AVIV takes"):
        AvivClient("http://127.0.0.1:1", lambda: "t").get_leads(*window, limit=limit)


def test_one_lead_is_read_by_its_id_and_by_no_other() -> None:
    raw = sample("classified")
    lead_id = raw["metadata"]["leadId"]
    assert ask(lambda client: client.get_lead(lead_id), raw).data == raw
    with pytest.raises(UnexpectedPayload, match="another lead"):
        ask(lambda client: client.get_lead("other"), raw)
    with pytest.raises(NotFound):
        ask(lambda client: client.get_lead(lead_id), {"title": "Not found"}, 404)


def test_an_id_is_one_part_of_the_path_whatever_is_in_it() -> None:
    request = request_of(lambda client: client.get_lead("../x?y#z"), lead("../x?y#z"))
    assert request.startswith(b"GET /api/v103/leads/..%2Fx%3Fy%23z HTTP/1.1")
    with pytest.raises(ValueError, match="no such id"):
        AvivClient("http://127.0.0.1:1", lambda: "t").get_lead("..")


def test_a_submitted_lead_has_a_request_id_and_no_lead_id() -> None:
    taken = ask(
        lambda client: client.create_lead({"lastName": "Example"}), {"title": "OK", "requestId": "req-7"}
    )
    assert taken == Submitted("req-7", "", False, "AVIV took it and will make it: request req-7.")
    for document in ({"title": "OK"}, [], "x", {"requestId": None}, {"error": "x", "requestId": "req-7"}):
        with pytest.raises(OutcomeUnknown, match="may or may not"):
            ask(lambda client: client.create_lead({}), document)


def test_subscriptions_are_made_listed_changed_and_ended() -> None:
    row = sample("subscription")
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    known = Subscription("V1StGXR8_Z5jdHi6B-myT", "https://example.org/webhooks/x/", "ACTIVE", at, at)
    assert ask(lambda client: client.create_subscription(known.url, "key"), row) == known
    assert ask(lambda client: client.list_subscriptions(), {"items": [row]}) == [known]
    assert ask(lambda client: client.list_subscriptions(), [row]) == [known]
    assert ask(lambda client: client.update_subscription(known.id, status="INACTIVE"), row).is_active
    assert ask(lambda client: client.delete_subscription(known.id), {**row, "message": "gone"}) is None
    request = request_of(lambda client: client.create_subscription("https://example.org/", "key"), row)
    assert request.endswith(b'{"url":"https://example.org/","apiKey":"key","status":"ACTIVE"}')
    changed = request_of(lambda client: client.update_subscription("a", api_key="new"), row)
    assert changed.startswith(b"PUT /api/v103/webhook/subscriptions/a ")
    assert changed.endswith(b'{"apiKey":"new"}')


@pytest.mark.parametrize(
    "document", [{}, {"items": None}, {"error": "x"}, {"items": [{"url": "x"}]}, "x", None]
)
def test_a_failed_list_of_subscriptions_is_not_an_empty_one(document: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        ask(lambda client: client.list_subscriptions(), document)


def test_the_audit_tells_the_last_success_and_the_newest_events() -> None:
    trail = ask(lambda client: client.audit_subscription("a", limit=500), sample("audit"))
    assert trail.last_success_at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert [event["status"] for event in trail.events] == [202, 500]
    never = {**sample("audit"), "lastSuccessTimestamp": None, "recentEvents": []}
    assert ask(lambda client: client.audit_subscription("a"), never).last_success_at is None
    asked = request_of(lambda client: client.audit_subscription("a", limit=500), sample("audit"))
    assert b"/audit?limit=100 " in asked


def fail(document: Any, status: int, *headers: str) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        ask(lambda client: client.get_leads(MIN, MAX), document, status, headers)
    return caught.value


def test_both_bodies_of_errors_are_read_and_the_trace_is_shown() -> None:
    schema = {
        "type": "about:blank",
        "title": "Bad Request",
        "detail": "minDate is wrong",
        "instance": TRACE,
        "status": 400,
    }
    error = fail(schema, 400)
    assert type(error) is Refused
    assert error.summary == f"AVIV refused this (400). Trace: {TRACE}."
    assert (str(error), error.trace_id, error.excerpt) == (
        error.summary,
        TRACE,
        "minDate is wrong; Bad Request",
    )
    other = {
        "error": {"code": "X", "message": "Bad", "details": [{"field": "minDate", "message": "too old"}]}
    }
    error = fail(other, 400, f"traceparent: {TRACE}")
    assert (error.excerpt, error.field, error.trace_id) == ("Bad; minDate: too old", "minDate", TRACE)
    sister = {
        "title": "Bad",
        "errors": [{"name": "/query/limit", "reason": "too big"}],
        "errorSource": "requestParameter",
    }
    assert fail(sister, 400).excerpt == "Bad; limit: too big"
    assert f"Trace: {TRACE}." in fail("null", 200, f"traceparent: {TRACE}").summary


def test_a_bad_scope_says_whom_to_ask() -> None:
    error = fail({"title": "Forbidden", "detail": "Bad Scope"}, 403)
    assert isinstance(error, CredentialsRefused)
    assert is_bad_scope(error)
    assert "leads-api@aviv-group.com" in error.summary
    assert not is_bad_scope(fail({"title": "Forbidden"}, 403))


def test_connections_are_kept_as_long_as_the_token_is() -> None:
    tokens = ["one", "one", "two"]
    with FaultServer(answering(respond(200, '{"items": []}'))) as server:
        client = AvivClient(server.url, lambda: tokens.pop(0))
        for _ in range(3):
            client.get_leads(MIN, MAX)
    assert server.connections == 2
    assert b"Bearer two" in server.requests[2]
