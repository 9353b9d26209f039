"""AVIV's webhook subscriptions: made, watched and ended from here; and what pulls and deliveries tell of each other."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef

from integrations.errors import NotFound, PermanentError, RemoteError
from leads.models import Connection, Copy, Delivery, Lane, Subscription
from leads.remotes import open_aviv
from leads.sync import hinting

#: How often subscriptions are looked at, and how far back leads and deliveries are compared.
WATCH_EVERY, COMPARE = timedelta(hours=1), timedelta(days=7)
#: A subscription that was told of nothing for so long while leads came is silent.
SILENT_AFTER = timedelta(days=1)
#: A pull may be this much faster than the delivery it is compared with.
GRACE = timedelta(minutes=15)
PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Watched:
    """One subscription as the page shows it. ``row`` is None for one that was not made here."""

    remote_id: str
    url: str
    status: str
    row: Subscription | None
    delivered_at: datetime | None = None
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gaps:
    """The last seven days: leads that came, those that no delivery announced, deliveries whose lead never came."""

    leads: int
    unannounced: int
    never_came: int
    refused: int


def url_of(connection: Connection) -> str:
    """Where the remote's deliveries go."""
    return f"{settings.PUBLIC_BASE_URL}/webhooks/{connection.webhook_secret}/"


def subscribe(connection: Connection, now: datetime) -> Subscription:
    """Have AVIV tell us of new leads, with a key of its own. Where it does already, that subscription is made good.

    Raises RemoteError. May be repeated: there is never a second one for the same address. One of ours that
    calls an address of before is ended afterwards, since AVIV changes no address; one that vanished is forgotten.
    """
    remote = open_aviv(connection, Lane.PERSON, patience=PATIENCE)
    key, url = secrets.token_urlsafe(32), url_of(connection)
    there = next((row for row in remote.list_subscriptions() if row.url == url), None)
    # The key is stored before it is used: a delivery may come before the answer does.
    row = Subscription(connection=connection, remote_id=there.id if there else "", url=url, made_at=now)
    row = Subscription.objects.filter(connection=connection, remote_id=row.remote_id).first() or row
    row.set_key(key)
    row.url, row.status, row.checked_at = url, Subscription.ACTIVE, now
    row.save()
    try:
        if there is None:
            made = remote.create_subscription(url, key)
        else:
            made = remote.update_subscription(there.id, api_key=key, status=Subscription.ACTIVE)
    except PermanentError:
        Subscription.objects.filter(pk=row.pk, remote_id="").delete()
        raise
    row.remote_id, row.status = made.id, made.status or Subscription.ACTIVE
    row.save()
    Subscription.objects.filter(connection=connection, remote_id="").exclude(pk=row.pk).delete()
    for old in Subscription.objects.filter(connection=connection).exclude(pk=row.pk):
        # Where this fails, a warning stays until somebody subscribes again.
        with suppress(RemoteError):
            unsubscribe(connection, old.remote_id)
    return row


def unsubscribe(connection: Connection, remote_id: str) -> None:
    """End a subscription, ours or another of this client. Raises RemoteError. May be repeated."""
    with suppress(NotFound):
        open_aviv(connection, Lane.PERSON, patience=PATIENCE).delete_subscription(remote_id)
    Subscription.objects.filter(connection=connection, remote_id=remote_id).delete()


def look(connection: Connection, now: datetime, *, lane: str = Lane.PERSON) -> list[Watched]:
    """Every subscription of this client, with AVIV's account of its last deliveries. Raises RemoteError."""
    remote = open_aviv(connection, lane, patience=PATIENCE)
    listed = remote.list_subscriptions()
    rows = {row.remote_id: row for row in Subscription.objects.filter(connection=connection)}
    watched = []
    for one in listed:
        audit = remote.audit_subscription(one.id)
        row = rows.pop(one.id, None)
        if row is not None:
            row.status, row.checked_at, row.delivered_at = one.status, now, audit.last_success_at
            row.save(update_fields=["status", "checked_at", "delivered_at"])
        watched.append(Watched(one.id, one.url, one.status, row, audit.last_success_at, audit.events))
    gone = [row.pk for row in rows.values()]
    Subscription.objects.filter(pk__in=gone).update(status=Subscription.GONE, checked_at=now)
    return watched


def watch_due(connection: Connection, now: datetime) -> None:
    """What the sweep rings for: ask how our subscriptions are. Faults are noted on the connection."""
    Subscription.objects.filter(connection=connection).update(checked_at=now)
    try:
        look(connection, now, lane=Lane.SCHEDULE)
    except RemoteError:
        return


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether a subscription was not looked at for a while."""
    rows = Subscription.objects.filter(connection=connection)
    return rows.exclude(checked_at__gt=now - WATCH_EVERY).exists()


def find_gaps(connection: Connection, now: datetime) -> Gaps:
    """Polling proves the webhook, and the webhook polling."""
    since = now - COMPARE
    told = Delivery.objects.filter(connection=connection, received_at__gte=since)
    named = told.filter(remote_id=OuterRef("remote_id"))
    came = Copy.objects.filter(connection=connection, lead__first_seen_at__gte=since)
    first = Subscription.objects.filter(connection=connection).order_by("made_at").first()
    comparable = came.filter(
        lead__first_seen_at__lte=now - GRACE,
        lead__created_at__gte=max(since, first.made_at if first else now),
    )
    return Gaps(
        leads=came.count(),
        unannounced=comparable.filter(~Exists(named)).count() if told.exclude(remote_id="").exists() else 0,
        never_came=told.filter(finding=Delivery.NOT_FOUND).count(),
        refused=told.filter(state=Delivery.FAILED, problem=hinting.NOT_OURS).count(),
    )


def find_warnings(connection: Connection, now: datetime, gaps: Gaps | None = None) -> list[str]:
    """Sentences for people: a subscription that does not tell, and what one channel found and the other did not.

    ``gaps``: where they were counted already.
    """
    warnings = []
    for row in Subscription.objects.filter(connection=connection):
        if row.status == Subscription.GONE:
            warnings.append(
                "AVIV no longer has our webhook subscription. Leads come by pulling; subscribe again."
            )
        elif row.status.upper() != Subscription.ACTIVE:
            warnings.append(f"AVIV says our webhook subscription is {row.status.lower()}. Subscribe again.")
        elif row.url != url_of(connection):
            warnings.append("Our webhook address has changed and AVIV calls the one before. Subscribe again.")
        elif _is_silent(connection, row, now):
            warnings.append(
                "Leads came for a day and AVIV's webhook told of none. Look at its audit; pulling goes on."
            )
    gaps = gaps or find_gaps(connection, now)
    if gaps.unannounced:
        warnings.append(
            f"{gaps.unannounced} of {gaps.leads} leads of the last 7 days were announced by no delivery."
        )
    if gaps.refused:
        warnings.append(
            f"Deliveries of the last 7 days with another key than our subscription's: {gaps.refused}."
            " If they are AVIV's, subscribe again."
        )
    if gaps.never_came:
        warnings.append(
            f"Deliveries of the last 7 days that announced a lead no pull has found: {gaps.never_came}."
        )
    return warnings


def _is_silent(connection: Connection, row: Subscription, now: datetime) -> bool:
    since = now - SILENT_AFTER
    if row.made_at > since or Delivery.objects.filter(connection=connection, received_at__gte=since).exists():
        return False
    leads = Copy.objects.filter(connection=connection, lead__first_seen_at__gte=since)
    return leads.filter(lead__first_seen_at__lte=now - GRACE).exists()


def find_last_told(connection: Connection) -> datetime | None:
    """When the last delivery arrived here."""
    rows = Delivery.objects.filter(connection=connection).order_by("-id")
    return rows.values_list("received_at", flat=True).first()
