"""The table of fields, and the reference that is written from it."""

from __future__ import annotations

from pathlib import Path

from integrations.leadpro.fields import FIELDS, MIRRORED, Access, Call, writable
from integrations.leadpro.reference import render_reference
from tests.integrations.leadpro.samples import LEAD

DOCS = Path(__file__).parents[3] / "docs"


def test_docs_fields_md_is_up_to_date() -> None:
    written = (DOCS / "fields.md").read_text(encoding="utf-8")
    assert written == render_reference(), "python -m integrations.leadpro.reference > docs/fields.md"


def test_every_field_stands_in_the_reference_once() -> None:
    page = render_reference()
    assert [name for name in FIELDS if page.count(f"| `{name}`") != 1] == []


def test_the_table_has_the_58_keys_of_the_samples_and_one_that_no_read_shows() -> None:
    assert len(MIRRORED) == 57
    assert FIELDS.keys() == LEAD.keys() | {"next_action_date"}


def test_the_calls_carry_what_the_guides_list() -> None:
    update = {spec.name for spec in writable(Call.UPDATE)}
    place = {
        "address",
        "postcode",
        "advert_address",
        "advert_postcode",
        "status",
        "office_id",
        "next_action_date",
    }
    utm = {f"utm_{name}" for name in ("source", "medium", "campaign", "content", "term", "gclid")}
    assert update == place | utm | {"first_name", "last_name", "gdpr_checkbox", "questionnaire", "meta"}
    create = {spec.name for spec in writable(Call.CREATE)}
    assert len(create) == 27
    assert {spec.name for spec in writable(Call.VALUATION)} == create | {"property_bedrooms"}
    assert {name for name, spec in FIELDS.items() if spec.required} == {
        "first_name",
        "last_name",
        "email",
        "phone",
        "type",
    }


def test_access_agrees_with_the_calls() -> None:
    for spec in FIELDS.values():
        assert (spec.access is Access.READ_ONLY) == (not spec.writes)
        assert (spec.access is Access.CREATE_ONLY) == (bool(spec.writes) and Call.UPDATE not in spec.writes)
