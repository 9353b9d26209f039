"""A page of portal leads in one transaction: leads, copies, history and the cursor, and nothing twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leads.models import Change, Copy, Lead, Push, Window
from leads.sync.taking import Overtaken, Page, take
from tests.sync import avivs
from tests.sync.avivs import HOUR, NOON, lead_object, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def aviv():
    return avivs.connection()


def test_a_new_lead_becomes_lead_copy_and_history(aviv):
    assert read(aviv, [lead_object(1)]) == {"created": 1}
    lead = Lead.objects.get()
    assert (lead.origin, lead.sync_state, lead.leadpro_id) == ("aviv", "local", None)
    assert (lead.first_name, lead.last_name, lead.email) == ("Ada", "Example1", "p1@example.org")
    assert (lead.phone, lead.phone_key, lead.property_reference) == ("+33639980123", "+33639980123", "VT-1")
    assert lead.listed_at == lead.created_at == NOON - HOUR
    assert lead.meta["aviv_portal"] == "SLG-FRA"
    assert lead.meta["aviv_lead_id"] == "lead-1"
    copy = Copy.objects.get()
    assert (copy.remote_id, copy.raw, copy.refresh_class) == ("lead-1", lead_object(1), None)
    assert copy.expires_at == NOON - HOUR + timedelta(days=1096)
    change = Change.objects.get()
    assert (change.cause, change.connection_id) == ("pull", aviv.pk)
    assert change.fields["last_name"] == [None, "Example1"]


def test_the_same_page_again_changes_nothing_but_seen_at(aviv):
    read(aviv, [lead_object(1), lead_object(2)])
    before = list(Lead.objects.order_by("id").values())
    assert read(aviv, [lead_object(2), lead_object(1)], NOON + HOUR) == {"unchanged": 2}
    assert list(Lead.objects.order_by("id").values()) == before
    assert set(Copy.objects.values_list("seen_at", flat=True)) == {NOON + HOUR}
    assert Change.objects.count() == 2


def test_a_lead_that_stands_twice_on_a_page_is_one_lead(aviv):
    assert read(aviv, [lead_object(1), lead_object(1)]) == {"created": 1}


def test_older_news_is_ignored(aviv):
    read(aviv, [lead_object(1)])
    older = [lead_object(1, message="Older")]
    assert read(aviv, older, NOON - HOUR, now=NOON) == {"older": 1}
    assert Lead.objects.get().message == "Bonjour"


def test_a_read_by_a_host_whose_clock_was_ahead_hides_no_news(aviv):
    read(aviv, [lead_object(1)], NOON + HOUR)
    assert read(aviv, [lead_object(1, message="Newer")], NOON) == {"changed": 1}
    assert Lead.objects.get().message == "Newer"


def test_what_a_person_typed_over_stays_when_aviv_shows_something_new(aviv):
    read(aviv, [lead_object(1)])
    Lead.objects.update(message="Called her, wants to see it on Friday")
    read(aviv, [lead_object(1, message="Salut", firstName="Adele")], NOON + HOUR)
    lead = Lead.objects.get()
    assert (lead.message, lead.first_name, lead.version) == (
        "Called her, wants to see it on Friday",
        "Adele",
        2,
    )


def test_an_unusable_item_is_counted_and_stops_nothing(aviv):
    assert read(aviv, [{"metadata": {}}, lead_object(1)]) == {"created": 1, "unusable": 1}


def test_the_cursor_moves_with_the_page_and_never_for_a_second_reader(aviv):
    window = Window.objects.create(
        connection=aviv, kind=Window.RUN, since=NOON - 24 * HOUR, until=NOON, due_at=NOON
    )
    assert window.begin(NOON)
    window.refresh_from_db()
    other = Window.objects.get()
    take(window, Page([lead_object(1)], NOON, "lead-1"), NOON)
    with pytest.raises(Overtaken):
        take(other, Page([lead_object(2)], NOON, "lead-2"), NOON)
    kept = Window.objects.get(kind=Window.RUN)
    assert (kept.start, kept.seen, kept.read_at) == ("lead-1", 1, None)
    assert Lead.objects.count() == 1


def test_a_span_that_holds_leads_is_read_again_within_thirty_days(aviv):
    read(aviv, [lead_object(1)])
    span = Window.objects.get(kind=Window.SPAN)
    assert span.since <= NOON - HOUR < span.until
    assert span.due_at - NOON <= timedelta(days=30)
    span.begin(NOON + timedelta(days=20))
    span.refresh_from_db()
    take(span, Page([lead_object(1)], NOON + timedelta(days=20), None), NOON + timedelta(days=20))
    span.refresh_from_db()
    assert span.due_at - span.read_at <= timedelta(days=30)


def test_a_span_that_one_reading_shows_empty_is_still_read_again(aviv):
    read(aviv, [lead_object(1)])
    span = Window.objects.get(kind=Window.SPAN)
    span.begin(NOON + timedelta(days=20))
    span.refresh_from_db()
    take(span, Page([], NOON + timedelta(days=20), None), NOON + timedelta(days=20))
    span.refresh_from_db()
    assert span.due_at == NOON + timedelta(days=48)


def test_a_lead_that_we_submitted_is_known_by_its_content_when_it_comes_back(aviv):
    mine = Lead.objects.create(
        origin="api",
        last_name="Example7",
        listed_at=NOON,
        first_seen_at=NOON,
        changed_at=NOON,
        sync_state="local",
    )
    push = Push.objects.create(
        lead=mine,
        connection=aviv,
        kind=Push.SUBMIT,
        state=Push.DONE,
        payload={
            "lastName": "Example7",
            "email": "P7@example.org",
            "classifiedId": "26A1B2C3D4E5",
            "message": "Bonjour ",
            "phoneNumbers": [{"number": "+33639980123"}],
        },
        remote_reference="request-1",
        created_at=NOON,
        due_at=NOON,
    )
    assert read(aviv, [lead_object(7), lead_object(8)]) == {"changed": 1, "created": 1}
    push.refresh_from_db()
    assert push.remote_id == "lead-7"
    assert Copy.objects.get(remote_id="lead-7").lead == mine
    mine.refresh_from_db()
    assert (mine.origin, mine.last_name, mine.property_reference) == ("api", "Example7", "VT-7")
    assert read(aviv, [lead_object(7, message="Bonjour")], NOON + HOUR) == {"unchanged": 1}
