"""Rows inserted at once, by names: more than one statement takes, and values that only one of the ways takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leads.models import Change, Lead
from leads.models.columns import MOST_PLACES, insert_rows

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


@pytest.mark.parametrize(
    "value",
    ['O\'Example \\ "quoted" %s é 🏠', 2**70, 1.5, None, True, [1, {"a": []}], "\n\t"],
    ids=lambda value: type(value).__name__,
)
def test_every_value_comes_back_as_it_was(lead: Lead, value: object) -> None:
    (key,) = insert_rows(Change, [row(lead, first=[None, value])])
    change = Change.objects.get(pk=key)
    assert (change.at, change.fields, change.office_after) == (NOON, {"first": [None, value]}, None)


def test_no_rows_are_no_statement(lead: Lead, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert insert_rows(Change, []) == []
