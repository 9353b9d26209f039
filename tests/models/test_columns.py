"""Rows written at once, by names: more than one statement takes, and values that only one of the ways takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leads.models import Change, Lead
from leads.models.columns import MOST_PLACES, insert_rows, write_columns

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)


def row(lead: Lead, **fields: object) -> dict[str, object]:
    return {"at": NOON, "lead": lead.pk, "cause": "pull", "actor": "", "fields": fields}


@pytest.fixture
def lead() -> Lead:
    return Lead.objects.create(origin="api", listed_at=NOON, first_seen_at=NOON, changed_at=NOON)


def test_more_rows_than_a_statement_takes_keep_their_order(lead: Lead) -> None:
    many = MOST_PLACES // 5 + 7
    keys = insert_rows(Change, [row(lead, number=number) for number in range(many)])
    stored = dict(Change.objects.values_list("pk", "fields"))
    assert [stored[key] for key in keys] == [{"number": number} for number in range(many)]


ANY_VALUE = pytest.mark.parametrize(
    "value",
    ['O\'Example \\ "quoted" %s é 🏠', 2**70, 1.5, None, True, [1, {"a": []}], "\n\t"],
    ids=lambda value: type(value).__name__,
)


@ANY_VALUE
def test_every_value_comes_back_as_it_was(lead: Lead, value: object) -> None:
    (key,) = insert_rows(Change, [row(lead, first=[None, value])])
    change = Change.objects.get(pk=key)
    assert (change.at, change.fields, change.office_after) == (NOON, {"first": [None, value]}, None)


def test_no_rows_are_no_statement(lead: Lead, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert insert_rows(Change, []) == []


@ANY_VALUE
def test_every_value_is_set_as_it_is(lead: Lead, value: object) -> None:
    text = value if isinstance(value, str) else None
    write_columns(
        Lead,
        [
            (
                lead.pk,
                {
                    "meta": {"kept": value},
                    "message": text,
                    "office_id": 2**40,
                    "created_at": NOON,
                    "eta": None,
                },
            )
        ],
        counter="version",
    )
    lead.refresh_from_db()
    assert (lead.meta, lead.message, lead.eta) == ({"kept": value}, text, None)
    assert (lead.office_id, lead.created_at, lead.version) == (2**40, NOON, 2)
    assert not Lead.objects.filter(eta__isnull=False).exists()


def test_rows_with_different_columns_get_each_their_own(lead: Lead) -> None:
    other = Lead.objects.create(
        origin="api", listed_at=NOON, first_seen_at=NOON, changed_at=NOON, email="was"
    )
    write_columns(
        Lead, [(lead.pk, {"email": "a", "is_parent": True}), (other.pk, {"out_of_area_distance": 0.1})]
    )
    assert list(
        Lead.objects.order_by("pk").values_list("email", "is_parent", "out_of_area_distance", "version")
    ) == [
        ("a", True, None, 1),
        ("was", None, 0.1, 1),
    ]


def test_the_last_of_two_writes_of_a_row_stays(lead: Lead) -> None:
    write_columns(Lead, [(lead.pk, {"email": "first"}), (lead.pk, {"email": "second"})], counter="version")
    lead.refresh_from_db()
    assert (lead.email, lead.version) == ("second", 3)


def test_nothing_to_set_is_no_statement(lead: Lead, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        write_columns(Lead, [])
        write_columns(Lead, [(lead.pk, {})])
