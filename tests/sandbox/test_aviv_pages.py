"""AVIV's list of leads: windows on the ingestion date, pages, and what the documents leave open about both."""

import pytest

from tests.sandbox.avivapi import DAY, AvivApi, id_of, ids_of


@pytest.fixture
def api(box) -> AvivApi:
    return AvivApi(box)


@pytest.fixture
def noon(box) -> int:
    """An instant two days ago, in whole seconds."""
    return int(box.clock.now()) - 2 * DAY


def add_at(box, *instants):
    return [id_of(box.add_aviv_lead(ingested_at=instant)) for instant in instants]


@pytest.mark.parametrize(
    ("bounds", "seen"), [("both", [0, 1, 2]), ("min", [0, 1]), ("max", [1, 2]), ("neither", [1])]
)
def test_a_bound_may_belong_to_the_window_or_not(box, api, noon, bounds, seen):
    box.set_aviv_readings(bounds=bounds)
    known = add_at(box, noon, noon + 5, noon + 10)
    assert api.ids(noon, noon + 10) == [known[place] for place in seen]


def test_pages_follow_each_other_by_ingestion_date_and_id(box, api, noon):
    known = add_at(box, noon + 2, noon, noon + 1, noon + 1, noon + 1)
    middle = sorted(known[2:])
    answer = api.page(noon, noon + 10, limit=2)
    assert ids_of(answer) == [known[1], middle[0]]
    assert answer.data["metadata"] == {"limit": 2, "count": 2, "totalCount": 5}
    assert answer.data["links"]["next"].startswith(f"{box.aviv_url}/leads?minDate=")
    assert answer.data["links"]["next"].endswith(f"&start={middle[0]}")
    assert api.ids(noon, noon + 10, limit=2) == [known[1], *middle, known[0]]


@pytest.mark.parametrize("order", ["ascending", "descending", "by_id", "arrival"])
def test_pages_may_be_ordered_otherwise_and_still_hold_each_lead_once(box, api, noon, order):
    box.set_aviv_readings(order=order)
    instants = [noon + place // 4 for place in (9, 3, 1, 4, 0, 8, 2, 6, 7, 5)]
    known = dict(zip(add_at(box, *instants), instants, strict=True))
    expected = {
        "ascending": sorted(known, key=lambda lead: (known[lead], lead)),
        "descending": sorted(known, key=lambda lead: (known[lead], lead), reverse=True),
        "by_id": sorted(known),
        "arrival": list(known),
    }
    assert api.ids(noon, noon + 10, limit=3) == expected[order]


def test_a_hundred_and_thirty_in_one_second_come_in_two_pages(box, api, noon):
    known = {id_of(box.add_aviv_lead(ingested_at=noon)) for _ in range(130)}
    answer = api.page(noon, noon)
    assert len(ids_of(answer)) == 100
    assert set(api.ids(noon, noon)) == known
    assert len(box.requests("GET", "/leads", remote="aviv")) == 3


@pytest.mark.parametrize(
    ("query", "name", "reason"),
    [
        ({"minDate": ""}, "minDate", "is required"),
        ({"maxDate": "soon"}, "maxDate", "must be integer"),
        ({"maxDate": "2026-01-01"}, "maxDate", "must be integer"),
        ({"limit": "0"}, "limit", "must be between 1 and 100"),
        ({"limit": "101"}, "limit", "must be between 1 and 100"),
        ({"minDate": "1000000", "maxDate": "999999"}, "minDate", "must not be after maxDate"),
        ({"minDate": "0", "maxDate": str(7 * DAY + 1)}, "maxDate", "must be at most 7 days after minDate"),
        ({"start": "nothing"}, "start", "unknown lead"),
    ],
)
def test_a_wrong_parameter_is_400_and_named(api, query, name, reason):
    asked = {"minDate": "0", "maxDate": "10"} | query
    answer = api.call("GET", "/leads?" + "&".join(f"{key}={value}" for key, value in asked.items()))
    assert answer.status == 400
    assert answer.data["errors"] == [{"name": name, "reason": reason}]
    assert answer.data["errorSource"] == "requestParameter"


def test_a_window_of_seven_days_is_allowed(api):
    assert api.page(0, 7 * DAY).status == 200


@pytest.mark.parametrize(("last", "links"), [("absent", {}), ("null", {"next": None}), ("none", None)])
def test_the_last_page_may_say_in_three_ways_that_it_is_the_last(box, api, noon, last, links):
    box.set_aviv_readings(links_last=last)
    add_at(box, noon)
    assert api.page(noon, noon).data.get("links") == links


def test_links_may_be_relative(box, api, noon):
    box.set_aviv_readings(links_form="relative")
    known = add_at(box, noon, noon + 1)
    assert api.page(noon, noon + 1, limit=1).data["links"]["next"].startswith(f"{box.aviv.prefix}/leads?")
    assert api.ids(noon, noon + 1, limit=1) == known


def test_a_full_page_may_promise_a_next_one_that_is_empty(box, api, noon):
    box.set_aviv_readings(next_when="full")
    known = add_at(box, noon, noon + 1)
    assert "next" in api.page(noon, noon + 1, limit=2).data["links"]
    assert api.ids(noon, noon + 1, limit=2) == known


@pytest.mark.parametrize(
    ("empty", "status", "body"),
    [
        ("items", 200, {"metadata": {"limit": 100, "count": 0, "totalCount": 0}, "links": {}, "items": []}),
        ("404", 404, "No lead in this period"),
        ("204", 204, None),
    ],
)
def test_an_empty_period_may_be_told_in_three_ways(box, api, noon, empty, status, body):
    box.set_aviv_readings(empty=empty)
    answer = api.page(noon, noon)
    assert answer.status == status
    if status == 204:
        assert answer.body == b""
    else:
        assert (answer.data["detail"] if status == 404 else answer.data) == body


def test_a_page_with_more_to_come_may_be_206(box, api, noon):
    box.set_aviv_readings(partial_206=True)
    add_at(box, noon, noon + 1)
    assert [api.page(noon, noon + 1, limit=limit).status for limit in (1, 2)] == [206, 200]


@pytest.mark.parametrize(("form", "told"), [("empty", {}), ("absent", None)])
def test_a_page_may_say_nothing_of_itself(box, api, noon, form, told):
    box.set_aviv_readings(page_metadata=form)
    assert api.page(noon, noon).data.get("metadata") == told


@pytest.mark.parametrize(("reading", "seen"), [("empty", 0), ("first", 2)])
def test_an_unknown_start_may_be_taken_otherwise(box, api, noon, reading, seen):
    box.set_aviv_readings(unknown_start=reading)
    add_at(box, noon, noon + 1)
    assert len(ids_of(api.page(noon, noon + 1, start="nothing"))) == seen


def test_the_default_page_may_be_smaller(box, api, noon):
    box.set_aviv_readings(limit_default=20)
    for _ in range(21):
        add_at(box, noon)
    assert len(ids_of(api.page(noon, noon))) == 20


def test_a_late_lead_is_seen_when_it_appears_with_its_earlier_ingestion_date(box, api, noon):
    late = id_of(box.add_aviv_lead(ingested_at=noon, appears_in=100))
    assert api.ids(noon, noon) == []
    assert api.call("GET", f"/leads/{late}").status == 404
    box.clock.advance(101)
    assert api.ids(noon, noon) == [late]
    assert api.call("GET", f"/leads/{late}").data["metadata"]["ingestionDate"] == noon


def test_history_may_go_back_a_limited_time(box, api, noon):
    box.set_aviv_readings(history_days=1)
    add_at(box, noon)
    fresh = add_at(box, noon + DAY + 60)
    assert api.ids(noon - DAY, noon + 2 * DAY) == fresh


def test_an_expired_lead_is_gone_unless_its_ttl_cannot_be_meant(box, api, noon):
    past = id_of(box.add_aviv_lead(ingested_at=noon, TTL=noon + 10))
    odd = id_of(box.add_aviv_lead(ingested_at=noon, TTL=noon))
    assert api.ids(noon, noon) == [odd]
    assert [api.call("GET", f"/leads/{lead}").status for lead in (past, odd)] == [404, 200]
    box.set_aviv_readings(ttl_expires=False)
    assert sorted(api.ids(noon, noon)) == sorted([past, odd])


def test_leads_that_arrive_between_pages_double_nothing(box, api, noon):
    first = add_at(box, noon, noon + 1, noon + 2)
    page = api.page(noon, noon + 10, limit=2)
    add_at(box, noon)
    last = add_at(box, noon + 3)
    following = api.page(noon, noon + 10, start=ids_of(page)[-1])
    assert ids_of(page) + ids_of(following) == first + last
