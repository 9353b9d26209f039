"""What the mirror knows that it does not know: leads that others mention, and people who were never looked up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from leads.models import Connection, Contact, Copy, Delivery, Lead
from leads.models.values import json_value


def count_coverage(connection: Connection, now: datetime) -> dict[str, Any]:
    """Counts over all leads of one connection: seconds of work for a large mirror, so not for a page that waits.

    ``parents_unseen``: ids named as a lead's parent that no copy has. ``hinted_unseen``: ids that webhooks named and
    no read has found.
    ``never_looked_up`` and ``no_contact``: leads whose person was never looked up, or cannot be.
    """
    leads = Lead.objects.filter(copies__connection=connection, copies__gone_at__isnull=True)
    asked = Contact.objects.filter(connection=connection, asked_at__isnull=False)
    has_contact = ~Q(email_key="") | ~Q(phone_key="")
    return {
        "at": json_value(now),
        "leads": leads.count(),
        "parents_unseen": _parents_unseen(connection, leads),
        "hinted_unseen": _hinted_unseen(connection),
        "never_looked_up": leads.filter(
            has_contact,
            ~Exists(asked.filter(by=Contact.EMAIL, key=OuterRef("email_key"))),
            ~Exists(asked.filter(by=Contact.PHONE, key=OuterRef("phone_key"))),
        ).count(),
        "no_contact": leads.exclude(has_contact).count(),
        "oldest_seen_at": json_value(find_oldest_look(connection)),
    }


def find_oldest_look(connection: Connection) -> datetime | None:
    """When the copy that was not seen for longest was seen; None where nothing is looked at by itself."""
    found: datetime | None = scheduled(connection).aggregate(oldest=Min("seen_at"))["oldest"]
    return found


def scheduled(connection: Connection) -> QuerySet[Copy]:
    """The copies that the schedule looks at."""
    return Copy.objects.filter(connection=connection, refresh_class__isnull=False, gone_at__isnull=True)


def _parents_unseen(connection: Connection, leads: QuerySet[Lead]) -> int:
    known = Lead.objects.filter(leadpro_id=OuterRef("parent_id"), copies__connection=connection)
    mentioned = leads.filter(~Exists(known), parent_id__isnull=False)
    return int(mentioned.aggregate(n=Count("parent_id", distinct=True))["n"])


def _hinted_unseen(connection: Connection) -> int:
    known = Copy.objects.filter(connection=connection, remote_id=OuterRef("remote_id"))
    hinted = Delivery.objects.filter(~Exists(known), connection=connection, finding=Delivery.NOT_FOUND)
    return int(hinted.aggregate(n=Count("remote_id", distinct=True))["n"])
