"""Months of invented leads at once, with what makes a pull hard: ties, a crowd in one second, erasures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .seekers import Seekers
from .shape import build_lead, erase
from .store import NewLead

if TYPE_CHECKING:
    from .remote import Aviv

DAY = 86_400
CROWD = 130
ERASED_SHARE = 0.01
TIE_SHARE = 0.05
#: A TTL that cannot be meant, once in so many leads.
ODD_TTL_SHARE = 0.0005


def seed_aviv(remote: Aviv, *, days: int = 120, leads: int = 25_000, seed: int = 1, late: int = 0) -> int:
    """Add leads ingested in the last ``days``; returns how many. No webhook tells of them.

    With 1,000 or more, 130 share one second. ``late`` of them have an ingestion date in the last two days and
    can be seen only within the next minute.
    """
    chance = random.Random(seed)
    instants = _draw_instants(int(remote.clock.now()), days, leads, chance)
    remote.store.insert_all(_draw_leads(remote, instants, chance, late))
    return leads


def _draw_instants(now: int, days: int, leads: int, chance: random.Random) -> list[int]:
    first = now - days * DAY + 60
    crowd = [first + days * DAY // 2] * CROWD if leads >= 1000 else []
    instants = list(crowd)
    while len(instants) < leads:
        instants.append(chance.randint(first, now - 60))
        if len(instants) < leads and chance.random() < TIE_SHARE:
            instants.append(instants[-1])
    return sorted(instants)


def _draw_leads(remote: Aviv, instants: list[int], chance: random.Random, late: int) -> Iterator[NewLead]:
    seekers = Seekers(chance, int(remote.store.get_fact("people") or 0))
    now = remote.clock.now()
    recent = [place for place, instant in enumerate(instants) if instant > now - 2 * DAY]
    latecomers = set(chance.sample(recent, min(late, len(recent))))
    for place, instant in enumerate(instants):
        category, fields = seekers.invent()
        if chance.random() < ODD_TTL_SHARE:
            fields["TTL"] = chance.choice((0, instant))
        lead = build_lead(category, remote.store.next_id(), instant, fields)
        if chance.random() < ERASED_SHARE:
            lead = erase(lead, remote.readings)
        yield NewLead(lead, now + chance.uniform(1, 60) if place in latecomers else 0.0)
    remote.store.set_fact("people", str(seekers.number))
