"""Random audits: what the mirror believed of a copy before it was read, and whether that was still true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leads.models import Audit, Connection, Copy
from leads.models.durability import allow_losing_this
from leads.sync.freshness import Model, band
from leads.sync.observing import belief_of, traits_of


@dataclass(frozen=True, slots=True)
class Expected:
    """What stands before the read: the copy's importance, and the probability that nothing has changed."""

    copy_id: int
    seen_at: datetime
    band: str
    believed: float


def expect(copy_id: int, model: Model, now: datetime) -> Expected | None:
    """What is believed of a copy now. None where it is gone."""
    copy = Copy.objects.filter(pk=copy_id).select_related("lead").defer("raw").first()
    if copy is None:
        return None
    traits = traits_of(copy, copy.lead)
    believed = model.believed_unchanged(belief_of(copy), traits, copy.seen_at, now)
    return Expected(copy.pk, copy.seen_at, band(traits, now), believed)


def record(connection: Connection, expected: Expected, was_stale: bool, now: datetime) -> Audit:
    """Keep what an audit found. To be called once per read; a read that failed found nothing."""
    allow_losing_this()
    return Audit.objects.create(
        connection=connection,
        copy_id=expected.copy_id,
        at=now,
        band=expected.band,
        believed=expected.believed,
        was_stale=was_stale,
    )
