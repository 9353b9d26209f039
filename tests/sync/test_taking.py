"""A page of portal leads in one transaction: leads, copies, history and the cursor, and nothing twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leads.models import Change, Copy, Delivery, Erasure, Lead, Push, Window
from leads.sync import erasing
from leads.sync.storing import Seen, store
from leads.sync.taking import Overtaken, Page, take
from tests.sync import avivs
from tests.sync.avivs import HOUR, NOON, erased, lead_object, read
from tests.sync.payloads import lead_object as leadpro_object

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
    assert read(aviv, [lead_object(1, message="Older")], NOON - HOUR) == {"older": 1}
    assert Lead.objects.get().message == "Bonjour"


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


def test_one_read_that_shows_nobody_erases_nothing_and_asks_for_a_second_one(aviv):
    read(aviv, [lead_object(1)])
    assert read(aviv, [erased(lead_object(1))], NOON + HOUR) == {"suspected": 1}
    lead = Lead.objects.get()
    assert (lead.first_name, lead.message) == ("Ada", "Bonjour")
    assert Copy.objects.get().raw == lead_object(1)
    assert Window.objects.get(kind=Window.SPAN).due_at == NOON + HOUR + timedelta(minutes=61)


def test_a_second_read_within_the_hour_proves_nothing(aviv):
    read(aviv, [lead_object(1)])
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    assert read(aviv, [erased(lead_object(1))], NOON + 2 * HOUR - timedelta(seconds=1)) == {"suspected": 1}
    assert Lead.objects.count() == 1


def test_two_reads_an_hour_apart_erase_the_lead_and_it_stays_so(aviv):
    read(aviv, [lead_object(1), lead_object(2)])
    lead = Lead.objects.get(last_name="Example1")
    hint = Delivery.objects.create(
        connection=aviv, received_at=NOON, due_at=NOON, body={"data": lead_object(1)}, state=Delivery.DONE
    )
    other = Delivery.objects.create(
        connection=aviv, received_at=NOON, due_at=NOON, body={"data": lead_object(2)}
    )
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    assert read(aviv, [erased(lead_object(1)), lead_object(2)], NOON + 2 * HOUR) == {
        "erased": 1,
        "unchanged": 1,
    }
    assert list(Lead.objects.values_list("last_name", flat=True)) == ["Example2"]
    assert Copy.objects.count() == 1
    rows = list(Change.objects.filter(lead_id=lead.pk).order_by("id"))
    assert [(row.cause, row.fields) for row in rows] == [("pull", {}), ("erased", {})]
    hint.refresh_from_db()
    other.refresh_from_db()
    assert hint.body == {}
    assert other.body == {"data": lead_object(2)}
    assert read(aviv, [lead_object(1)], NOON + 3 * HOUR) == {"kept_out": 1}
    assert Lead.objects.count() == 1
    assert "lead-1" not in str(Erasure.objects.values())


def test_a_person_who_is_shown_again_was_never_erased(aviv):
    read(aviv, [lead_object(1)])
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    read(aviv, [lead_object(1)], NOON + 2 * HOUR)
    assert Erasure.objects.count() == 0
    assert read(aviv, [erased(lead_object(1))], NOON + 3 * HOUR) == {"suspected": 1}
    assert Lead.objects.count() == 1


def test_a_tracked_call_that_never_had_a_person_is_never_erased(aviv):
    call = erased(lead_object(1, category="CALL_TRACKING")) | {
        "callDetails": {"seekerPhoneNumber": "+33639980199"}
    }
    read(aviv, [call])
    for hours in range(1, 6):
        longer = call | {"callDetails": {"seekerPhoneNumber": "+33639980199", "duration": hours}}
        assert read(aviv, [longer], NOON + hours * HOUR) == {"changed": 1}
    assert Lead.objects.count() == 1
    assert Erasure.objects.count() == 0


def test_a_lead_handed_on_keeps_what_leadpro_shows_and_waits_for_a_person(aviv, leadpro):
    read(aviv, [lead_object(1)])
    lead = Lead.objects.get()
    hand_over(lead, leadpro)
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    read(aviv, [erased(lead_object(1))], NOON + 2 * HOUR)
    lead.refresh_from_db()
    assert lead.last_name == "Example1"
    assert lead.property_reference is None
    assert list(Copy.objects.values_list("connection__remote", flat=True)) == ["leadpro"]
    assert "AVIV Seeker Leads has erased the person" in lead.warnings[0]
    waiting = Erasure.objects.to_decide().get()
    assert (waiting.lead, waiting.places) == (lead, ["Lead.pro"])
    assert Change.objects.filter(connection=aviv).exclude(fields={}).count() == 1
    push = Push.objects.get()
    assert (push.state, push.payload, push.remote_id) == ("done", {}, "7")
    assert Change.objects.order_by("id").last().fields["property_reference"] == [None, None]


def test_a_person_may_keep_a_lead_that_was_handed_on(aviv, leadpro):
    erasure, lead = erased_and_handed_on(aviv, leadpro)
    erasing.decide(erasure.pk, Erasure.KEEP, "ada", NOON + 3 * HOUR)
    lead.refresh_from_db()
    assert lead.warnings == []
    assert Erasure.objects.to_decide().count() == 0
    with pytest.raises(erasing.AlreadyDecided):
        erasing.decide(erasure.pk, Erasure.ERASE, "bob", NOON + 4 * HOUR)


def test_or_erase_it_here_too(aviv, leadpro):
    erasure, lead = erased_and_handed_on(aviv, leadpro)
    erasing.decide(erasure.pk, Erasure.ERASE, "ada", NOON + 3 * HOUR)
    assert Lead.objects.count() == 0
    assert set(Change.objects.filter(lead_id=lead.pk).values_list("cause", flat=True)) >= {"erased"}
    assert not Change.objects.filter(lead_id=lead.pk).exclude(fields={}).exists()
    assert read(aviv, [lead_object(1)], NOON + 4 * HOUR) == {"kept_out": 1}


def test_what_waits_to_be_sent_is_discarded_with_an_erased_person(aviv, leadpro):
    read(aviv, [lead_object(1)])
    lead = Lead.objects.get()
    Push.objects.create(
        lead=lead,
        connection=leadpro,
        kind=Push.CREATE,
        payload={"first_name": "Ada"},
        created_at=NOON,
        due_at=NOON,
    )
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    read(aviv, [erased(lead_object(1))], NOON + 2 * HOUR)
    assert Lead.objects.count() == 0
    assert Push.objects.count() == 0


def test_a_lead_past_its_time_is_erased_and_not_taken_in_again(aviv):
    soon = int((NOON + HOUR).timestamp())
    read(aviv, [lead_object(1, TTL=soon), lead_object(2)])
    assert erasing.expire_due(aviv, NOON + 2 * HOUR) == 1
    assert erasing.expire_due(aviv, NOON + 2 * HOUR) == 0
    assert list(Lead.objects.values_list("last_name", flat=True)) == ["Example2"]
    assert read(aviv, [lead_object(1, TTL=soon), lead_object(3, TTL=soon)], NOON + 3 * HOUR) == {
        "kept_out": 2
    }


def test_a_time_that_is_not_after_the_arrival_is_told_and_not_acted_on(aviv):
    read(aviv, [lead_object(1, TTL=int((NOON - HOUR).timestamp())), lead_object(2, TTL=0)])
    assert erasing.expire_due(aviv, NOON + timedelta(days=9999)) == 0
    assert all("TTL is not acted on" in lead.warnings[0] for lead in Lead.objects.all())
    assert Lead.objects.count() == 2


def erased_and_handed_on(aviv, leadpro):
    read(aviv, [lead_object(1)])
    lead = Lead.objects.get()
    hand_over(lead, leadpro)
    read(aviv, [erased(lead_object(1))], NOON + HOUR)
    read(aviv, [erased(lead_object(1))], NOON + 2 * HOUR)
    return Erasure.objects.get(), lead


def hand_over(lead, leadpro):
    """A push of the lead to Lead.pro that was answered."""
    push = Push.objects.create(
        lead=lead,
        connection=leadpro,
        kind=Push.CREATE,
        state=Push.SENDING,
        payload={"first_name": "Ada"},
        created_at=NOON,
        due_at=NOON,
    )
    shown = leadpro_object(7, meta={"leadmirror": push.token}, first_name="Ada", last_name="Example1")
    store(leadpro, [Seen(shown, NOON)], "push", now=NOON)


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
