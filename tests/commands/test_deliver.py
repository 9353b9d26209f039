"""deliver sends what waits, beside or without a worker."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from leads.models import Connection, Installation, Push
from leads.sync.pushing import request_create

pytestmark = pytest.mark.django_db(transaction=True)

VALUES = {
    "type": "sale",
    "first_name": "Ada",
    "last_name": "Example",
    "email": "ada@example.org",
    "phone": "07700 900123",
    "source": "homepage",
}


@pytest.mark.parametrize("options", [[], ["--once"]])
def test_deliver_sends_what_waits_and_counts_it(leadpro, sandbox, capsys, options):
    push = request_create(VALUES, connection=leadpro, now=timezone.now())
    call_command("deliver", *options)
    assert capsys.readouterr().out.strip() == "done=1 waiting=0 unclear=0 needs_attention=0 left=0"
    push.refresh_from_db()
    assert push.state == Push.DONE
    assert [lead["email"] for lead in sandbox.leads] == ["ada@example.org"]


def test_deliver_twice_sends_once(leadpro, sandbox, capsys):
    request_create(VALUES, connection=leadpro, now=timezone.now())
    call_command("deliver")
    call_command("deliver")
    assert len(sandbox.requests("POST", "/leads")) == 1


def test_deliver_to_a_paused_connection_says_why_nothing_was_sent(leadpro, sandbox, capsys):
    request_create(VALUES, connection=leadpro, now=timezone.now())
    Connection.objects.update(state="paused", reason="Lead.pro refuses our key since 09:10.")
    with pytest.raises(CommandError, match="No connection can send"):
        call_command("deliver", "--once")
    out = capsys.readouterr()
    assert out.out.strip() == "done=0 waiting=1 unclear=0 needs_attention=0 left=1"
    assert (
        "Lead.pro is paused, so nothing more is sent there: Lead.pro refuses our key since 09:10." in out.err
    )


def test_deliver_from_a_copied_database_ends_and_says_why(leadpro, sandbox, capsys):
    request_create(VALUES, connection=leadpro, now=timezone.now())
    Installation.objects.update_or_create(pk=1, defaults={"identity": "another-installation"})
    with pytest.raises(CommandError, match="No connection can send"):
        call_command("deliver")
    out = capsys.readouterr()
    assert out.out.strip() == "done=0 waiting=1 unclear=0 needs_attention=0 left=1"
    assert "so nothing more is sent there: Nothing is sent: this database belongs to another" in out.err
    assert sandbox.requests("POST", "/leads") == []
