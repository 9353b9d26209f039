"""The seven calls against every legal reading of the documents, and against what only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.errors import OutcomeUnknown, UnexpectedPayload, WrongAddress
from integrations.leadpro.client import LOOKUP_BODY, LeadProClient, OfficeRow, StatusRow
from integrations.rest import Answer
from tests.integrations.faultserver import FaultServer, answering, respond
from tests.integrations.leadpro.samples import LEAD, OFFICES, STATUSES

BARE = {"id": 7, "type": "sale"}


def ask(call: str, document: Any, *args: Any, status: int = 200, **kwargs: Any) -> Any:
    """What the client makes of this document."""
    with FaultServer(answering(respond(status, json.dumps(document)))) as server:
        client = LeadProClient(base_url=server.url, api_key=" key ", timeout=2, total=4)
        return getattr(client, call)(*args, **kwargs)


def request_of(call: str, *args: Any, **kwargs: Any) -> bytes:
    with FaultServer(answering(respond(200, json.dumps(BARE)))) as server:
        getattr(LeadProClient(base_url=server.url + "/", api_key=" key "), call)(*args, **kwargs)
    return server.requests[0]


@pytest.mark.parametrize(
    "document",
    [[BARE], BARE, {"data": [BARE]}, {"data": BARE}, {"leads": [BARE]}, {"data": {"leads": [BARE]}}],
)
def test_a_lookup_may_answer_a_list_or_one_lead_wrapped_or_not(document: Any) -> None:
    answer = ask("find_leads", document, email="marla.sample@example.org")
    assert (answer.status, answer.data) == (200, [BARE])


@pytest.mark.parametrize("document", [[], {"data": []}, {"leads": []}])
def test_a_lookup_that_finds_nobody_is_an_empty_list(document: Any) -> None:
    assert ask("find_leads", document, phone="01632960123").data == []


def test_a_404_with_json_means_nobody_and_says_so() -> None:
    answer = ask("find_leads", {"message": "Not found"}, phone="01632960123", status=404)
    assert (answer.status, answer.data) == (404, [])


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        "nobody",
        0,
        {"data": None},
        {"data": {}},
        {"error": "boom", "data": []},
        {"errors": ["boom"], "leads": []},
        {"success": False, "data": []},
        {"status": "error", "data": []},
        {"status": 500, "data": []},
        {"id": 5, "error": "boom"},
        [{"message": "boom"}],
        [BARE, None],
        [BARE, {"id": "req-7"}],
        {"data": [BARE], "leads": [BARE]},
        {"message": "boom"},
    ],
)
def test_a_failed_lookup_never_looks_like_an_empty_one(document: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        ask("find_leads", document, email="marla.sample@example.org")


@pytest.mark.parametrize(
    "paging",
    [
        {"next_page_url": "https://example.org/?page=2"},
        {"links": {"next": "https://example.org/?page=2"}},
        {"meta": {"current_page": 1, "last_page": 3}},
        {"has_more": True},
        {"pagination": {"nextCursor": "abc"}},
        {"total": 2},
        {"count": "2"},
        {"meta": {"total": 2, "per_page": 1}},
        {"pagination": {"count": 2}},
    ],
)
def test_one_page_of_several_proves_nothing_about_absence(paging: Any) -> None:
    with pytest.raises(UnexpectedPayload, match="one page of several"):
        ask("find_leads", {"data": [BARE], **paging}, email="marla.sample@example.org")


@pytest.mark.parametrize(
    "document", [{"data": [], "total": 1}, {"total": 1, "data": {"leads": []}}, {"data": BARE, "total": 2}]
)
def test_a_list_that_counts_more_than_it_shows_is_not_complete(document: Any) -> None:
    with pytest.raises(UnexpectedPayload, match="one page of several"):
        ask("find_leads", document, email="marla.sample@example.org")


def test_the_last_page_is_complete() -> None:
    paging = {"meta": {"current_page": 1, "last_page": 1, "total": 1}, "links": {"next": None}, "count": 1}
    assert ask("find_leads", {"data": [BARE], **paging}, email="marla.sample@example.org").data == [BARE]
    nobody = {"data": [], "total": 0, "meta": {"count": 0}}
    assert ask("find_leads", nobody, email="marla.sample@example.org").data == []


def test_a_lookup_of_several_mib_is_read_and_one_beyond_the_limit_is_not() -> None:
    body = json.dumps([{"id": number, "type": "sale", "message": "m" * 1000} for number in range(1, 5000)])
    with FaultServer(answering(respond(200, body), respond(200, "[" + " " * LOOKUP_BODY + "]"))) as server:
        client = LeadProClient(base_url=server.url, api_key="key")
        assert len(client.find_leads(phone="01632960123").data) == 4999
        with pytest.raises(UnexpectedPayload, match="too large"):
            client.find_leads(phone="01632960123")


def test_a_lookup_asks_with_camel_case_names() -> None:
    request = request_of(
        "find_leads", email="marla.sample@example.org", phone="", first_name="Marla", last_name="O'Sample"
    )
    query = b"?email=marla.sample%40example.org&firstName=Marla&lastName=O%27Sample HTTP/1.1"
    assert request.startswith(b"GET /api/v103/person/leads" + query)
    assert b"x-api-key: key\r\n" in request


def test_a_lookup_by_name_alone_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="by e-mail or phone"):
        LeadProClient(base_url="http://127.0.0.1:1", api_key="k").find_leads(last_name="Sample")


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("document", [LEAD, {"data": LEAD}, {"lead": LEAD}, [LEAD], {**LEAD, "id": "18376"}])
def test_a_create_is_any_2xx_with_a_lead_that_has_an_id(document: Any, status: int) -> None:
    for call in ("create_lead", "create_valuation"):
        assert ask(call, document, {"type": "sale"}, status=status).data == LEAD


@pytest.mark.parametrize(
    "document",
    [
        {"ok": True},
        [],
        [LEAD, LEAD],
        {"id": None},
        {"id": "abc"},
        {"id": 0},
        {"id": True},
        {"id": 1e30},
        {"id": 12, "success": False, "message": "Invalid phone"},
        {"id": "12", "ok": False, "code": 422},
    ],
)
def test_a_create_without_a_lead_in_its_answer_may_have_been_applied(document: Any) -> None:
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        ask("create_lead", document, {"type": "sale"})


def test_a_create_that_answers_with_another_token_may_have_been_applied() -> None:
    answer = {"id": 5, "meta": {"leadmirror": "other"}}
    with pytest.raises(OutcomeUnknown):
        ask("create_lead", answer, {"meta": {"leadmirror": "ours"}})
    assert ask("create_lead", {"id": 5, "meta": None}, {"meta": {"leadmirror": "ours"}}).data["id"] == 5


def test_a_read_of_another_lead_is_no_answer() -> None:
    with pytest.raises(UnexpectedPayload, match="another lead"):
        ask("get_lead", LEAD, 99)


def test_an_id_in_text_is_the_same_id() -> None:
    answer: Answer = ask("get_lead", {"data": {**LEAD, "id": "18376"}}, 18376)
    assert answer.data["id"] == 18376


def test_trap_2_the_answer_to_a_patch_is_not_taken_for_a_lead() -> None:
    assert ask("update_lead", {"first_name": "Joe", "id": 1}, 18376, {"first_name": "Joe"}) is None


@pytest.mark.parametrize(
    "answer",
    [{"success": False, "message": "No such status."}, {"error": {"code": 7}}, {"errors": ["Bad."]}],
    ids=["success", "error", "errors"],
)
def test_an_error_in_the_answer_to_a_patch_is_no_success(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown, match="it reports an error"):
        ask("update_lead", answer, 18376, {"status": "Nowhere"})


def test_a_patch_that_was_only_taken_in_is_not_done() -> None:
    with FaultServer(answering(respond(202, '{"first_name": "Joe"}'))) as server:
        client = LeadProClient(base_url=server.url, api_key="key")
        with pytest.raises(OutcomeUnknown, match="taken in, and is not done yet"):
            client.update_lead(18376, {"first_name": "Joe"})


@pytest.mark.parametrize("call", ["get_lead", "find_leads"])
def test_an_id_alone_is_no_lead(call: str) -> None:
    ask_for: tuple[Any, dict[str, Any]] = (
        ((7,), {}) if call == "get_lead" else ((), {"email": "ada@example.org"})
    )
    with pytest.raises(UnexpectedPayload, match="nothing of the lead but its id"):
        ask(call, {"id": 7, "message": "Read."}, *ask_for[0], **ask_for[1])
    assert ask("create_lead", {"id": 7, "message": "Made."}, {"type": "sale"}).data["id"] == 7


def test_a_404_that_breaks_off_says_nothing_about_the_address() -> None:
    cut = respond(404, '{"message": "Nobody"}').replace(b"Content-Length: 21", b"Content-Length: 99")
    with FaultServer(answering(cut)) as server:
        client = LeadProClient(base_url=server.url, api_key="key")
        with pytest.raises(UnexpectedPayload, match="it breaks off"):
            client.find_leads(email="ada@example.org")


def test_trap_3_the_answer_to_a_patch_may_be_invalid_json() -> None:
    echo = '{"meta": {"data2": "value2",}\n "utm_source": "Google"}'
    with FaultServer(answering(respond(200, echo), respond(204, "", None))) as server:
        client = LeadProClient(base_url=server.url, api_key="key")
        for _ in range(2):
            client.update_lead(18376, {"first_name": "Joe"})
    assert server.requests[0].startswith(b"PATCH /api/v103/leads/18376 HTTP/1.1")


def test_trap_9_office_ids_come_as_text_and_numbers_wrapped_or_bare() -> None:
    expected = [OfficeRow(1213, "office 1 name"), OfficeRow(1214, "office 2 name")]
    for document in (OFFICES, OFFICES["data"], {"offices": OFFICES["data"]}):
        assert ask("get_offices", document) == expected


def test_statuses_come_bare_or_wrapped_in_camel_or_snake_case() -> None:
    snake = [{"id": "20", "name": "New", "stage_id": "50", "is_predefined": True}]
    assert ask("get_statuses", {"data": snake}) == [StatusRow(20, "New", 50, True)]
    assert ask("get_statuses", STATUSES) == [
        StatusRow(20, "New", 50, True),
        StatusRow(44, "Another one", 50, False),
        StatusRow(21, "Contacted", 100, True),
    ]
    assert ask("get_statuses", [{"id": 9, "name": None}]) == [StatusRow(9, "#9", None, False)]


@pytest.mark.parametrize("call", ["get_offices", "get_statuses"])
@pytest.mark.parametrize(
    "document", [{}, None, {"error": "x", "data": []}, [1], [{"name": "no id"}], {"data": {}}]
)
def test_a_failed_list_never_looks_like_an_empty_one(call: str, document: Any) -> None:
    with pytest.raises(UnexpectedPayload):
        ask(call, document)


@pytest.mark.parametrize("path", ["/lead/statuses", "lead/statuses", " /lead/statuses "])
def test_the_path_of_the_statuses_is_a_setting(path: str) -> None:
    with FaultServer(answering(respond(200, json.dumps(STATUSES)), respond(404, "{}"))) as server:
        client = LeadProClient(base_url=server.url, api_key="key", statuses_path=path)
        assert len(client.get_statuses()) == 3
        with pytest.raises(WrongAddress):
            client.get_statuses()
    assert server.requests[0].startswith(b"GET /api/v103/lead/statuses HTTP/1.1")
