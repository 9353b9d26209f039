"""Lead.pro's seven calls and their documented quirks, with every reading at its default."""

import json
from datetime import datetime

import pytest

from integrations.sandbox import Sandbox
from integrations.sandbox.leadpro.shape import KEYS
from tests.sandbox.api import ADA, NAMES, Api


def test_a_created_lead_has_the_58_keys_in_the_printed_order(api):
    lead = api.create().data
    assert len(KEYS) == 58
    assert tuple(lead) == KEYS


def test_a_created_lead_is_new_unread_a_parent_and_answered_with_200(api):
    answer = api.create()
    lead = answer.data
    assert answer.status == 200
    assert (lead["status"], lead["stage"]) == ("New", "Unread")
    assert (lead["is_parent"], lead["parent_id"]) == (True, None)
    assert lead["full_name"] == "Ada Example"
    assert isinstance(lead["id"], int)
    assert lead["international"] is False
    assert datetime.fromisoformat(lead["created_at"]).utcoffset() is not None
    assert lead["created_at"].endswith("Z")


def test_a_created_lead_can_be_read_by_id(api):
    lead = api.create().data
    assert api.get(lead["id"]).data == lead


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_a_missing_or_wrong_key_is_401_with_json(box, key):
    answer = Api(box, key).call("GET", "/offices")
    assert answer.status == 401
    assert answer.data == {"message": "Unauthorized"}


def test_a_refused_key_changes_nothing(box):
    assert Api(box, "wrong").create().status == 401
    assert box.leads == []


def test_two_equal_posts_make_two_leads(api):
    first, second = api.create().data, api.create().data
    assert first["id"] != second["id"]
    assert [lead["is_parent"] for lead in api.find(email=ADA["email"]).data] == [True, True]


@pytest.mark.parametrize(("sent", "kept"), [(None, "homepage"), ("zoopla", "zoopla"), ("pigeon", "homepage")])
def test_a_missing_or_invalid_source_becomes_homepage(api, sent, kept):
    assert api.create(**({"source": sent} if sent else {})).data["source"] == kept


def test_names_phones_and_postcodes_come_back_as_sent(api):
    sent = {
        "first_name": "marla",
        "phone": "01632 960 000 ",
        "advert_postcode": "De1 1JX",
        "email": "Cloud9@Example.COM",
    }
    lead = api.create(**sent).data
    assert {name: lead[name] for name in sent} == sent


def test_consent_is_null_when_not_sent_and_false_when_sent_so(api):
    assert api.create().data["gdpr_checkbox"] is None
    assert api.create(gdpr_checkbox=False).data["gdpr_checkbox"] is False


def test_bedrooms_are_taken_by_a_valuation_and_ignored_by_a_create(api):
    assert api.value(property_bedrooms=4).data["property_bedrooms"] == 4
    assert api.create(property_bedrooms=4).data["property_bedrooms"] is None


def test_a_named_office_wins_and_has_no_distance(api):
    lead = api.create(office_id=42).data
    assert (lead["office_id"], lead["office_name"], lead["out_of_area_distance"]) == (42, "Banbury", None)


def test_an_office_id_may_be_given_as_the_text_that_the_offices_list_shows(api):
    assert api.create(office_id="375").data["office_id"] == 375


@pytest.mark.parametrize(
    ("postcode", "office"),
    [
        ("NG7 2RD", 375),
        ("OX16 1AA", 42),
        ("OX4 1AA", 5271),
        ("ox151aa", 42),
        ("BD1 1AA", 1214),
        ("NR31AA", 1312),
    ],
)
def test_without_an_office_the_postcode_decides(api, postcode, office):
    lead = api.create(advert_postcode=postcode).data
    assert (lead["office_id"], lead["out_of_area_distance"]) == (office, None)


def test_a_postcode_nobody_covers_goes_to_the_nearest_office_with_its_distance(api):
    lead = api.create(advert_postcode="DE1 1JX").data
    assert lead["office_id"] == 375
    assert isinstance(lead["out_of_area_distance"], float)
    assert lead["out_of_area_distance"] > 0


def test_owners_are_routed_by_their_own_postcode_and_applicants_by_the_adverts(api):
    both = {"postcode": "BA1 1AA", "advert_postcode": "NG1 1AA"}
    assert api.create(type="vendor", **both).data["office_id"] == 1311
    assert api.create(type="let", **both).data["office_id"] == 375


def test_a_valuation_fills_all_six_estimates_and_a_status(api):
    lead = api.value().data
    for kind in ("sale", "rent"):
        low, middle, high = (lead[f"{size}_{kind}_estimation"] for size in ("minimum", "average", "maximum"))
        assert 0 < low < middle < high
    assert lead["valuation_status"] in {"Success", "Not Enough Comparable Properties"}
    assert lead["source"] == "ivt"


def test_a_valuation_keeps_another_source_and_refuses_applicants(api):
    assert api.value(source="rightmove").data["source"] == "rightmove"
    refused = api.value(type="sale")
    assert refused.status == 422
    assert refused.data == {"message": "type must be one of vendor, landlord"}


def test_a_patch_answers_with_the_request_not_the_lead(api):
    lead = api.create().data
    sent = b'{ "first_name":"Bo","last_name":"Example",  "status":"Contacted" }'
    assert api.call("PATCH", f"/leads/{lead['id']}", sent).body == sent


def test_a_patch_changes_the_lead_and_what_follows_from_it(api):
    lead = api.create().data
    api.patch(
        lead["id"], first_name="Bo", status="Offer made", office_id=1214, utm_gclid="g1", postcode="x" * 255
    )
    after = api.get(lead["id"]).data
    assert (after["full_name"], after["stage"], after["office_name"]) == ("Bo Example", "Business", "Leeds")
    assert (after["utm_gclid"], after["postcode"]) == ("g1", "x" * 255)


def test_a_patch_appends_answers(api):
    lead = api.create(questionnaire=[["Pets?", "No"]]).data
    for _ in range(2):
        api.patch(lead["id"], questionnaire=[["Garden?", "Yes"]])
    assert api.get(lead["id"]).data["questionnaire"] == [
        ["Pets?", "No"],
        ["Garden?", "Yes"],
        ["Garden?", "Yes"],
    ]


def test_a_patch_merges_meta(api):
    lead = api.create(meta={"a": "1", "b": "1"}).data
    api.patch(lead["id"], meta={"b": "2", "c": "2"})
    assert api.get(lead["id"]).data["meta"] == {"a": "1", "b": "2", "c": "2"}


@pytest.mark.parametrize("status", ["Contacted", 21, "21"])
def test_a_status_is_set_by_name_or_by_id(api, status):
    lead = api.create().data
    assert api.patch(lead["id"], status=status).status == 200
    assert api.get(lead["id"]).data["status"] == "Contacted"


def test_a_next_action_date_is_taken_and_never_shown(box, api):
    lead = api.create().data
    api.patch(lead["id"], next_action_date="2025-07-12T10:00:00Z")
    assert "next_action_date" not in api.get(lead["id"]).data
    assert box.next_action(lead["id"]) == "2025-07-12T10:00:00Z"


@pytest.mark.parametrize("field", ["type", "email", "phone", "message", "source", "title", "property_type"])
def test_a_patch_ignores_what_the_update_guide_does_not_name(api, field):
    lead = api.create().data
    assert api.patch(lead["id"], **{field: "landlord"}).status == 200
    assert api.get(lead["id"]).data == lead


@pytest.mark.parametrize(
    "body", [{"status": "Contacted"}, {**NAMES, "first_name": None}, {"first_name": "Bo"}]
)
def test_a_patch_needs_both_names(api, body):
    lead = api.create().data
    assert api.call("PATCH", f"/leads/{lead['id']}", body).status == 422
    assert api.get(lead["id"]).data == lead


@pytest.mark.parametrize(
    "change", [{"status": "Nonsense"}, {"office_id": 1}, {"meta": {"a": 1}}, {"questionnaire": [["a"]]}]
)
def test_a_patch_with_one_wrong_value_changes_nothing(api, change):
    lead = api.create().data
    assert api.patch(lead["id"], address="9 New Street", **change).status == 422
    assert api.get(lead["id"]).data == lead


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_an_unknown_lead_is_404_with_json(api, method):
    answer = api.call(method, "/leads/1", NAMES if method == "PATCH" else None)
    assert answer.status == 404
    assert answer.data == {"message": "Lead not found"}


def test_a_deleted_lead_is_404_and_its_id_is_never_used_again(box, api):
    lead = api.create().data
    assert box.delete_lead(lead["id"]) is True
    assert api.get(lead["id"]).status == 404
    assert api.create().data["id"] > lead["id"]


def test_a_look_up_by_email_ignores_case_and_answers_an_array(api):
    lead = api.create().data
    assert api.find(email="ADA@example.org").data == [lead]


def test_a_look_up_by_phone_wants_the_exact_spelling(api):
    lead = api.create().data
    assert api.find(phone="07700 900123").data == [lead]
    assert api.find(phone="07700900123").data == []


def test_a_look_up_is_narrowed_by_names(api):
    ada, bob = api.create().data, api.create(first_name="Bob").data
    assert api.find(email=ADA["email"], firstName="bob").data == [bob]
    assert api.find(email=ADA["email"], lastName="Example").data == [ada, bob]
    assert api.find(email=ADA["email"], first_name="bob").data == [ada, bob]


def test_a_look_up_by_name_alone_is_refused(api):
    answer = api.find(lastName="Example")
    assert answer.status == 422
    assert answer.data == {"message": "Email or Phone must be supplied"}


def test_offices_are_wrapped_and_the_first_id_is_text(api):
    rows = api.call("GET", "/offices").data["data"]
    assert len(rows) == 7
    assert rows[0] == {"id": "375", "name": "Nottingham"}
    assert all(isinstance(row["id"], int) for row in rows[1:])


def test_statuses_are_a_bare_array_over_three_stages(api):
    rows = api.call("GET", "/statuses").data
    assert rows[0] == {"id": 20, "name": "New", "stageId": 50, "isPredefined": True}
    assert {row["stageId"] for row in rows} == {50, 100, 150}
    assert len(rows) >= 10
    assert not all(row["isPredefined"] for row in rows)


@pytest.mark.parametrize("path", ["/leads", "/leads/1/notes", "/leads/abc", "/users", "/person", "/leads/"])
def test_what_lead_pro_does_not_offer_is_not_there(api, path):
    assert api.call("GET", path).status in {404, 405}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/leads"), ("DELETE", "/leads/5"), ("POST", "/offices")]
)
def test_a_wrong_method_is_405(api, method, path):
    assert api.call(method, path, {} if method == "POST" else None).status == 405


@pytest.mark.parametrize("body", [b"{", b"", b"\xff", b'{"first_name": "\\ud800"}'])
def test_a_body_that_is_not_json_is_400(box, api, body):
    assert api.call("POST", "/leads", body).status == 400
    assert box.leads == []


@pytest.mark.parametrize("body", [[], "x", 5])
def test_a_body_that_is_no_object_is_400(api, body):
    assert api.call("POST", "/leads", body).status == 400


def test_hostile_text_is_kept_as_it_is(api):
    sent = {"first_name": "<script>alert(1)</script>", "message": "=cmd|' /C calc'!A0 \u202e 漢字 \x00"}
    lead = api.create(**sent).data
    assert {name: api.get(lead["id"]).data[name] for name in sent} == sent


def test_a_portal_lead_may_break_every_limit_of_the_api(box: Sandbox, api: Api):
    lead = box.add_lead(first_name=None, last_name=None, message="x" * 8192, title="y" * 60, email=None)
    shown = json.loads(api.get(lead["id"]).body)
    assert (shown["first_name"], shown["full_name"], len(shown["message"])) == (None, None, 8192)
