"""Gathers, for many leads at once, what forwarding rules may look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from leads.models import Copy, Forward, Lead, Push, Remote
from leads.sync.comparing import COLUMNS
from leads.sync.ruling import MADE_HERE, Facts


def gather(leads: Iterable[Lead], *, but: int | None = None) -> Iterator[Facts]:
    """The facts of each lead, in order, with its copies prefetched. ``but``: a forward that does not count as "on its
    way".
    """
    rows = list(leads)
    ids = [lead.pk for lead in rows]
    prefetch_related_objects(
        rows, Prefetch("copies", Copy.objects.select_related("connection").order_by("pk"))
    )
    known: dict[int, set[int]] = defaultdict(set)
    on_their_way = (
        Push.objects.filter(lead_id__in=ids)
        .exclude(Push.PARKED)
        .exclude(kind=Push.UPDATE)
        .values_list("lead_id", "connection_id"),
        Forward.objects.filter(lead_id__in=ids).exclude(pk=but or 0).values_list("lead_id", "target_id"),
    )
    for pairs in on_their_way:
        for lead_id, connection_id in pairs:
            known[lead_id].add(connection_id)
    for lead in rows:
        mine = list(lead.copies.all())
        yield Facts(
            lead_id=lead.pk,
            origin=lead.origin,
            came_from=mine[0].connection_id if mine and lead.origin not in MADE_HERE else None,
            known_at=frozenset(known[lead.pk] | {copy.connection_id for copy in mine}),
            portal=_portal(mine),
            values={name: getattr(lead, name) for name in COLUMNS},
        )


def _portal(copies: list[Copy]) -> str:
    """The portal's code, where one of the copies is a portal lead."""
    for copy in copies:
        metadata: Any = copy.raw.get("metadata") if copy.connection.remote == Remote.AVIV else None
        if isinstance(metadata, dict) and isinstance(metadata.get("portal"), str):
            return str(metadata["portal"])
    return ""
