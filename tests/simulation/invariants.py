"""What must hold once everything is healed and quiet: I1 to I6 (docs/reliability.md). I7 and I9 are seen before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from leads.sync.delivering.ports import DISCARDED, DONE, NEEDS_ATTENTION, UPDATE

if TYPE_CHECKING:
    from tests.simulation.stage import Wish
    from tests.simulation.world import World


def check(world: World) -> list[str]:
    """Every violation, in words."""
    return [
        *_nothing_is_silent(world),
        *_nothing_is_doubled(world),
        *_edits_arrive(world),
        *[f"I4: unseen staff value overwritten {text}" for text in world.remote.overwritten],
        *_answers_once(world),
        *_meta_is_kept(world),
    ]


def _nothing_is_silent(world: World) -> Iterator[str]:
    for row in world.store.pushes.values():
        may_wait = row.token in world.poison or _waits_for_poison(world, row.lead_id)
        if row.state in (DONE, DISCARDED) or (may_wait and (row.problem[2] or row.kind == UPDATE)):
            continue
        yield f"I1: push {row.push_id} ({row.kind}) is left {row.state}: {row.problem}"


def _waits_for_poison(world: World, lead_id: int) -> bool:
    return any(
        r.lead_id == lead_id and r.token in world.poison and r.state == NEEDS_ATTENTION
        for r in world.store.pushes.values()
    )


def _nothing_is_doubled(world: World) -> Iterator[str]:
    tokens = Counter(lead.values["meta"].get("leadmirror") for lead in world.remote.leads.values())
    for token, times in world.posts.items():
        if times > 1 or tokens[token] > 1:
            yield f"I2: {token} was made {max(times, tokens[token])} times"
    for row in world.store.pushes.values():
        if row.kind != UPDATE and row.state == DONE and world.posts[row.token] != 1:
            yield f"I2: {row.token} is said to be done and was made {world.posts[row.token]} times"


def _edits_arrive(world: World) -> Iterator[str]:
    last: dict[tuple[int, str], Wish] = {}
    for wish in world.wishes:
        if wish.name == "questionnaire":
            yield from _pairs_arrive(world, wish)
        elif wish.name == "meta":
            yield from _keys_arrive(world, wish)
        else:
            last[(wish.lead_id, wish.name)] = wish
    for wish in last.values():
        if not _arrived(world, wish):
            yield f"I3: {wish.name} = {wish.value!r} of lead {wish.lead_id} is nowhere"


def _arrived(world: World, wish: Wish) -> bool:
    if _is_open(world, wish.lead_id) or _was_in_conflict(world, wish):
        return True
    remote = world.remote.leads.get(world.store.leads[wish.lead_id].remote_id or 0)
    return remote is not None and (
        wish.value in remote.ours.get(wish.name, []) or remote.values.get(wish.name) == wish.value
    )


def _is_open(world: World, lead_id: int) -> bool:
    return any(r.lead_id == lead_id and r.state not in (DONE, DISCARDED) for r in world.store.pushes.values())


def _was_in_conflict(world: World, wish: Wish) -> bool:
    conflicts = [c for c in world.store.conflicts if c.lead_id == wish.lead_id and c.field == wish.name]
    return any(c.mine == wish.value for c in conflicts)


def _pairs_arrive(world: World, wish: Wish) -> Iterator[str]:
    if _is_open(world, wish.lead_id):
        return
    remote = world.remote.leads.get(world.store.leads[wish.lead_id].remote_id or 0)
    shown = (remote.values.get("questionnaire") or []) if remote else []
    for pair in wish.value:
        if pair not in shown:
            yield f"I5: answer {pair[0]!r} of lead {wish.lead_id} is missing"


def _keys_arrive(world: World, wish: Wish) -> Iterator[str]:
    conflicts = [c for c in world.store.conflicts if c.lead_id == wish.lead_id and c.field == "meta"]
    if _is_open(world, wish.lead_id) or conflicts:
        return
    remote = world.remote.leads.get(world.store.leads[wish.lead_id].remote_id or 0)
    shown = (remote.values.get("meta") or {}) if remote else {}
    for key, value in wish.value.items():
        if key.startswith("mine") and shown.get(key) != value:
            yield f"I3: meta key {key} of lead {wish.lead_id} is nowhere"


def _answers_once(world: World) -> Iterator[str]:
    for lead in world.remote.leads.values():
        counts = Counter(tuple(pair) for pair in lead.values.get("questionnaire") or [])
        for pair, times in counts.items():
            if times > 1:
                yield f"I5: answer {pair[0]!r} of #{lead.values['id']} stands there {times} times"


def _meta_is_kept(world: World) -> Iterator[str]:
    for lead in world.remote.leads.values():
        meta = lead.values.get("meta") or {}
        if not meta.get("leadmirror"):
            yield f"I6: #{lead.values['id']} lost its token"
        for key in lead.foreign_meta:
            if key not in meta:
                yield f"I6: #{lead.values['id']} lost the foreign key {key}"
