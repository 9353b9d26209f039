"""Takes a page of portal leads in: leads, copies, history, and the cursor behind them, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from integrations.aviv.payloads import ParsedAviv, parse_lead, render_meta
from integrations.errors import UnexpectedPayload
from integrations.leadpro.payloads import canonical_hash
from leads.models import Cause, Change, Connection, Copy, Erasure, Lead, Origin, Run, SyncState, Window
from leads.models.columns import insert_rows, write_columns
from leads.models.durability import allow_losing_this
from leads.models.keys import email_key, phone_key
from leads.models.state import edits_by_lead
from leads.models.values import json_value, storable
from leads.sync import erasing, submitted
from leads.sync.locking import lock
from leads.sync.spans import find_span

#: When a span is first read again: its leads are read as they come, some of them days before the span ends.
READ_FIRST = timedelta(days=20)


#: A portal's copy is not looked at one by one: its windows are.
_OFF_SCHEDULE = {
    "refresh_class": None,
    "gamma_shape": 1.0,
    "gamma_rate": 1.0,
    "refresh_interval": 86400.0,
    "demand": 0.0,
    "failures": 0,
}


class Overtaken(Exception):
    """Somebody else has read on from this cursor. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it came: its leads, when its request was started, the cursor of the next page (None: the last)."""

    items: Sequence[dict[str, Any]]
    started_at: datetime
    next_start: str | None


@dataclass(slots=True)
class _Shown:
    """One lead of a page."""

    parsed: ParsedAviv
    raw: dict[str, Any]
    digest: str


def take(window: Window, page: Page, now: datetime) -> Counter[str]:
    """Store a page and move the window's cursor behind it. Raises Overtaken.

    Repeatable: a lead that is here already changes nothing but "seen at". Counts: created, changed, unchanged, older,
    suspected (nobody is shown any more), erased, kept_out (erased before, or its time is over), unusable.
    """
    with transaction.atomic():
        if not window.advance(page.next_start, len(page.items), page.started_at):
            raise Overtaken
        if page.next_start is None and window.run_id:
            Run.objects.filter(pk=window.run_id).update(done=F("done") + 1)
        return _Taking(window.connection, page, now).take()


class _Taking:
    """The state of one call of ``take``."""

    def __init__(self, connection: Connection, page: Page, now: datetime) -> None:
        self.connection, self.page, self.now = connection, page, now
        self.counts: Counter[str] = Counter()
        self.changes: list[Change] = []
        self.lead_rows: list[tuple[int, dict[str, Any]]] = []
        self.copy_rows: list[tuple[int, dict[str, Any]]] = []

    def take(self) -> Counter[str]:
        shown = self._parse()
        erasures = Erasure.objects.among(self.connection, shown)
        for remote_id in [n for n in shown if n in erasures and erasures[n].erased_at is not None]:
            del shown[remote_id]
            self.counts["kept_out"] += 1
        copies = self._known(shown)
        changed, still = [], []
        for remote_id, copy in copies.items():
            if copy.knows_newer(self.page.started_at, self.now):
                self.counts["older"] += 1
            elif shown[remote_id].digest == copy.content_hash:
                still.append(copy)
            else:
                changed.append((copy, shown[remote_id]))
        fresh = [one for remote_id, one in shown.items() if remote_id not in copies]
        self._touch(still, erasures)
        gone = self._store_changed(changed, erasures) if changed else []
        if fresh:
            self._insert(self._attach(fresh))
            self._plan(fresh)
        self._finish(gone, is_news=bool(fresh or changed))
        return self.counts

    def _parse(self) -> dict[str, _Shown]:
        shown: dict[str, _Shown] = {}
        for raw in self.page.items:
            try:
                parsed = parse_lead(raw)
            except UnexpectedPayload:
                self.counts["unusable"] += 1
                continue
            parsed.values.setdefault("meta", render_meta(parsed))
            shown[parsed.lead_id] = _Shown(parsed, raw, canonical_hash(raw))
        return shown

    def _known(self, shown: Mapping[str, _Shown]) -> dict[str, Copy]:
        """The copies that are here, locked, without their raw payloads: most of them have not changed."""
        rows = Copy.objects.filter(connection=self.connection, remote_id__in=list(shown)).order_by("id")
        return {c.remote_id: c for c in lock(rows.only("lead_id", "remote_id", "content_hash", "as_of"))}

    def _touch(self, still: Sequence[Copy], erasures: Mapping[str, Erasure]) -> None:
        self.counts["unchanged"] += len(still)
        if still:
            Copy.objects.filter(pk__in=[copy.pk for copy in still]).update(**self._looked())
            erasing.clear_suspicions(erasures[c.remote_id] for c in still if c.remote_id in erasures)

    def _looked(self) -> dict[str, Any]:
        at = self.page.started_at
        return {"as_of": at, "seen_at": at, "last_attempt_at": at}

    def _store_changed(
        self, changed: Sequence[tuple[Copy, _Shown]], erasures: Mapping[str, Erasure]
    ) -> list[int]:
        """Apply what is news. The ids of copies whose person is gone for certain: those are the caller's to erase."""
        raws = dict(Copy.objects.filter(pk__in=[c.pk for c, _ in changed]).values_list("pk", "raw"))
        old = {copy.pk: parse_lead(raws[copy.pk]) for copy, _ in changed}
        blank = [(c, one) for c, one in changed if one.parsed.is_blank and old[c.pk].had_person]
        gone = self._weigh(blank, erasures)
        ids = [copy.lead_id for copy, _ in changed]
        leads = {lead.pk: lead for lead in lock(Lead.objects.filter(pk__in=ids).order_by("id"))}
        edits = edits_by_lead(ids)
        silent = {copy.pk for copy, _ in blank}
        for copy, one in changed:
            if copy.pk not in silent:
                self._apply(leads[copy.lead_id], old[copy.pk], one.parsed, edits.get(copy.lead_id, {}))
                self.copy_rows.append((copy.pk, {**self._looked(), **self._shown(one)}))
                self.counts["changed"] += 1
        erasing.clear_suspicions(
            erasures[c.remote_id] for c, _ in changed if c.pk not in silent and c.remote_id in erasures
        )
        return gone

    def _weigh(self, blank: Sequence[tuple[Copy, _Shown]], erasures: Mapping[str, Erasure]) -> list[int]:
        """What was shown of these people stays as it is until they are certain to be erased."""
        if not blank:
            return []
        read_at = {copy.remote_id: self.page.started_at for copy, _ in blank}
        certain = erasing.weigh(self.connection, read_at, erasures)
        suspected = [(copy, one) for copy, one in blank if copy.remote_id not in certain]
        Copy.objects.filter(pk__in=[copy.pk for copy, _ in suspected]).update(**self._looked())
        self.counts["suspected"] += len(suspected)
        self.counts["erased"] += len(certain)
        # Read again soon, also where the newest leads are no longer read by themselves.
        self._plan(
            [one for _, one in suspected], self.page.started_at + erasing.SURE_AFTER + timedelta(minutes=1)
        )
        return [copy.pk for copy, _ in blank if copy.remote_id in certain]

    def _apply(self, lead: Lead, old: ParsedAviv, parsed: ParsedAviv, edits: Mapping[str, Any]) -> None:
        """Only what AVIV shows otherwise than before, and only where its value stands: what a person typed stays.

        Once Lead.pro has the lead, its copy owns the columns, and this one fills only what is empty.
        """
        row: dict[str, Any] = {}
        for name in old.values.keys() | parsed.values.keys():
            before, theirs, mine = old.values.get(name), parsed.values.get(name), getattr(lead, name)
            is_ours = lead.leadpro_id is None and mine == before
            if theirs not in (before, mine) and name not in edits and (is_ours or mine is None):
                row[name] = theirs
        if not row:
            return
        diff = {name: [json_value(getattr(lead, name)), json_value(value)] for name, value in row.items()}
        if "email" in row:
            row["email_key"] = email_key(row["email"])
        if "phone" in row:
            row["phone_key"] = phone_key(row["phone"])
        self.lead_rows.append((lead.pk, {**row, "changed_at": self.now}))
        self._change(lead.pk, diff, lead.office_id)

    def _shown(self, one: _Shown) -> dict[str, Any]:
        return {
            "raw": storable(one.raw),
            "content_hash": one.digest,
            "changed_at": self.now,
            "expires_at": one.parsed.ttl_at,
        }

    def _change(self, lead_id: int, diff: dict[str, list[Any]], office_id: int | None = None) -> None:
        self.changes.append(
            Change(
                at=self.now,
                lead_id=lead_id,
                connection=self.connection,
                cause=Cause.PULL,
                fields=diff,
                office_before=office_id,
                office_after=office_id,
            )
        )

    def _attach(self, fresh: Sequence[_Shown]) -> list[_Shown]:
        """Leads that we submitted ourselves get their copy; the others are left over, but for those past their time."""
        due = [one for one in fresh if one.parsed.ttl_at is None or one.parsed.ttl_at > self.now]
        self.counts["kept_out"] += len(fresh) - len(due)
        left = []
        owners = submitted.find_owners(self.connection, [one.parsed for one in due])
        for one in due:
            push = owners.get(one.parsed.lead_id)
            if push is None:
                left.append(one)
                continue
            self._apply(push.lead, parse_lead({"metadata": {"leadId": "-"}}), one.parsed, {})
            insert_rows(Copy, [self._copy_row(push.lead_id, one)])
            submitted.settle(push, one.parsed.lead_id, self.now)
            self.counts["changed"] += 1
        return left

    def _insert(self, fresh: Sequence[_Shown]) -> None:
        """In bulk, and by names: of a lead's many columns a portal fills few."""
        names = sorted({name for one in fresh for name in one.parsed.values})
        lead_ids = insert_rows(Lead, [self._lead_row(one.parsed, names) for one in fresh])
        pairs = list(zip(lead_ids, fresh, strict=True))
        insert_rows(Copy, [self._copy_row(lead_id, one) for lead_id, one in pairs])
        for lead_id, one in pairs:
            self._change(lead_id, {name: [None, json_value(v)] for name, v in one.parsed.values.items()})
        self.counts["created"] += len(lead_ids)

    def _lead_row(self, parsed: ParsedAviv, names: Sequence[str]) -> dict[str, Any]:
        values, numbers = parsed.values, {one.e164 for one in parsed.phones}
        phone = values.get("phone")
        return {
            **{name: values.get(name) for name in names},
            "origin": Origin.AVIV.value,
            "listed_at": values.get("created_at") or self.now,
            "first_seen_at": self.now,
            "changed_at": self.now,
            "version": 1,
            "problem": "",
            "pending": {},
            "warnings": parsed.warnings,
            "email_key": email_key(values.get("email")),
            # What is E.164 already is its own key.
            "phone_key": phone if phone and phone in numbers else phone_key(phone),
            "sync_state": SyncState.LOCAL.value,
        }

    def _copy_row(self, lead_id: int, one: _Shown) -> dict[str, Any]:
        return {
            "lead": lead_id,
            "connection": self.connection.pk,
            "remote_id": one.parsed.lead_id,
            **self._shown(one),
            **self._looked(),
            **_OFF_SCHEDULE,
        }

    def _plan(self, shown: Sequence[_Shown], due_at: datetime | None = None) -> None:
        """The spans that these leads lie in are read again, at the latest at ``due_at``."""
        due_at = due_at or self.now + READ_FIRST
        for since, until in sorted({find_span(one.parsed.ingested_at or self.now) for one in shown}):
            row, is_new = Window.objects.get_or_create(
                connection=self.connection,
                kind=Window.SPAN,
                since=since,
                defaults={"until": until, "due_at": due_at},
            )
            if not is_new and (row.due_at is None or row.due_at > due_at):
                Window.objects.filter(pk=row.pk).update(
                    due_at=Least(F("due_at"), due_at) if row.due_at else due_at
                )

    def _finish(self, gone: Sequence[int], *, is_news: bool) -> None:
        write_columns(Lead, self.lead_rows, counter="version")
        write_columns(Copy, self.copy_rows)
        Change.objects.append(self.changes)
        if gone:
            erasing.erase_copies(self.connection, gone, Erasure.REMOTE, self.now)
        elif not is_news:
            allow_losing_this()
