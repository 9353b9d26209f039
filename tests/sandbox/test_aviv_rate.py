"""AVIV's rate rule: 10 at once, and 10 in 200 milliseconds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.sandbox.log import RequestLog
from integrations.sandbox.wire import Request
from tests.sandbox.avivapi import AvivApi

pytestmark = pytest.mark.serial


@pytest.fixture
def api(box) -> AvivApi:
    api = AvivApi(box)
    api.use_token("fixed")
    box.set_aviv_bearer("fixed")
    return api


def call_at_once(api, count):
    with ThreadPoolExecutor(count) as pool:
        return sorted(answer.status for answer in pool.map(lambda _: api.recent(), range(count)))


def test_the_eleventh_call_at_once_is_429(box, api):
    box.set_aviv_readings(rate_rule="in_flight")
    box.fault("delay", remote="aviv", seconds=0.5, when="after", times=None)
    assert call_at_once(api, 14) == [200] * 10 + [429] * 4
    stats = box.stats()["aviv"]
    assert (stats["rate_violations"], stats["most_in_flight"]) == (4, 14)


def test_the_eleventh_call_within_200_milliseconds_is_429(box, api):
    box.set_aviv_readings(rate_rule="recent", limit_says_when=True)
    box.aviv.readings.rate_limit = 3
    answers = [api.recent() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].data["title"] == "Too Many Requests"
    assert box.aviv_violations(box.log) == 1


def test_a_broken_rule_may_only_be_counted(box, api):
    box.set_aviv_readings(rate_refuses=False, rate_limit=0)
    assert api.recent().status == 200
    assert box.stats()["aviv"]["rate_violations"] == 1


def test_there_may_be_no_rule(box, api):
    box.set_aviv_readings(rate_rule="none", rate_limit=0)
    assert api.recent().status == 200
    assert box.stats()["aviv"]["rate_violations"] == 0


def test_calls_to_other_remotes_and_for_tokens_do_not_count(box, api):
    for _ in range(20):
        api.ask_token()
    assert api.recent().status == 200
    assert box.stats()["aviv"]["requests"] == 1


def test_arrivals_are_forgotten_after_200_milliseconds(monkeypatch):
    log, now = RequestLog(), 0.0
    monkeypatch.setattr("integrations.sandbox.log.time.monotonic", lambda: now)

    def arrive() -> tuple[int, int]:
        entry = log.open("aviv", "/leads", Request("GET", "/leads", {}, {}, keep_alive=True))
        log.close(entry)
        return entry.in_flight, entry.recent

    assert [arrive(), arrive()] == [(1, 1), (1, 2)]
    now = 0.19
    assert arrive() == (1, 3)
    now = 0.21
    assert arrive() == (1, 2)
