"""Erasures at a portal: proven twice, then done here, and for good; what was handed on waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leads.models import Change, Copy, Delivery, Erasure, Lead, Push, Window
from leads.sync import erasing
from leads.sync.storing import Seen, store
from tests.sync import avivs
from tests.sync.avivs import HOUR, NOON, erased, lead_object, read
from tests.sync.payloads import lead_object as leadpro_object

pytestmark = pytest.mark.django_db


@pytest.fixture
def aviv():
    return avivs.connection()


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
        payload={"first_name": "Ada", "office_id": 375},
        created_at=NOON,
        due_at=NOON,
    )
    shown = leadpro_object(7, meta={"leadmirror": push.token}, first_name="Ada", last_name="Example1")
    store(leadpro, [Seen(shown, NOON)], "push", now=NOON)
