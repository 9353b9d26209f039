"""The only writer of mirrored fields: what Lead.pro showed becomes copies, columns and history.

Nothing here talks to a remote, and nothing here decides when to look again but by asking ``observing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models import Model, QuerySet

from integrations.leadpro.payloads import ParsedLead, canonical_hash, parse_lead
from leads.models import Cause, Change, Connection, Copy, Lead, Origin, Push, SyncState
from leads.models.columns import write_columns
from leads.models.durability import allow_losing_this
from leads.models.keys import email_key, phone_key
from leads.models.state import edits_by_lead, refresh_states
from leads.models.values import json_value, storable
from leads.sync import adopting, contacts, keeping, learning, pricing
from leads.sync.comparing import COLUMNS, compare
from leads.sync.observing import NEEDED, Looks, facts_around, facts_of
from leads.sync.writing import warn

Row = TypeVar("Row", bound=Model)
CREATED, CHANGED, UNCHANGED, OLDER = "created", "changed", "unchanged", "older"


@dataclass(frozen=True, slots=True)
class Seen:
    """One lead object as the remote showed it, and when the request that showed it was started."""

    payload: dict[str, Any]
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one Seen. ``outcome``: created, changed, unchanged or older."""

    lead_id: int
    leadpro_id: int
    outcome: str
    fields: tuple[str, ...] = ()


def store(
    connection: Connection, seen: Sequence[Seen], cause: Cause, *, now: datetime, actor: str = ""
) -> list[Stored]:
    """Apply what was read, in one transaction. Repeatable: the same news twice changes nothing but "seen at".

    Older news than what is applied is ignored; fields with a local edit on its way keep it; a token of ours attaches
    the copy to the lead that was pushed. Raises UnexpectedPayload for an object without a usable id.
    """
    for last_try in (False, False, True):
        try:
            with transaction.atomic():
                storing = _Storing(connection, cause, actor, now)
                stored = storing.store(seen)
        except (IntegrityError, OperationalError):
            # Somebody stored the same new lead at the same time, or a deadlock was broken: the second look sees it.
            if last_try or connections["default"].in_atomic_block:
                raise
        else:
            storing.looks.settle()
            transaction.on_commit(pricing.flush_if_due, robust=True)
            return stored
    raise AssertionError("unreachable")


class _Storing:
    """The state of one call of ``store``."""

    def __init__(self, connection: Connection, cause: Cause, actor: str, now: datetime) -> None:
        self.connection, self.cause, self.actor, self.now = connection, cause, actor, now
        self.looks = Looks(connection, cause, now)
        self.people: list[contacts.Person] = []
        self.changes: list[Change] = []
        self.lead_rows: list[tuple[int, dict[str, Any]]] = []
        self.copy_rows: list[tuple[int, dict[str, Any]]] = []
        self.restate: set[int] = set()
        self.shown: set[tuple[str, str]] = set()
        self.notes: list[tuple[int, str]] = []

    def store(self, seen: Sequence[Seen]) -> list[Stored]:
        news = _newest_of_each(seen)
        copies = self._known(news)
        outcomes: dict[int, Stored] = {}
        changed: list[tuple[Copy, Seen, str]] = []
        unknown: list[tuple[int, Seen, str]] = []
        still: list[tuple[Copy, Seen]] = []
        for remote_id, one in news.items():
            digest = canonical_hash(one.payload)
            copy = copies.get(remote_id)
            if copy is None:
                unknown.append((remote_id, one, digest))
            elif copy.knows_newer(one.started_at, self.now):
                outcomes[remote_id] = Stored(copy.lead_id, remote_id, OLDER)
            elif digest == copy.content_hash and copy.missing_since is None:
                still.append((copy, one))
                outcomes[remote_id] = Stored(copy.lead_id, remote_id, UNCHANGED)
            else:
                changed.append((copy, one, digest))
        self._touch(still)
        for result in (*self._store_changed(changed), *self._store_unknown(unknown)):
            outcomes[result.leadpro_id] = result
        contacts.note_people(self.connection, self.people, self.looks.model, self.now)
        if changed or unknown:
            self._finish()
        else:
            allow_losing_this()
        return [outcomes[remote_id] for remote_id in news]

    def _locked(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        return rows.select_for_update() if connections[rows.db].features.has_select_for_update else rows

    def _known(self, remote_ids: Iterable[int]) -> dict[int, Copy]:
        """The copies that are here, locked, without their raw payloads: most of them have not changed."""
        rows = Copy.objects.filter(connection=self.connection, remote_id__in=[str(n) for n in remote_ids])
        return {int(copy.remote_id): copy for copy in self._locked(rows.only(*NEEDED).order_by("id"))}

    def _touch(self, still: list[tuple[Copy, Seen]]) -> None:
        facts = facts_of([copy.lead_id for copy, _ in still]) if still else {}
        rows = []
        for copy, one in still:
            lead = facts[copy.lead_id]
            if copy.awake_since is None:
                self._meet(parse_lead(one.payload), lead.listed_at)
            rows.append((copy.pk, self.looks.again(copy, lead, lead, one.started_at, changed=False)))
        write_columns(Copy, rows)

    def _store_changed(self, changed: list[tuple[Copy, Seen, str]]) -> list[Stored]:
        if not changed:
            return []
        ids = [copy.lead_id for copy, _, _ in changed]
        raws = dict(Copy.objects.filter(pk__in=[copy.pk for copy, _, _ in changed]).values_list("pk", "raw"))
        leads = {lead.pk: lead for lead in self._locked(Lead.objects.filter(pk__in=ids).order_by("id"))}
        edits, guests = edits_by_lead(ids), adopting.guests(self.connection, ids)
        results = []
        for copy, one, digest in changed:
            lead, parsed = leads[copy.lead_id], parse_lead(one.payload)
            before, after = facts_around(lead, parsed.values)
            self._meet(parsed, lead.listed_at)
            more = (edits.get(lead.pk, {}), raws[copy.pk], one.payload)
            fields = {} if lead.pk in guests else self._apply(lead, parsed, *more)
            if copy.missing_since is not None or lead.pk in edits:
                self.restate.add(lead.pk)
            has_changed = digest != copy.content_hash
            row = {
                **self.looks.again(copy, before, after, one.started_at, changed=has_changed),
                "raw": storable(one.payload),
                "content_hash": digest,
                "missing_since": None,
                "gone_at": None,
                "changed_at": self.now if has_changed else copy.changed_at,
            }
            self.copy_rows.append((copy.pk, row))
            outcome = CHANGED if has_changed else UNCHANGED
            results.append(Stored(lead.pk, int(copy.remote_id), outcome, tuple(fields)))
        return results

    def _apply(
        self,
        lead: Lead,
        parsed: ParsedLead,
        edits: dict[str, dict[str, Any]],
        old_raw: dict[str, Any],
        raw: dict[str, Any],
        notes: Sequence[str] = (),
    ) -> dict[str, list[Any]]:
        """Work out the columns of one known lead; what people see as changed is returned and recorded."""
        row, diff = compare(lead, parsed, edits, old_raw, raw, notes)
        if row or diff:
            self._note(lead, row, diff)
        self._learn(parsed)
        return diff

    def _note(self, lead: Lead, row: dict[str, Any], diff: dict[str, list[Any]]) -> None:
        if "email" in row:
            row["email_key"] = email_key(row["email"])
        if "phone" in row:
            row["phone_key"] = phone_key(row["phone"])
        if diff:
            row["changed_at"] = self.now
            self._change(lead.pk, diff, lead.office_id, row.get("office_id", lead.office_id))
        self.lead_rows.append((lead.pk, row))

    def _change(
        self, lead_id: int, diff: dict[str, list[Any]], before: int | None, after: int | None
    ) -> None:
        self.changes.append(
            Change(
                at=self.now,
                lead_id=lead_id,
                connection=self.connection,
                cause=self.cause,
                actor=self.actor,
                fields=diff,
                office_before=before,
                office_after=after,
            )
        )

    def _store_unknown(self, unknown: list[tuple[int, Seen, str]]) -> list[Stored]:
        if not unknown:
            return []
        parsed = {remote_id: parse_lead(one.payload) for remote_id, one, _ in unknown}
        owners = adopting.find_owners(self.connection, parsed.values())
        results: list[Stored] = []
        fresh: list[tuple[Lead, Seen, str]] = []
        # Lowest id first: of two remote leads that bear one token, the first one made is the one we pushed.
        for remote_id, one, digest in sorted(unknown, key=lambda row: row[0]):
            push = owners.claim(parsed[remote_id])
            if push is None:
                fresh.append((self._new_lead(parsed[remote_id], owners.twin(parsed[remote_id])), one, digest))
            else:
                fields = self._attach(push, parsed[remote_id], one, digest)
                results.append(Stored(push.lead_id, remote_id, CHANGED, tuple(fields)))
        return results + self._insert(fresh, parsed)

    def _attach(self, push: Push, parsed: ParsedLead, one: Seen, digest: str) -> dict[str, list[Any]]:
        lead = self._locked(Lead.objects.filter(pk=push.lead_id)).get()
        notes = adopting.compare_with_sent(push, parsed)
        more: Any = (keeping.edits_at_arrival(lead, push, parsed, self.now), {}, one.payload, notes)
        fields = {} if adopting.guests(self.connection, [lead.pk]) else self._apply(lead, parsed, *more)
        self._new_copy(lead, one, digest, parsed).save()
        adopting.settle(push, parsed.leadpro_id, self.now)
        self.restate.add(lead.pk)
        return fields

    def _new_lead(self, parsed: ParsedLead, twin: tuple[Push, str] | None) -> Lead:
        values = parsed.values
        if twin is not None:
            self.notes.append((twin[0].lead_id, twin[1]))
        return Lead(
            **values,
            leadpro_id=parsed.leadpro_id,
            origin=Origin.IMPORT if self.cause == Cause.IMPORT else Origin.LEADPRO,
            listed_at=values["created_at"] or self.now,
            first_seen_at=self.now,
            changed_at=self.now,
            warnings=[*parsed.warnings, *([twin[1]] if twin else [])],
            email_key=email_key(values["email"]),
            phone_key=phone_key(values["phone"]),
            sync_state=SyncState.IN_SYNC,
        )

    def _new_copy(self, lead: Lead, one: Seen, digest: str, parsed: ParsedLead) -> Copy:
        self._meet(parsed, lead.listed_at)
        return Copy(
            lead=lead,
            connection=self.connection,
            remote_id=str(parsed.leadpro_id),
            raw=storable(one.payload),
            content_hash=digest,
            changed_at=self.now,
            **self.looks.first(lead, one.started_at),
        )

    def _meet(self, parsed: ParsedLead, listed_at: datetime) -> None:
        self.people += contacts.people_of(parsed.values, min(listed_at, self.now))

    def _insert(self, fresh: list[tuple[Lead, Seen, str]], parsed: dict[int, ParsedLead]) -> list[Stored]:
        Lead.objects.bulk_create([lead for lead, _, _ in fresh])
        copies, results = [], []
        for lead, one, digest in fresh:
            remote_id = lead.leadpro_id or 0
            copies.append(self._new_copy(lead, one, digest, parsed[remote_id]))
            first = {n: [None, json_value(v)] for n in COLUMNS if (v := getattr(lead, n)) is not None}
            self._change(lead.pk, first, None, lead.office_id)
            self._learn(parsed[remote_id])
            results.append(Stored(lead.pk, remote_id, CREATED, tuple(first)))
        Copy.objects.bulk_create(copies)
        return results

    def _learn(self, parsed: ParsedLead) -> None:
        if parsed.values["status"] and parsed.values["stage"]:
            self.shown.add((parsed.values["status"], parsed.values["stage"]))

    def _finish(self) -> None:
        write_columns(Lead, self.lead_rows, counter="version")
        write_columns(Copy, self.copy_rows)
        for lead_id, note in self.notes:
            warn(lead_id, note)
        learning.learn_stages(self.connection, self.shown)
        if self.restate:
            refresh_states(self.restate, self.now)
        Change.objects.append(self.changes)


def _newest_of_each(seen: Sequence[Seen]) -> dict[int, Seen]:
    newest: dict[int, Seen] = {}
    for one in seen:
        remote_id = adopting.remote_id_of(one.payload)
        if remote_id not in newest or newest[remote_id].started_at <= one.started_at:
            newest[remote_id] = one
    return newest
