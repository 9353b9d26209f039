"""The limits of the create guide's table, over the wire."""

from typing import Any

import pytest

LONG = "x" * 5000

REFUSED: dict[str, list[Any]] = {
    "first_name": ["", "x" * 51, 5],
    "last_name": ["", "x" * 51],
    "email": ["ada", "ada@example", "a b@example.org", 5],
    "phone": ["0" * 256, 7],
    "type": ["Sale", "buyer", 1],
    "title": ["", "x" * 51],
    "advert_address": ["x" * 101],
    "advert_postcode": ["x", "x" * 11],
    "advert_url": ["x" * 256],
    "advert_image": ["x" * 256],
    "message": ["x" * 256],
    "host": ["x" * 256],
    "address": ["x" * 101],
    "postcode": ["", "x" * 11],
    "appointment_availability": [{"hours": [1]}, {"a": LONG}, [], "x"],
    "meta": [{"a": 1}, {"a": None}, {"a": "é" * 510}, []],
    "questionnaire": [[["a"]], [["a", 1]], {"a": "b"}, [["a", LONG]]],
    "gdpr_checkbox": ["true", 1],
    "international": ["no"],
    "office_id": [1, True, "x"],
    "property_type": ["castle"],
    "utm_source": [5],
}
TAKEN: dict[str, list[Any]] = {
    "first_name": ["x", "x" * 50],
    "phone": ["not a number", "x" * 255],
    "type": ["sale", "vendor", "landlord", "let", "mortgage_request"],
    "advert_postcode": ["xx", "x" * 10],
    "message": ["x" * 255],
    "meta": [{"a": "x" * 1016}],
    "appointment_availability": [{"hours": ["2025-01-01T08:00:00.000Z"]}, {"morning": "yes"}],
    "questionnaire": [[], [["a", "b"]]],
    "utm_term": [LONG],
    "property_type": ["flat-maisonette"],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field in REFUSED for value in REFUSED[field]]
)
def test_a_create_beyond_the_limits_is_422_naming_the_field(box, api, field, value):
    answer = api.create(**{field: value})
    assert answer.status == 422
    assert answer.data["message"].startswith(f"{field} ")
    assert box.leads == []


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in TAKEN for value in TAKEN[field]])
def test_a_create_at_the_limits_is_taken(api, field, value):
    answer = api.create(**{field: value})
    assert answer.status == 200
    assert answer.data[field] == value


@pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone", "type"])
def test_a_create_without_a_starred_field_is_refused(api, field):
    answer = api.create(**{field: None})
    assert answer.status == 422
    assert answer.data == {"message": f"{field} is required"}


def test_a_date_that_is_none_is_refused(api):
    lead = api.create().data
    assert api.patch(lead["id"], next_action_date="next week").status == 422
