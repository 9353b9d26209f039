"""What the sweep finds due."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads import tasks
from leads.models import Connection, Lead
from leads.sync import sweeping
from tests.sync import avivs

pytestmark = pytest.mark.django_db(transaction=True)


def jobs() -> list[str]:
    return [job.task for job in sweeping.find_due(timezone.now()) if job.task != "make_report"]


def test_a_connection_refused_for_its_key_is_tried_every_five_minutes(leadpro: Connection) -> None:
    leadpro.pause("credentials", "The key is refused.", timezone.now())
    assert jobs() == ["check_connection"]
    Connection.objects.update(last_probe_at=timezone.now())
    assert jobs() == []
    Connection.objects.update(last_probe_at=timezone.now() - timedelta(minutes=5))
    assert jobs() == ["check_connection"]


def test_a_new_key_is_tried_at_once(leadpro: Connection) -> None:
    leadpro.pause("credentials", "The key is refused.", timezone.now())
    Connection.objects.update(last_probe_at=timezone.now())
    assert jobs() == []
    row = Connection.objects.get()
    row.secret = ""
    row.set_secret("another-key")
    Connection.objects.update(secret=row.secret)
    assert jobs() == ["check_connection"]


def test_an_unreadable_secret_stops_its_own_connection_alone(leadpro: Connection) -> None:
    Connection.objects.filter(pk=leadpro.pk).update(secret="written under a key that is gone")
    other = Connection(remote="leadpro", name="Brand", base_url=leadpro.base_url)
    other.set_secret("invented")
    other.save()
    found = [job for job in sweeping.find_due(timezone.now()) if job.task == "sync_reference"]
    assert [job.ids for job in found] == [{"connection_id": other.pk}]


def test_what_a_portal_wants_deleted_is_due_also_where_nothing_is_read(leadpro: Connection) -> None:
    account = avivs.connection()
    soon = int((avivs.NOON + avivs.HOUR).timestamp())
    avivs.read(account, [avivs.lead_object(1, TTL=soon), avivs.lead_object(2)])
    leadpro.pause("person", "Paused by hand.", timezone.now())
    assert not account.is_connected
    assert "expire_leads" in jobs()
    tasks.expire_leads(connection_id=account.pk)
    assert "expire_leads" not in jobs()
    assert list(Lead.objects.values_list("last_name", flat=True)) == ["Example2"]


def test_a_connection_that_somebody_paused_is_left_alone(leadpro: Connection) -> None:
    leadpro.pause("person", "Paused by hand.", timezone.now())
    assert jobs() == []
