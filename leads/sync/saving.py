"""Writes down how a push stands after a step: its row, its conflicts, its lead. Inside the store's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from leads.models import Cause, Conflict, Copy, Lead, Push
from leads.models.state import refresh_states
from leads.sync import editing, missing
from leads.sync.delivering import words
from leads.sync.delivering.ports import After, Claimed
from leads.sync.locking import lock
from leads.sync.merging import Clash


def open_conflicts(lead_id: int) -> dict[str, Conflict]:
    """Field to conflict, of those that nobody decided yet."""
    return {row.field: row for row in Conflict.objects.filter(lead_id=lead_id, decided_at__isnull=True)}


def claimed(push: Push) -> Claimed:
    """The push as the engine sees it."""
    remote_id, in_conflict = None, frozenset[str]()
    if push.kind == Push.UPDATE:
        copy = Copy.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id).first()
        remote_id = int(copy.remote_id) if copy else None
        in_conflict = frozenset(open_conflicts(push.lead_id))
    return Claimed(
        push_id=push.pk,
        lead_id=push.lead_id,
        kind=push.kind,
        state=push.state,
        token=push.token,
        fence=push.fence,
        payload=push.payload,
        edits=push.edits,
        plan=push.plan,
        remote_id=remote_id,
        attempts=push.attempts,
        rounds=push.rounds,
        bugs=push.bugs,
        was_unclear=push.was_unclear,
        created_at=push.created_at,
        claimed_at=push.claimed_at,
        safe_at=push.safe_at,
        in_conflict=in_conflict,
    )


def apply_after(lead: Lead, push: Push, after: After, now: datetime) -> None:
    """Move a locked push on. The lead is locked, too."""
    edits = editing.drop(push.edits, after.over, after.over_pairs)
    for clash in after.clashes:
        if clash.field in edits:
            _draw_in_newest(push, edits, clash.field, now)
            _open_conflict(push, edits, clash, now)
    push.edits = edits
    _set_columns(push, after)
    state = after.state or (
        editing.state_left(edits, open_conflicts(lead.pk)) if after.release else push.state
    )
    if after.release:
        push.lease_until, push.deaths = None, 0
    _set_state(push, state, after, now)
    push.save()
    if after.rebase:
        _rebase_others(push, after)
    _show(lead, push, after, now)
    refresh_states([lead.pk], now)


def _set_columns(push: Push, after: After) -> None:
    if after.counted is not None:
        push.attempts = max(0, push.attempts + (1 if after.counted else -1))
    for name in ("was_unclear", "rounds", "bugs", "safe_at"):
        if (value := getattr(after, name)) is not None:
            setattr(push, name, value)
    if after.plan is not None:
        push.plan = dict(after.plan)


def _set_state(push: Push, state: str, after: After, now: datetime) -> None:
    push.state = state
    push.due_at = after.due_at or now
    if after.problem is not None:
        push.problem_code, push.problem_field, push.problem = after.problem
    elif state in (Push.DONE, Push.WAITING):
        push.problem_code = push.problem_field = push.problem = ""
    elif state == Push.NEEDS_ATTENTION and after.state is None:
        push.problem_code, push.problem_field = "conflict", ""
        push.problem = words.CONFLICT.format(fields=", ".join(sorted(push.edits)))
    if state == Push.WAITING:
        absorb_waiting(push, now)
    if state == Push.DONE:
        copy = Copy.objects.get(lead_id=push.lead_id, connection_id=push.connection_id)
        push.remote_id, push.settled_at = copy.remote_id, now


def _open_conflict(push: Push, edits: editing.Edits, clash: Clash, now: datetime) -> None:
    """Open a conflict, or bring an open one up to date. One that another push opened takes this edit over."""
    known = open_conflicts(push.lead_id).get(clash.field)
    if known is None:
        Conflict.objects.create(
            lead_id=push.lead_id,
            push=push,
            field=clash.field,
            base=clash.base,
            mine=edits[clash.field]["mine"],
            theirs=clash.theirs,
            opened_at=now,
        )
        return
    known.theirs = clash.theirs
    if known.push_id == push.pk:
        # Typed since the engine read it: the row knows better than the clash.
        known.mine = edits[clash.field]["mine"]
    known.save(update_fields=["theirs", "mine"])
    if known.push_id == push.pk:
        return
    edit = edits.pop(clash.field)
    for owner in lock(Push.objects.filter(pk=known.push_id)):
        if editing.is_later(edit, owner.edits.get(clash.field)):
            set_mine(known, owner, edit["mine"], edit["at"])


def _draw_in_newest(push: Push, edits: editing.Edits, field: str, now: datetime) -> None:
    """What a person decides about is the last thing typed: a later edit that waits elsewhere is drawn in."""
    rows = Push.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id, kind=Push.UPDATE)
    for other in lock(rows.filter(state=Push.WAITING).exclude(pk=push.pk)):
        later = other.edits.get(field)
        if later is None or not editing.is_later(later, edits[field]):
            continue
        other.edits = editing.drop(other.edits, [field], [])
        if not other.edits:
            end_together(other, push, now)
        other.save()
        edits[field] = {**edits[field], "mine": later["mine"], "at": later["at"]}


def end_together(push: Push, other: Push, now: datetime) -> None:
    """All of this push travels with another one."""
    push.state, push.settled_at = Push.DISCARDED, now
    push.problem, push.problem_code = words.TOGETHER.format(push_id=other.pk), "together"


def set_mine(conflict: Conflict, owner: Push, mine: Any, at: float) -> None:
    """A newer value of ours in an open conflict; it stays open."""
    conflict.mine = mine
    conflict.save(update_fields=["mine"])
    known = owner.edits.get(conflict.field, {})
    edit = {**known, "mine": mine, "at": editing.typed_at(at, known)}
    owner.edits = {**owner.edits, conflict.field: edit}
    owner.save(update_fields=["edits"])


def absorb_waiting(push: Push, now: datetime) -> None:
    """One update waits per lead: the edits of another that waits join this one, which is about to."""
    if push.kind != Push.UPDATE:
        return
    rows = Push.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id, kind=Push.UPDATE)
    for other in lock(rows.filter(state=Push.WAITING).exclude(pk=push.pk)):
        push.edits = editing.absorb(push.edits, other.edits)
        end_together(other, push, now)
        other.save()
    for field, conflict in open_conflicts(push.lead_id).items():
        if conflict.push_id == push.pk and field in push.edits:
            conflict.mine = push.edits[field]["mine"]
            conflict.save(update_fields=["mine"])


def _rebase_others(push: Push, after: After) -> None:
    others = Push.objects.filter(lead_id=push.lead_id, connection_id=push.connection_id, kind=Push.UPDATE)
    for other in lock(others.filter(state=Push.WAITING).exclude(pk=push.pk)):
        other.edits = editing.rebase(other.edits, after.rebase)
        other.save(update_fields=["edits"])


def _show(lead: Lead, push: Push, after: After, now: datetime) -> None:
    if after.warnings:
        warnings = list(dict.fromkeys([*lead.warnings, *after.warnings]))
        Lead.objects.filter(pk=lead.pk).update(warnings=warnings, version=F("version") + 1)
    if after.show:
        waiting = {
            name
            for other in Push.objects.filter(lead_id=lead.pk, kind=Push.UPDATE, state__in=Push.OPEN)
            for name in other.edits
        }
        missing.show_remote(lead, [n for n in after.show if n not in waiting], Cause.PUSH, push.actor, now)
    if after.missing_at is not None:
        for copy in Copy.objects.filter(lead_id=lead.pk, connection_id=push.connection_id):
            missing.mark_missing(copy, after.missing_at, now)
