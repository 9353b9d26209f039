"""A connection's pauses: who made one, and who may end it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leads.models import Connection
from leads.remotes.doors import note_works

pytestmark = pytest.mark.django_db


def state_of(connection: Connection) -> tuple[str, str, str]:
    row = Connection.objects.get(pk=connection.pk)
    return row.state, row.reason_code, row.reason


@pytest.mark.parametrize("code", ["credentials", "address", "installation"])
def test_a_persons_pause_holds_also_where_the_connection_was_paused_before(
    leadpro: Connection, code: str
) -> None:
    leadpro.pause(code, "Lead.pro refuses our key.", timezone.now())
    checked = Connection.objects.get()
    leadpro.pause("person", "Paused by Grace.", timezone.now())
    assert state_of(leadpro) == ("paused", "person", "Paused by Grace.")
    for row in (checked, Connection.objects.get()):
        note_works(row, timezone.now())
    assert state_of(leadpro) == ("paused", "person", "Paused by Grace.")


def test_the_first_of_two_pauses_is_kept_otherwise(leadpro: Connection) -> None:
    leadpro.pause("person", "Paused by Grace.", timezone.now())
    since = leadpro.paused_at
    leadpro.pause("person", "Paused by Ada.", timezone.now())
    leadpro.pause("credentials", "Lead.pro refuses our key.", timezone.now())
    assert state_of(leadpro) == ("paused", "person", "Paused by Grace.")
    assert leadpro.paused_at == since


def test_a_check_that_works_ends_a_pause_over_the_key(leadpro: Connection) -> None:
    leadpro.pause("credentials", "Lead.pro refuses our key.", timezone.now())
    note_works(leadpro, timezone.now())
    assert state_of(leadpro) == ("ok", "", "")
    assert leadpro.last_success_at is not None
