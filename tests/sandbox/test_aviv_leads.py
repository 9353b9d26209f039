"""AVIV's lead objects, erasures, and leads that are submitted."""

import pytest

from tests.sandbox.avivapi import SUBMITTED, AvivApi, id_of, ids_of


@pytest.fixture
def api(box) -> AvivApi:
    return AvivApi(box)


@pytest.mark.parametrize(
    ("category", "parts", "intention"),
    [
        ("CLASSIFIED", ["contactRequest", "metadata", "property"], None),
        ("AGENCY", ["contactRequest", "metadata"], "SELL"),
        ("PROPERTY_SEARCH", ["contactRequest", "distributionType", "metadata", "property"], None),
        ("CALL_TRACKING", ["callDetails", "contactRequest", "metadata", "property"], None),
        ("VIDEO_VISIT", ["contactRequest", "metadata", "property"], None),
    ],
)
def test_each_category_has_its_parts(box, api, category, parts, intention):
    lead = box.add_aviv_lead(category)
    shown = api.call("GET", f"/leads/{id_of(lead)}").data
    assert shown == lead == box.aviv_lead(id_of(lead))
    assert sorted(shown) == parts
    assert shown["metadata"]["leadCategory"] == category
    assert shown["metadata"].get("seekerIntention") == intention
    assert shown["metadata"]["TTL"] == shown["metadata"]["ingestionDate"] + 1096 * 86_400


def test_a_tracked_call_has_a_number_and_nobody(box):
    lead = box.add_aviv_lead("CALL_TRACKING")
    assert [lead["contactRequest"][name] for name in ("firstName", "lastName", "message")] == [None] * 3
    assert lead["contactRequest"]["phoneNumbers"] == []
    assert lead["callDetails"]["seekerPhoneNumber"] == "+33639980123"


def test_any_field_may_be_chosen_left_out_or_of_another_shape(box, api):
    lead = box.add_aviv_lead(
        "AGENCY",
        phone="06 39 98 00 01",
        isOwner=False,
        portal="LIM-FRA",
        seekerIntention="RENT",
        TTL=0,
        leadId="chosen",
        without=("language",),
        raw={"extra": [1]},
    )
    assert lead["contactRequest"]["phoneNumbers"] == [
        {"type": "MOBILE", "number": "06 39 98 00 01", "verified": False}
    ]
    assert lead["contactRequest"]["isOwner"] is False
    assert "language" not in lead["contactRequest"]
    assert (lead["metadata"]["portal"], lead["metadata"]["seekerIntention"]) == ("LIM-FRA", "RENT")
    assert lead["extra"] == [1]
    assert api.call("GET", "/leads/chosen").data == lead
    with pytest.raises(ValueError, match="a lead chosen already"):
        box.add_aviv_lead(leadId="chosen")
    with pytest.raises(ValueError, match="has no colour"):
        box.add_aviv_lead(colour="red")


def test_an_erasure_nulls_the_person_and_leaves_the_rest(box, api):
    lead = box.add_aviv_lead(isOwner=True)
    box.erase_aviv(id_of(lead))
    shown = api.call("GET", f"/leads/{id_of(lead)}").data
    assert shown["contactRequest"] == {
        "firstName": None,
        "lastName": None,
        "gender": None,
        "email": "ada@example.org",
        "language": None,
        "phoneNumbers": [],
        "message": None,
        "isOwner": True,
    }
    assert (shown["metadata"], shown["property"]) == (lead["metadata"], lead["property"])
    assert api.recent().data["items"] == [shown]
    with pytest.raises(KeyError):
        box.erase_aviv("nothing")


def test_an_erasure_may_take_the_fields_away_and_the_address_too(box):
    box.set_aviv_readings(erasure_form="absent", erasure_takes_email=True)
    lead = box.erase_aviv(id_of(box.add_aviv_lead()))
    assert lead["contactRequest"] == {"phoneNumbers": []}


def test_leads_may_be_shown_otherwise(box, api):
    lead = box.add_aviv_lead(isOwner=True)
    box.set_aviv_readings(ttl_key="ttl", shows_is_owner=False, extra_fields=True)
    for shown in (api.call("GET", f"/leads/{id_of(lead)}").data, api.recent().data["items"][0]):
        assert shown["metadata"]["ttl"] == lead["metadata"]["TTL"]
        assert "TTL" not in shown["metadata"]
        assert "isOwner" not in shown["contactRequest"]
        assert shown["score"] == {"value": 0.5}


def test_an_unknown_lead_is_404_and_may_be_410(box, api):
    assert api.call("GET", "/leads/nothing").status == 404
    box.set_aviv_readings(missing_status=410)
    assert api.call("GET", "/leads/nothing").status == 410


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/leads", 405), ("PATCH", "/leads/1", 405), ("GET", "/agents", 404)],
)
def test_there_are_no_other_calls(api, method, path, status):
    assert api.call(method, path).status == status


def test_an_error_has_five_keys_and_the_trace_of_the_answer(api):
    answer = api.call("GET", "/leads/nothing")
    assert sorted(answer.data) == ["detail", "instance", "status", "title", "type"]
    assert (answer.data["status"], answer.data["title"]) == (404, "Not Found")
    assert answer.data["instance"] == answer.headers["traceparent"]
    assert len(answer.data["instance"].split("-")) == 4
    assert api.recent().headers["traceparent"] != answer.headers["traceparent"]


def test_an_error_may_stand_in_an_envelope(box, api):
    box.set_aviv_readings(error_body="envelope")
    assert api.submit(email="x").data == {
        "error": {
            "code": "BAD_REQUEST",
            "message": "The request body is invalid",
            "details": [{"field": "email", "message": "must be an e-mail address"}],
        }
    }


def test_a_submitted_lead_appears_later_under_an_id_that_the_answer_does_not_tell(box, api):
    answer = api.submit(firstName="Ada", gender="FEMALE", language="EN")
    assert (answer.status, sorted(answer.data)) == (200, ["requestId", "title"])
    assert ids_of(api.recent()) == []
    box.clock.advance(6)
    (item,) = api.recent().data["items"]
    assert item["metadata"]["leadCategory"] == "CLASSIFIED"
    assert item["metadata"]["leadId"] != answer.data["requestId"]
    assert item["property"]["classifiedId"] == SUBMITTED["classifiedId"]
    assert item["contactRequest"] == {
        "firstName": "Ada",
        "lastName": "Example",
        "gender": "FEMALE",
        "email": "ada@example.org",
        "language": "EN",
        "phoneNumbers": [{"number": "+33639980123"}],
        "message": "Bonjour",
    }


def test_what_is_not_said_of_a_submitted_lead_is_absent_and_its_language_french(box, api):
    api.submit()
    box.clock.advance(6)
    (item,) = api.recent().data["items"]
    assert item["contactRequest"]["language"] == "FR"
    assert {"firstName", "gender"}.isdisjoint(item["contactRequest"])


def test_a_submitted_lead_may_come_back_spelt_otherwise(box, api):
    box.set_aviv_readings(create_form="normalised", create_delay=0)
    api.submit(lastName=" Example ", email="Ada@Example.org", phoneNumbers=[{"number": "06 39 98 01 23"}])
    contact = api.recent().data["items"][0]["contactRequest"]
    assert (contact["lastName"], contact["email"]) == ("Example", "ada@example.org")
    assert contact["phoneNumbers"] == [{"type": "MOBILE", "number": "0639980123", "verified": False}]


def test_a_lead_submitted_twice_is_two_leads(box, api):
    box.set_aviv_readings(create_delay=0)
    assert api.submit().data["requestId"] != api.submit().data["requestId"]
    assert len(ids_of(api.recent())) == 2


def test_submitting_may_be_for_others(box, api):
    box.set_aviv_readings(who_may_post="nobody")
    assert api.submit().status == 403


@pytest.mark.parametrize(
    ("fields", "pointer", "reason"),
    [
        ({"firstName": ""}, "/firstName", "must have 1 to 100 characters"),
        ({"lastName": "x" * 101}, "/lastName", "must have 1 to 100 characters"),
        ({"lastName": 7}, "/lastName", "must be string"),
        ({"gender": "F"}, "/gender", "must be one of MALE, FEMALE, OTHER, PREFER_NOT_TO_DISCLOSE"),
        ({"language": "fr"}, "/language", "must be one of DE, EN, ES, FR, HE, IT, NL, PT, RU"),
        ({"email": "ada"}, "/email", "must be an e-mail address"),
        ({"message": None}, "/message", "must be string"),
        ({"phoneNumbers": []}, "/phoneNumbers", "must be an array of at least 1 item"),
        ({"phoneNumbers": ["0639980123"]}, "/phoneNumbers/0", "must be an object with a number"),
        (
            {"phoneNumbers": [{"number": "06"}]},
            "/phoneNumbers/0",
            r"number must match ^[+]?[0-9() \/.\-]{6,21}[0-9]$",
        ),
        (
            {"phoneNumbers": [{"number": "0639980123", "type": "FAX"}]},
            "/phoneNumbers/0",
            "type must be one of MOBILE, LANDLINE",
        ),
        ({"classifiedId": "classifiedId"}, "/classifiedId", "must match ^([0-9]{2})([1-9A-NP-Z]{10})$"),
        ({"classifiedId": "26A1B2C3D4O5"}, "/classifiedId", "must match ^([0-9]{2})([1-9A-NP-Z]{10})$"),
        ({"classifiedId": "26A1B2C3D405"}, "/classifiedId", "must match ^([0-9]{2})([1-9A-NP-Z]{10})$"),
        ({"submittedDate": "submittedDate"}, "/submittedDate", "must be an ISO 8601 date-time"),
        ({"submittedDate": "2026-01-02"}, "/submittedDate", "must be an ISO 8601 date-time"),
        ({"submittedDate": "2026-01-02T10:00:00"}, "/submittedDate", "must be an ISO 8601 date-time"),
    ],
)
def test_a_lead_against_the_rules_is_400_and_not_taken(box, api, fields, pointer, reason):
    answer = api.submit(**fields)
    assert (answer.status, answer.data["errors"]) == (400, [{"name": pointer, "reason": reason}])
    assert box.aviv_leads == []


def test_every_missing_field_is_named(api):
    answer = api.call("POST", "/leads", {})
    names = ["/lastName", "/email", "/phoneNumbers", "/message", "/classifiedId", "/submittedDate"]
    assert [error["name"] for error in answer.data["errors"]] == names


def test_nulls_may_be_accepted_where_a_field_may_be_missing(box, api):
    box.set_aviv_readings(nulls="accept")
    assert api.submit(firstName=None, gender=None).status == 200
    assert api.submit(email=None).status == 400


@pytest.mark.parametrize(
    ("body", "kind"), [(b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")]
)
def test_a_body_that_is_no_json_object_is_400(api, body, kind):
    assert api.call("POST", "/leads", body, headers={"Content-Type": kind}).status == 400


def test_faults_of_a_remote_strike_that_remote_only(box, api):
    from tests.sandbox.api import Api

    box.fault("status", "POST", "/leads", remote="aviv", status=503)
    assert Api(box).create().status == 200
    assert api.submit().status == 503
    assert [entry.fault for entry in box.requests("POST", "/leads", remote="aviv")] == ["status"]
    assert len(box.requests("POST", "/leads")) == 2


def test_a_lost_answer_leaves_the_lead_submitted(box, api):
    box.set_aviv_readings(create_delay=0)
    box.aviv.desk.fixed = {"t"}
    api.use_token("t")
    box.fault("drop_after", "POST", "/leads", remote="aviv")
    with pytest.raises(ConnectionError):
        api.submit()
    assert len(ids_of(api.recent())) == 1
