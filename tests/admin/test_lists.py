from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leads.models import Lead, Push
from tests.admin.conftest import DERBY, HOSTILE, NOTTINGHAM
from tests.admin.pages import MODELS_FOR_ADMINS, MODELS_FOR_ALL, list_of, text


def names(answer):
    return [lead.last_name for lead in answer.context["cl"].result_list]


def queries_of(client, url):
    with CaptureQueriesContext(
        database,
    ) as caught:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in caught.captured_queries]


def test_the_lead_list_takes_as_many_queries_for_fifty_leads_as_for_two(manager, mirror):
    for number in range(2):
        mirror(100 + number)
    manager.get(list_of("lead"))
    few = queries_of(manager, list_of("lead"))
    for number in range(2, 50):
        mirror(100 + number)
    many = queries_of(manager, list_of("lead"))
    assert len(many) == len(few) <= 16


def test_the_lead_list_counts_once_and_never_looks_for_distinct_values(manager, mirror):
    mirror()
    queries = queries_of(manager, list_of("lead"))
    lead_counts = [q for q in queries if "COUNT(*)" in q and "leads_lead" in q and "sync_state" not in q]
    assert len(lead_counts) == 1
    assert not [q for q in queries if "DISTINCT" in q and "leads_lead" in q]


def test_the_lead_list_leaves_heavy_columns_in_the_database(manager, mirror):
    mirror(message="a very long message")
    page = next(q for q in queries_of(manager, list_of("lead")) if "ORDER BY" in q and "seen_at" in q)
    assert '"message"' not in page
    assert '"questionnaire"' not in page


@pytest.mark.parametrize(
    "typed",
    [
        "07700900123",
        "+44 7700 900123",
        "07700 900123",
        "0044 7700 900 123",
        "ADA@example.org",
        "ada exam",
        "#18376",
        "18376",
        "de1 1jx",
        "DE11JX",
        "Example Street",
    ],
)
def test_a_lead_is_found_however_it_is_typed(manager, mirror, typed):
    mirror(phone="07700 900123", postcode="De1 1JX", address="1 Example Street")
    mirror(
        18377,
        first_name="Grace",
        last_name="Other",
        full_name="Grace Other",
        email="g@example.com",
        phone="01632 960001",
    )
    assert names(manager.get(list_of("lead"), {"q": typed})) == ["Example"]


def test_filters_narrow_the_list(manager, mirror):
    mirror(1, last_name="One", type="sale", status="New", office_id=NOTTINGHAM, source="rightmove")
    mirror(2, last_name="Two", type="let", status="Contacted", office_id=DERBY, source="something_new")
    url = list_of("lead")
    for query, expected in [
        ({"type": "sale"}, ["One"]),
        ({"type": ["sale", "let"]}, ["Two", "One"]),
        ({"status": "Contacted"}, ["Two"]),
        ({"office": str(DERBY)}, ["Two"]),
        ({"source": "rightmove"}, ["One"]),
        ({"source": "~other"}, ["Two"]),
        ({"state": "in_sync"}, ["Two", "One"]),
        ({"state": "needs_attention"}, []),
        ({"origin": "leadpro"}, ["Two", "One"]),
        ({"type": "<nothing>"}, []),
    ]:
        assert names(manager.get(url, query)) == expected, query


def test_days_of_enquiry_include_both_ends(manager, mirror):
    mirror(1, last_name="One", created_at="2026-02-24T23:59:00.000Z")
    mirror(2, last_name="Two", created_at="2026-02-25T12:00:00.000Z")
    query = {"listed_at_from": "2026-02-25", "listed_at_to": "2026-02-25"}
    assert names(manager.get(list_of("lead"), query)) == ["Two"]
    assert names(manager.get(list_of("lead"), {"listed_at_from": "no day"})) == ["Two", "One"]


def test_hostile_text_is_shown_as_text_in_every_list(manager, mirror, account):
    lead = mirror(
        full_name=HOSTILE,
        last_name=HOSTILE,
        email=HOSTILE,
        type=HOSTILE,
        status=HOSTILE,
        stage=HOSTILE,
        source=HOSTILE,
        office_name=HOSTILE,
    )
    Lead.objects.filter(pk=lead.pk).update(problem=HOSTILE, sync_state="needs_attention")
    now = timezone.now()
    Push.objects.create(
        lead=lead,
        connection=account,
        kind="update",
        state="needs_attention",
        problem=HOSTILE,
        created_at=now,
        due_at=now,
    )
    for model in ("lead", "push"):
        page = text(manager.get(list_of(model)))
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page


def test_every_list_opens_for_an_administrator_with_nothing_in_it_and_with_something(manager, mirror):
    for model in (*MODELS_FOR_ALL, *MODELS_FOR_ADMINS):
        assert manager.get(list_of(model)).status_code == 200, model
    mirror()
    for model in (*MODELS_FOR_ALL, *MODELS_FOR_ADMINS):
        assert manager.get(list_of(model)).status_code == 200, model


def test_the_push_list_asks_no_query_per_row(manager, mirror, account):
    now = timezone.now()

    def push(number):
        Push.objects.create(
            lead=mirror(number),
            connection=account,
            kind="update",
            state="done",
            remote_id=str(number),
            created_at=now,
            due_at=now - timedelta(days=1),
            edits={"status": {"mine": "New"}},
        )

    push(1)
    manager.get(list_of("push"))
    few = len(queries_of(manager, list_of("push")))
    for number in range(2, 20):
        push(number)
    assert len(queries_of(manager, list_of("push"))) == few


def test_the_dashboards_links_lead_to_what_they_count(manager, mirror, account):
    now = timezone.now()
    mirror(2)
    Lead.objects.update(sync_state="needs_attention")
    Push.objects.create(
        lead=mirror(1), connection=account, kind="update", state="unclear", created_at=now, due_at=now
    )
    numbers = {n["words"]: n for n in manager.get("/admin/").context["numbers"]}
    assert (numbers["Unclear"]["value"], numbers["Need attention"]["value"]) == ("1", "1")
    assert [p.state for p in manager.get(numbers["Unclear"]["url"]).context["cl"].result_list] == ["unclear"]
    assert [
        p.leadpro_id for p in manager.get(numbers["Need attention"]["url"]).context["cl"].result_list
    ] == [2]


def test_the_dashboard_takes_as_many_queries_for_many_leads_as_for_one(manager, mirror):
    mirror(1)
    manager.get("/admin/")
    few = len(queries_of(manager, "/admin/"))
    for number in range(2, 30):
        mirror(number)
    assert len(queries_of(manager, "/admin/")) == few <= 26
