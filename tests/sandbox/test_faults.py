"""Every fault, as a client meets it on a real socket; and which requests a fault strikes."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead, RemoteDisconnected

import pytest

from tests.sandbox.api import ADA, wait_until


def test_a_status_with_a_reason_changes_nothing(box, api):
    box.fault("status", "POST", "/leads", status=409, body={"message": "no"}, headers={"X-Trace": "7"})
    answer = api.create()
    assert (answer.status, answer.data, answer.headers["x-trace"]) == (409, {"message": "no"}, "7")
    assert box.leads == []
    assert api.create().status == 200


def test_a_500_may_come_after_the_lead_was_made(box, api):
    box.fault("status", "POST", "/leads", applied=True)
    assert api.create().status == 500
    assert len(box.leads) == 1


def test_a_raw_text_body_and_type_may_be_given(box, api):
    box.fault("status", status=400, body="<h1>no</h1>", content_type="text/html")
    answer = api.create()
    assert (answer.body, answer.headers["content-type"]) == (b"<h1>no</h1>", "text/html")


@pytest.mark.parametrize("told", [5, -3, 999999, "soon", None])
def test_429_tells_seconds_or_nonsense_or_nothing(box, api, told):
    box.fault("rate_limit", retry_after=told)
    answer = api.create()
    assert answer.status == 429
    assert answer.headers.get("retry-after") == (None if told is None else str(told))
    assert box.leads == []


def test_429_tells_a_date(box, api):
    box.fault("rate_limit", retry_after=30, as_date=True)
    told = parsedate_to_datetime(api.create().headers["retry-after"]).timestamp()
    assert 27 <= told - time.time() <= 31


@pytest.mark.parametrize(
    ("kind", "told"), [("application/json", 7), ("text/html", 7), ("application/json", None)]
)
def test_503_with_and_without_retry_after(box, api, kind, told):
    box.fault("unavailable", content_type=kind, retry_after=told)
    answer = api.create()
    assert answer.status == 503
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers.get("retry-after") == (str(told) if told else None)


@pytest.mark.parametrize(("when", "applied"), [("before", 0), ("after", 1)])
def test_a_delay_lies_before_or_after_the_change(box, api, when, applied):
    box.fault("delay", "POST", "/leads", seconds=1, when=when)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(api.call, "POST", "/leads", ADA)
        wait_until(lambda: len(box.log) == 1 and len(box.leads) >= applied)
        assert (len(box.leads), call.done()) == (applied, False)
        assert call.result().status == 200
    assert len(box.leads) == 1


def test_a_delayed_answer_comes(box, api):
    box.fault("delay", seconds=0.1)
    began = time.monotonic()
    assert api.create().status == 200
    assert time.monotonic() - began >= 0.1


@pytest.mark.parametrize("applied", [False, True])
def test_a_hang_never_answers(box, api, applied):
    box.fault("hang", "POST", "/leads", seconds=10, applied=applied)
    with pytest.raises(TimeoutError):
        api.call("POST", "/leads", ADA, timeout=0.2)
    assert len(box.leads) == int(applied)


@pytest.mark.parametrize(("how", "error"), [("reset", ConnectionResetError), ("close", RemoteDisconnected)])
@pytest.mark.parametrize(("action", "applied"), [("drop", 0), ("drop_after", 1)])
def test_a_dropped_connection(box, api, action, applied, how, error):
    box.fault(action, "POST", "/leads", how=how)
    with pytest.raises(error) as caught:
        api.create()
    assert type(caught.value) is error
    assert len(box.leads) == applied
    assert [entry.status for entry in box.log] == [0]


def test_a_connection_dropped_before_the_body_is_read(box, api):
    box.fault("drop_reading", "POST", "/leads")
    with pytest.raises(ConnectionError):
        api.create()
    assert box.leads == []
    assert box.log[0].body == b""


@pytest.mark.parametrize("when", ["before", "hang"])
def test_a_request_may_take_effect_late(box, api, when):
    box.fault("apply_late", "POST", "/leads", seconds=0.5, when=when)
    with pytest.raises((ConnectionError, TimeoutError)):
        api.call("POST", "/leads", ADA, timeout=0.2)
    assert box.leads == []
    wait_until(lambda: len(box.leads) == 1)
    assert box.log[0].lead_id == box.leads[0]["id"]


def test_clearing_faults_forgets_what_was_to_take_effect(box, api):
    box.fault("apply_late", "POST", "/leads", seconds=30)
    with pytest.raises(ConnectionError):
        api.create()
    box.clear_faults()
    wait_until(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
    assert box.leads == []


def test_a_truncated_body(box, api):
    box.fault("truncated")
    with pytest.raises(IncompleteRead):
        api.create()
    assert len(box.leads) == 1


@pytest.mark.parametrize(("applied", "leads"), [(None, 0), (True, 1)])
def test_a_web_page_with_200(box, api, applied, leads):
    box.fault("html", applied=applied)
    answer = api.create()
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert len(box.leads) == leads


def test_an_empty_200(box, api):
    box.fault("empty")
    answer = api.create()
    assert (answer.status, answer.body, len(box.leads)) == (200, b"", 1)


@pytest.mark.parametrize(("body", "shown"), [(None, ["ok"]), ({"id": "x"}, {"id": "x"})])
def test_a_wrong_shape(box, api, body, shown):
    box.fault("wrong_shape", body=body)
    assert api.create().data == shown


def test_broken_json(box, api):
    box.fault("bad_json")
    answer = api.create()
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match="property name"):
        _ = answer.data


def test_json_that_is_not_utf_8(box, api):
    box.fault("bad_utf8")
    with pytest.raises(UnicodeDecodeError):
        _ = api.create().data


def test_json_that_calls_itself_html(box, api):
    box.fault("wrong_type")
    answer = api.create()
    assert (answer.headers["content-type"], answer.data["first_name"]) == ("text/html; charset=utf-8", "Ada")


def test_a_huge_body_is_still_json(box, api):
    box.fault("huge")
    answer = api.create()
    assert len(answer.body) > 2 * 1024 * 1024
    assert answer.data["first_name"] == "Ada"


def test_a_redirect_points_to_another_host(box, api):
    box.fault("redirect", status=307)
    answer = api.create()
    assert (answer.status, answer.body, box.leads) == (307, b"", [])
    assert answer.headers["location"] == f"http://localhost:{box.server.port}/_sandbox/elsewhere"


def test_a_dripping_body_outlives_a_read_timeout(box, api):
    box.fault("drip_body", seconds=0.05)
    with socket.create_connection(("127.0.0.1", box.server.port), timeout=2) as raw:
        raw.sendall(b"GET /api/v103/offices HTTP/1.1\r\nHost: x\r\nx-api-key: sandbox-key\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert [raw.recv(65536) for _ in range(6)] == [b"{", b'"', b"d", b"a", b"t", b"a"]


def test_dripping_headers(box, api):
    box.fault("drip_headers", seconds=0.05)
    with socket.create_connection(("127.0.0.1", box.server.port), timeout=2) as raw:
        raw.sendall(b"GET /api/v103/offices HTTP/1.1\r\nHost: x\r\nx-api-key: sandbox-key\r\n\r\n")
        assert [raw.recv(65536) for _ in range(6)] == [b"H", b"T", b"T", b"P", b"/", b"1"]


def test_a_fault_strikes_the_next_matching_requests_only(box, api):
    box.fault("status", "GET", "/leads/*", times=2)
    assert api.create().status == 200
    assert [api.get(1).status for _ in range(3)] == [500, 500, 404]
    assert box.fault_rows() == []


def test_a_fault_may_wait_for_its_turn(box, api):
    box.fault("status", skip=2)
    assert [api.create().status for _ in range(4)] == [200, 200, 500, 200]


def test_a_fault_may_strike_each_third_request(box, api):
    box.fault("status", skip=2, every=3)
    assert [api.create().status for _ in range(9)] == [200, 200, 500] * 3
    box.clear_faults()
    assert api.create().status == 200


def test_a_fault_may_last_until_it_is_cleared(box, api):
    box.fault("status", times=None)
    assert {api.create().status for _ in range(5)} == {500}
    box.clear_faults()
    assert api.create().status == 200


def test_a_fault_may_match_the_whole_path(box, api):
    box.fault("status", path="/api/v103/offices")
    assert api.call("GET", "/offices").status == 500


def test_a_probability_is_seeded_and_lasts(box, api):
    box.fault("status", probability=0.5)
    codes = [api.call("GET", "/offices").status for _ in range(40)]
    assert 8 <= codes.count(500) <= 32
    assert len(box.fault_rows()) == 1


def test_the_first_of_several_faults_strikes_first(box, api):
    box.fault("status", status=500)
    box.fault("status", status=502)
    assert [api.create().status for _ in range(3)] == [500, 502, 200]


def test_many_requests_at_once_use_up_a_fault_exactly(box, api):
    box.fault("status", times=7)
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(api.create().status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(500) == 7
    assert len(box.leads) == 13


@pytest.mark.parametrize("wrong", [{"action": "explode"}, {"action": "drop", "colour": "red"}])
def test_an_unknown_fault_is_an_error(box, wrong):
    with pytest.raises(ValueError, match="fault"):
        box.fault(**wrong)


def test_the_log_names_the_fault(box, api):
    box.fault("status")
    api.create()
    assert [(entry.fault, entry.status) for entry in box.log] == [("status", 500)]
