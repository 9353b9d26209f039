"""Looks people up whose other leads we may not know: children of a lead, enquiries made again."""

from __future__ import annotations

from datetime import datetime

from integrations.errors import RemoteError
from leads.models import Connection, Contact, Lane, tallying
from leads.sync.contacts import note_failure
from leads.sync.refreshing import SHUT, find_person
from leads.sync.storing import CHANGED, CREATED, UNCHANGED


def look_for_more(connection: Connection, contact_id: int, now: datetime, *, patience: float = 0.0) -> str:
    """Look a person up in the schedule's lane, and read all leads it shows. What the most of it was, as of a read.

    Raises RemoteError; a failure puts the contact off, ever longer. May be repeated.
    """
    contact = Contact.objects.filter(pk=contact_id).first()
    if contact is None:
        return UNCHANGED
    ways = {contact.by: contact.spelling}
    try:
        found = find_person(
            connection,
            Lane.SCHEDULE,
            email=ways.get(Contact.EMAIL),
            phone=ways.get(Contact.PHONE),
            patience=patience,
        )
    except SHUT:
        raise
    except RemoteError:
        note_failure(contact.pk, connection, now)
        tallying.count(connection, "read:failed")
        raise
    outcomes = [row.outcome for row in found]
    if CREATED in outcomes:
        tallying.count(connection, "discovered", n=outcomes.count(CREATED))
    return next((outcome for outcome in (CREATED, CHANGED) if outcome in outcomes), UNCHANGED)
