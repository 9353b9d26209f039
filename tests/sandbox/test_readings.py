"""Every switch for what Lead.pro's documents leave open."""

import time

import pytest

from integrations.sandbox import Sandbox
from integrations.sandbox.leadpro.readings import CHOICES, Readings
from tests.sandbox.api import Api


def test_statuses_may_stand_at_another_path_and_in_an_envelope(box, api):
    box.set_readings(statuses_path="/lead/statuses", statuses_wrapped=True)
    assert api.call("GET", "/statuses").status == 404
    assert api.call("GET", "/lead/statuses").data["data"][0]["name"] == "New"


@pytest.mark.parametrize(("by", "taken", "refused"), [("name", "Contacted", 21), ("id", 21, "Contacted")])
def test_a_status_may_be_taken_in_one_form_only(box, api, by, taken, refused):
    box.set_readings(status_by=by)
    lead = api.create().data
    assert api.patch(lead["id"], status=refused).status == 422
    assert api.get(lead["id"]).data["status"] == "New"
    assert api.patch(lead["id"], status=taken).status == 200
    assert api.get(lead["id"]).data["status"] == "Contacted"


def test_strict_progression_keeps_a_lead_new(box, api):
    box.set_readings(strict_progression=True)
    lead = api.create().data
    assert api.patch(lead["id"], status="Contacted").status == 422
    box.staff_edit(lead["id"], status="Contacted")
    assert api.patch(lead["id"], status="Qualified").status == 200


def test_meta_may_be_replaced(box, api):
    box.set_readings(patch_meta="replace")
    lead = api.create(meta={"a": "1"}).data
    api.patch(lead["id"], meta={"b": "2"})
    assert api.get(lead["id"]).data["meta"] == {"b": "2"}


def test_names_may_be_left_out_of_a_patch(box, api):
    box.set_readings(patch_needs_names=False)
    lead = api.create().data
    assert api.call("PATCH", f"/leads/{lead['id']}", {"status": "Contacted"}).status == 200
    assert api.get(lead["id"]).data["full_name"] == "Ada Example"


def test_a_patch_may_answer_with_the_lead(box, api):
    box.set_readings(patch_answer="lead")
    lead = api.create().data
    assert api.patch(lead["id"], address="1 New Road").data == lead | {"address": "1 New Road"}


def test_a_patch_may_answer_with_nothing(box, api):
    box.set_readings(patch_answer="empty")
    lead = api.create().data
    answer = api.patch(lead["id"], address="1 New Road")
    assert (answer.status, answer.body) == (204, b"")
    assert api.get(lead["id"]).data["address"] == "1 New Road"


def test_a_patch_may_answer_with_broken_json_as_the_guide_prints_it(box, api):
    box.set_readings(patch_answer="echo_broken")
    lead = api.create().data
    answer = api.patch(lead["id"], address="1 New Road")
    assert answer.status == 200
    assert answer.body.endswith(b'"address": "1 New Road",\n}')


@pytest.mark.parametrize(
    ("form", "body", "kind"),
    [
        ("message", b'{"message":"type must be one of vendor, landlord"}', "application/json"),
        ("string", b'"type must be one of vendor, landlord"', "application/json"),
        ("field", b'{"message":"type must be one of vendor, landlord","field":"type"}', "application/json"),
        (
            "errors",
            (
                b'{"message":"The given data was invalid.",'
                b'"errors":{"type":["must be one of vendor, landlord"]}}'
            ),
            "application/json",
        ),
        (
            "html",
            (
                b"<!DOCTYPE html><html><body><h1>Error</h1>"
                b"<p>type must be one of vendor, landlord</p></body></html>"
            ),
            "text/html; charset=utf-8",
        ),
        ("text", b"type must be one of vendor, landlord", "text/plain; charset=utf-8"),
    ],
)
def test_a_refusal_has_many_forms(box, api, form, body, kind):
    box.set_readings(error_body=form)
    answer = api.value(type="sale")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (422, body, kind)


def test_codes_of_success_refusal_key_and_absence_may_differ(box, api):
    box.set_readings(success_status=201, refusal_status=400, auth_status=403, missing_status=403)
    assert api.create().status == 201
    assert api.value().status == 201
    assert api.create(type="x").status == 400
    assert Api(box, "wrong").create().status == 403
    assert api.get(1).status == 403


@pytest.mark.parametrize(("form", "kinds"), [("strings", {str}), ("ints", {int}), ("mixed", {str, int})])
def test_office_ids_may_be_text_or_numbers(box, api, form, kinds):
    box.set_readings(office_ids=form)
    assert {type(row["id"]) for row in api.call("GET", "/offices").data["data"]} == kinds


def test_unknown_fields_may_be_refused(box, api):
    box.set_readings(unknown_fields="refuse")
    lead = api.create().data
    assert api.create(colour="red").data == {"message": "colour is not allowed"}
    assert api.create(property_bedrooms=3).data == {"message": "property_bedrooms is not allowed"}
    assert api.patch(lead["id"], email="new@example.org").data == {"message": "email is not allowed"}


def test_nulls_may_be_refused(box, api):
    assert api.create(title=None).status == 200
    box.set_readings(nulls="refuse")
    assert api.create(title=None).data == {"message": "title must not be null"}


def test_a_null_in_a_patch_clears_the_field(api):
    lead = api.create(address="1 Old Road", gdpr_checkbox=True).data
    api.patch(lead["id"], address=None, gdpr_checkbox=None, status=None, office_id=None)
    assert api.get(lead["id"]).data == lead | {"address": None, "gdpr_checkbox": None}


def test_addresses_may_be_wanted_as_the_webhook_page_says(box, api):
    box.set_readings(strict_addresses=True)
    assert api.create(type="vendor").data["message"].startswith("address is required for vendor leads")
    assert api.create(advert_postcode=None).status == 422
    assert api.create(office_id=375, advert_postcode=None).status == 200
    assert api.create(type="landlord", address="1 Road", postcode="NG1 1AA").status == 200


@pytest.mark.parametrize(
    ("form", "status", "office"), [("head_office", 200, 375), ("none", 200, None), ("refuse", 422, 0)]
)
def test_a_lead_without_any_place(box, api, form, status, office):
    box.set_readings(no_office=form)
    answer = api.create(advert_postcode=None)
    assert answer.status == status
    assert status == 422 or answer.data["office_id"] == office


def test_a_second_enquiry_may_become_a_child(box, api):
    box.set_readings(duplicates="child")
    parent, child = api.create().data, api.create().data
    assert (child["is_parent"], child["parent_id"]) == (False, parent["id"])


def test_a_second_enquiry_may_be_refused(box, api):
    box.set_readings(duplicates="refuse")
    api.create()
    assert api.create().data == {"message": "email already belongs to a lead"}


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("pairs", [["Pets?", "No"]]),
        ("map", {"Pets?": "No"}),
        ("objects", [{"question": "Pets?", "answer": "No"}]),
        ("hidden", None),
    ],
)
def test_answers_may_be_read_in_other_forms(box, api, form, shown):
    box.set_readings(questionnaire_form=form)
    assert api.create(questionnaire=[["Pets?", "No"]]).data["questionnaire"] == shown


def test_null_keys_may_be_absent(box, api):
    box.set_readings(omit_nulls=True)
    lead = api.create().data
    assert None not in lead.values()
    assert "meta" not in lead


def test_there_may_be_fields_that_no_document_names(box, api):
    box.set_readings(extra_fields=True)
    assert len(api.create().data) > 58


@pytest.mark.parametrize("tells", [True, False])
def test_requests_a_minute_may_be_limited(box, api, tells):
    box.set_readings(requests_per_minute=2, limit_says_when=tells)
    codes = [api.call("GET", "/offices") for _ in range(3)]
    assert [answer.status for answer in codes] == [200, 200, 429]
    assert ("retry-after" in codes[2].headers) is tells
    assert not tells or 1 <= int(codes[2].headers["retry-after"]) <= 60


def test_every_answer_may_be_slow(box, api):
    box.set_readings(latency=0.1)
    began = time.monotonic()
    api.call("GET", "/offices")
    assert time.monotonic() - began >= 0.1


def test_readings_are_keywords_of_the_sandbox():
    with Sandbox(success_status=201, patch_needs_names=False) as box:
        lead = Api(box).create()
        assert lead.status == 201
        assert box.leadpro.readings.patch_needs_names is False


@pytest.mark.parametrize("name", sorted(CHOICES))
def test_a_choice_that_does_not_exist_is_an_error(name):
    with pytest.raises(ValueError, match=name):
        Readings().change(**{name: "nonsense"})


def test_an_unknown_reading_is_an_error_and_changes_nothing():
    readings = Readings()
    with pytest.raises(ValueError, match="unknown reading 'colour'"):
        readings.change(patch_meta="replace", colour="red")
    assert readings == Readings()


def test_text_is_understood_for_every_type():
    readings = Readings()
    readings.change(lookup_delay="2.5", refusal_status="400", omit_nulls="yes", patch_needs_names="false")
    assert readings == Readings(
        lookup_delay=2.5, refusal_status=400, omit_nulls=True, patch_needs_names=False
    )
