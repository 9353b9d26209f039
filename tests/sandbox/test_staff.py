"""What staff and portals do without the API, and the webhooks that tell of it."""

from collections.abc import Iterator

import pytest

from integrations.sandbox.leadpro.shape import HOOK_KEYS, KEYS
from tests.sandbox.api import ADA, wait_until
from tests.sandbox.listener import Listener


@pytest.fixture
def listener(box) -> Iterator[Listener]:
    with Listener() as running:
        box.set_webhook(running.url)
        yield running


def test_a_portal_lead_has_a_place_a_name_and_58_keys(box):
    lead = box.add_lead(first_name="Bo")
    assert tuple(lead) == KEYS
    assert (lead["full_name"], lead["office_name"], lead["status"]) == ("Bo Example", "Nottingham", "New")
    assert box.lead(lead["id"]) == lead


def test_a_portal_lead_may_name_its_id_its_time_and_its_status(box):
    lead = box.add_lead(id=30_000_000, created_at="2025-01-01T00:00:00.000Z", status="Lost")
    assert (lead["id"], lead["created_at"], lead["stage"]) == (
        30_000_000,
        "2025-01-01T00:00:00.000Z",
        "Business",
    )
    assert box.add_lead()["id"] > 30_000_000


def test_a_field_that_no_lead_has_is_an_error(box):
    lead = box.add_lead()
    with pytest.raises(ValueError, match="a lead has no colour"):
        box.add_lead(colour="red")
    with pytest.raises(ValueError, match="a lead has no colour"):
        box.staff_edit(lead["id"], colour="red")
    assert box.leads == [lead]


def test_staff_may_change_what_the_api_may_not(box, api):
    lead = box.add_lead()
    box.staff_edit(
        lead["id"], type="let", email="new@example.org", status="Lost", office_id=42, last_name="Other"
    )
    after = api.get(lead["id"]).data
    assert (after["type"], after["email"], after["full_name"]) == ("let", "new@example.org", "Ada Other")
    assert (after["stage"], after["office_name"]) == ("Business", "Banbury")
    assert api.find(email="new@example.org").data == [after]
    assert api.find(email=lead["email"]).data == []


def test_editing_a_lead_that_is_gone_is_an_error(box):
    with pytest.raises(KeyError):
        box.staff_edit(1, status="Lost")
    assert box.delete_lead(1) is False


def test_a_status_name_may_exist_twice(box, api):
    first, second = box.add_status("Hot", 50), box.add_status("Hot", 100)
    assert first != second
    lead = api.create().data
    api.patch(lead["id"], status=second)
    assert api.get(lead["id"]).data["stage"] == "In progress"


def test_webhooks_tell_of_portals_staff_and_the_api(box, api, listener):
    lead = box.add_lead()
    box.staff_edit(lead["id"], status="Contacted")
    made = api.create().data
    api.patch(made["id"], address="1 Road")
    wait_until(lambda: len(listener.received) == 4)
    assert listener.events == [
        ("lead.created", lead["id"]),
        ("lead.updated", lead["id"]),
        ("lead.created", made["id"]),
        ("lead.updated", made["id"]),
    ]
    assert listener.received[1]["data"] == box.lead(lead["id"])


def test_our_own_writes_may_send_no_webhook(box, api, listener):
    box.set_readings(hook_echo=False)
    made = api.create().data
    api.patch(made["id"], address="1 Road")
    lead = box.add_lead()
    wait_until(lambda: listener.received)
    assert listener.events == [("lead.created", lead["id"])]


def test_a_silent_portal_lead_and_a_deletion_send_nothing(box, listener):
    silent = box.add_lead(hook=False)
    box.delete_lead(silent["id"])
    lead = box.add_lead()
    wait_until(lambda: listener.received)
    assert listener.events == [("lead.created", lead["id"])]


def test_a_webhook_may_show_the_documented_rows_or_the_id_alone(box, listener):
    box.set_readings(hook_form="documented")
    box.add_lead()
    box.leadpro.readings.change(hook_form="id_only")
    lead = box.add_lead()
    wait_until(lambda: len(listener.received) == 2)
    assert set(listener.received[0]["data"]) == set(HOOK_KEYS)
    assert listener.received[1] == {"event": "lead.created", "data": {"id": lead["id"]}}


def test_webhooks_may_be_lost_or_sent_twice(box, listener):
    box.set_readings(hook_loss=1.0)
    box.add_lead()
    box.set_readings(hook_loss=0.0, hook_twice=1.0)
    lead = box.add_lead()
    wait_until(lambda: len(listener.received) == 2)
    assert listener.events == [("lead.created", lead["id"])] * 2
    assert box.stats()["webhooks"] == {"sent": 2, "failed": 0, "lost": 1}


def test_a_webhook_may_overtake_the_answer_to_our_own_post(box, api, listener):
    box.fault("hang", "POST", "/leads", applied=True, seconds=10)
    with pytest.raises(TimeoutError):
        api.call("POST", "/leads", {**ADA, "email": "overtaken@example.org"}, timeout=0.3)
    wait_until(lambda: listener.received)
    assert listener.received[0]["data"]["email"] == "overtaken@example.org"


def test_a_webhook_that_fails_is_not_sent_again(box):
    box.set_webhook("http://127.0.0.1:1/nobody")
    box.add_lead()
    wait_until(lambda: box.stats()["webhooks"]["failed"] == 1)
    with Listener() as listener:
        box.set_webhook(listener.url)
        lead = box.add_lead()
        wait_until(lambda: listener.received)
        assert listener.events == [("lead.created", lead["id"])]


def test_without_an_address_nothing_is_sent(box):
    box.add_lead()
    assert box.stats()["webhooks"] == {"sent": 0, "failed": 0, "lost": 0}


def test_a_webhook_address_is_http(box):
    with pytest.raises(ValueError, match="http://"):
        box.set_webhook("ftp://example.org/")
