from __future__ import annotations

import json

from django.urls import reverse
from django.utils import timezone

from integrations.leadpro.fields import FIELDS, Access, Call, writable
from leads.models import Change, Lead, Office, Push, Status
from tests.admin.conftest import DERBY, NOTTINGHAM
from tests.admin.pages import bells_but_readers, filled, form_of, list_of, messages_of, page_of, text

NEW = {
    "type": "sale",
    "first_name": "Grace",
    "last_name": "Example",
    "email": "grace@example.org",
    "phone": "07700 900456",
    "advert_address": "1 Example Street",
    "advert_postcode": "DE1 1JX",
}
ADD = "admin:leads_lead_add"


def test_the_create_form_asks_for_exactly_the_fields_that_a_create_takes(manager, account):
    form = form_of(manager.get(reverse(ADD)))
    assert set(form.fields) - {"base", "once"} == {f.name for f in writable(Call.CREATE)}


def test_the_change_form_has_inputs_for_exactly_the_fields_that_an_update_takes(manager, mirror):
    answer = manager.get(page_of(mirror()))
    assert set(form_of(answer).fields) - {"base"} == {f.name for f in writable(Call.UPDATE)}
    cells = {cell.name: cell for _, group in answer.context["groups"] for cell in group}
    for name, field in FIELDS.items():
        if name in cells:
            is_input = field.access in {Access.PATCHABLE, Access.APPEND_ONLY, Access.WRITE_ONLY}
            assert (cells[name].input is not None) == is_input, name


def test_a_new_lead_is_saved_with_its_push_and_the_page_of_the_lead_follows(manager, account, rung):
    answer = manager.post(
        reverse(ADD),
        {
            **NEW,
            "questionnaire-0": ["Budget?", ""],
            "questionnaire-1": ["300k", ""],
            "meta-0": ["ref", ""],
            "meta-1": ["7", ""],
            "gdpr_checkbox": "true",
            "appointment_availability-0": ["2026-06-01T09:00"],
        },
    )
    lead, push = Lead.objects.get(), Push.objects.get()
    assert answer.url == page_of(lead)
    assert (lead.email, lead.origin, lead.sync_state) == ("grace@example.org", "admin", "pending")
    assert (lead.questionnaire, lead.meta, lead.gdpr_checkbox) == ([["Budget?", "300k"]], {"ref": "7"}, True)
    assert lead.appointment_availability == {"hours": ["2026-06-01T08:00:00.000Z"]}
    assert (push.kind, push.state, push.actor) == ("create", "waiting", "admin-")
    assert push.payload["first_name"] == "Grace"
    assert "international" not in push.payload
    assert rung == [("leads.deliver_pushes", {"connection_id": account.pk})]
    assert Change.objects.get().actor == "admin-"
    assert "Saved. Sending to Lead.pro…" in text(manager.get(page_of(lead)))


def test_what_is_wrong_is_said_at_the_field_and_nothing_is_saved(manager, account, rung):
    answer = manager.post(
        reverse(ADD),
        {
            **NEW,
            "first_name": "x" * 51,
            "email": "no-address",
            "phone": "",
            "meta-0": ["leadmirror"],
            "meta-1": ["mine"],
        },
    )
    errors = form_of(answer).errors
    assert set(errors) == {"first_name", "email", "phone", "meta"}
    assert "50" in errors["first_name"][0]
    for sentence in errors.values():
        assert sentence[0] in text(answer).replace("&#x27;", "'").replace("&quot;", '"')
    assert (Lead.objects.count(), Push.objects.count(), rung) == (0, 0, [])


def test_an_unknown_office_is_refused_by_the_server_too(manager, account):
    answer = manager.post(reverse(ADD), {**NEW, "office_id": "999"})
    assert list(form_of(answer).errors) == ["office_id"]


def test_the_other_address_pair_is_taken_with_a_warning(manager, account):
    data = {name: value for name, value in NEW.items() if not name.startswith("advert")}
    answer = manager.post(
        reverse(ADD), {**data, "address": "1 Example Street", "postcode": "DE1 1JX"}, follow=True
    )
    lead = Lead.objects.get()
    assert lead.warnings
    assert lead.warnings[0] in messages_of(answer) or lead.warnings[0] in text(answer)


def test_only_what_the_person_changed_is_sent(manager, mirror, rung, account):
    lead = mirror(address="1  Example\nStreet ", postcode="De1 1JX")
    answer = manager.post(page_of(lead), filled(manager.get(page_of(lead)), status="Contacted"))
    push = Push.objects.get()
    assert answer.url == page_of(lead)
    assert list(push.edits) == ["status"]
    assert (push.edits["status"]["base"], push.edits["status"]["mine"]) == ("New", "Contacted")
    assert bells_but_readers(rung) == [("leads.deliver_pushes", {"connection_id": account.pk})]
    lead.refresh_from_db()
    assert (lead.status, lead.address, lead.pending) == (
        "Contacted",
        "1  Example\nStreet ",
        {"status": "New"},
    )
    page = text(manager.get(page_of(lead)))
    assert "Lead.pro still shows:" in page


def test_saving_an_untouched_form_sends_nothing(manager, mirror, rung):
    lead = mirror(next_action_date=None, meta={"a": "b"}, gdpr_checkbox=False, questionnaire=[["Q", "A"]])
    Lead.objects.filter(pk=lead.pk).update(next_action_date=timezone.now())
    answer = manager.post(page_of(lead), filled(manager.get(page_of(lead))), follow=True)
    assert messages_of(answer) == ["Nothing to save: no field was changed."]
    assert (Push.objects.count(), bells_but_readers(rung)) == (0, [])


def test_a_field_that_moved_meanwhile_is_not_overwritten_unseen(manager, mirror):
    lead = mirror()
    stale = filled(manager.get(page_of(lead)), status="Contacted")
    Status.objects.create(
        connection=Status.objects.first().connection, status_id=30, name="Lost", seen_at=timezone.now()
    )
    Lead.objects.filter(pk=lead.pk).update(status="Lost")
    answer = manager.post(page_of(lead), stale)
    error = form_of(answer).errors["status"][0]
    assert "it was “New” and is now “Lost”" in error
    assert not Push.objects.exists()
    again = {**stale, "base": form_of(answer).data["base"]}
    manager.post(page_of(lead), again)
    assert Push.objects.get().edits["status"]["mine"] == "Contacted"


def test_a_field_that_moved_meanwhile_and_was_not_touched_stays_as_it_moved(manager, mirror):
    lead = mirror(postcode="DE1 1JX")
    stale = filled(manager.get(page_of(lead)), postcode="NG1 1AA")
    Lead.objects.filter(pk=lead.pk).update(status="Lost")
    manager.post(page_of(lead), stale)
    assert set(Push.objects.get().edits) == {"postcode"}
    assert Lead.objects.get().status == "Lost"


def test_answers_are_added_and_never_replaced(manager, mirror):
    lead = mirror(questionnaire=[["Budget?", "300k"]])
    data = filled(
        manager.get(page_of(lead)), **{"questionnaire-0": ["Pets?", ""], "questionnaire-1": ["No", ""]}
    )
    manager.post(page_of(lead), data)
    assert Lead.objects.get().questionnaire == [["Budget?", "300k"], ["Pets?", "No"]]
    assert Push.objects.get().edits["questionnaire"] == {"pairs": [["Pets?", "No"]]}


def test_read_only_fields_in_the_body_change_nothing(manager, mirror, account):
    lead = mirror()
    data = filled(
        manager.get(page_of(lead)),
        email="evil@example.org",
        leadpro_id="1",
        sync_state="gone",
        source="x",
        origin="api",
        version="99",
        connection="7",
        token="mine",
        status="Contacted",
    )
    data["base"] = json.dumps({**json.loads(data["base"]), "email": "x", "source": "y"})
    manager.post(page_of(lead), data)
    lead.refresh_from_db()
    assert (lead.email, lead.leadpro_id, lead.source, lead.origin) == (
        "ada@example.org",
        18376,
        "rightmove",
        "leadpro",
    )
    assert set(Push.objects.get().edits) == {"status"}


def test_a_refused_create_can_be_mended_in_every_field_and_goes_out_again(manager, account, rung):
    manager.post(reverse(ADD), NEW)
    lead, push = Lead.objects.get(), Push.objects.get()
    Push.objects.update(
        state="needs_attention",
        problem="Lead.pro refused: phone is not a phone number.",
        problem_field="phone",
        problem_code="refused",
    )
    Lead.objects.update(sync_state="needs_attention")
    answer = manager.get(page_of(lead))
    assert "phone" in form_of(answer).fields
    cells = {cell.name: cell for _, group in answer.context["groups"] for cell in group}
    assert "phone is not a phone number" in cells["phone"].note
    manager.post(page_of(lead), filled(answer, phone="07700 900999"))
    push.refresh_from_db()
    assert (push.state, push.payload["phone"]) == ("waiting", "07700 900999")
    assert Push.objects.count() == 1


def test_a_lead_that_is_gone_from_lead_pro_has_no_inputs(manager, mirror, account):
    lead = mirror()
    Lead.objects.update(sync_state="gone")
    answer = manager.get(page_of(lead))
    assert not answer.context["editable"]
    assert 'name="status"' not in text(answer)
    assert "Save and send" not in text(answer)


def test_a_lead_that_is_only_here_is_changed_here_and_nothing_is_sent(manager, mirror, account):
    lead = mirror()
    lead.copies.all().delete()
    Lead.objects.update(leadpro_id=None, sync_state="local")
    answer = manager.get(page_of(lead))
    assert answer.context["editable"]
    manager.post(page_of(lead), filled(answer, phone="07700 900999"))
    lead.refresh_from_db()
    assert (lead.phone, lead.sync_state, Push.objects.count()) == ("07700 900999", "local", 0)


def test_an_instant_valuation_is_asked_for_from_a_lead(manager, mirror):
    lead = mirror(type="vendor", address="1 Example Street", postcode="DE1 1JX", phone="07700 900123")
    url = f"{reverse('admin:leads_lead_valuation')}?from={lead.pk}"
    answer = manager.get(url)
    form = form_of(answer)
    assert set(form.fields) - {"base", "once"} == {f.name for f in writable(Call.VALUATION)}
    assert [value for value, _ in form.fields["type"].words] == ["vendor", "landlord"]
    assert (form.initial["email"], form.initial["address"]) == ("ada@example.org", "1 Example Street")
    assert Push.objects.count() == 0
    manager.post(url, filled(answer, property_bedrooms="3"))
    push = Push.objects.get()
    assert (push.kind, push.payload["property_bedrooms"], push.payload["type"]) == ("valuation", 3, "vendor")


def test_a_valuation_is_for_vendors_and_landlords(manager, account):
    answer = manager.post(reverse("admin:leads_lead_valuation"), {**NEW, "type": "sale"})
    assert "type" in form_of(answer).errors
    assert not Push.objects.exists()


def test_the_six_figures_stand_in_a_panel(manager, mirror):
    lead = mirror(average_sale_estimation=285000, minimum_rent_estimation=1008, valuation_status="Success")
    page = text(manager.get(page_of(lead)))
    assert "£285,000" in page
    assert "£1,008" in page


def test_a_status_is_set_for_many_leads_in_two_steps(manager, mirror, rung):
    leads = [mirror(number) for number in (1, 2, 3)]
    done = mirror(4, status="Contacted")
    ids = [lead.pk for lead in (*leads, done)]
    first = manager.post(
        list_of("lead"), {"action": "set_status_selected", "_selected_action": ids, "index": "0"}
    )
    assert "Set the status of 4 leads" in text(first)
    assert not Push.objects.exists()
    second = manager.post(
        list_of("lead"),
        {
            "action": "set_status_selected",
            "_selected_action": ids,
            "set_status": "1",
            "_form_submitted": "True",
            "status": "Contacted",
        },
        follow=True,
    )
    assert Push.objects.count() == 3
    assert messages_of(second) == [
        "Saved for 3 leads. Sending to Lead.pro…",
        "1 lead had this status already.",
    ]
    assert len(rung) == 3


def test_the_status_dialog_of_a_row_saves_on_post_only(manager, mirror):
    lead = mirror()
    url = reverse("admin:leads_lead_status_row", args=[lead.pk])
    assert "Save and send" in text(manager.get(url))
    assert not Push.objects.exists()
    answer = manager.post(url, {"_form_submitted": "True", "status": "Contacted"})
    assert answer.headers["HX-Redirect"] == page_of(lead)
    assert Push.objects.get().edits["status"]["mine"] == "Contacted"


def test_an_office_that_is_gone_is_not_offered_but_stays_readable(manager, mirror):
    lead = mirror(office_id=DERBY, office_name="Derby")
    Office.objects.filter(office_id=DERBY).update(is_gone=True)
    choices = [value for value, _ in form_of(manager.get(page_of(lead))).fields["office_id"].words]
    assert choices == [str(NOTTINGHAM), str(DERBY)]
