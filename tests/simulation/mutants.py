"""The engine with one rule taken away at a time. A rule whose loss no seed notices is not tested by the simulation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest import mock

from integrations.errors import OutcomeUnknown, RemoteError
from leads.sync import editing, merging
from leads.sync.delivering import creating, outcomes, submitting, updating, waits
from leads.sync.delivering.outcomes import Outcome
from leads.sync.delivering.ports import (
    UNCLEAR,
    UPDATE,
    WAITING,
    After,
    Claimed,
    Desk,
    LookUp,
    Patch,
    Reply,
    Sent,
)
from tests.simulation.rows import Row
from tests.simulation.store import DictStore
from tests.simulation.world import SETTLE, Settings, World
from tests.simulation.writeonly import WriteOnlyWorld

Patches = list[tuple[Any, str, Any]]


@dataclass(frozen=True)
class Mutant:
    """A rule removed. ``dies``: some seed must notice. ``within``: seeds in which it must, where that is known."""

    name: str
    patches: Callable[[], Patches] = list
    settings: Settings | None = None
    dies: bool = True
    within: int = 3000
    world: type[World] = World

    @contextmanager
    def applied(self) -> Iterator[Settings]:
        with ExitStack() as stack:
            for owner, name, value in self.patches():
                stack.enter_context(mock.patch.object(owner, name, value))
            yield self.settings or Settings()


def _dead_is_waiting() -> Patches:
    bury = DictStore.bury

    def bury_as_waiting(self: DictStore, row: Row, now: datetime) -> None:
        was = row.state
        bury(self, row, now)
        if row.kind != UPDATE and was != UNCLEAR and row.state == UNCLEAR:
            row.state, row.was_unclear = WAITING, False

    return [(DictStore, "bury", bury_as_waiting)]


def _reclassify(matches: Callable[[RemoteError], bool]) -> Callable[[], Patches]:
    classify = outcomes.classify

    def patches() -> Patches:
        def lenient(error: RemoteError) -> Outcome:
            return Outcome.NOT_SENT if matches(error) else classify(error)

        return [(outcomes, "classify", lenient)]

    return patches


def _is_timeout(error: RemoteError) -> bool:
    return isinstance(error, OutcomeUnknown) and error.status is None


def _is_5xx(error: RemoteError) -> bool:
    return isinstance(error, OutcomeUnknown) and error.status == 500


def _is_strange(error: RemoteError) -> bool:
    return isinstance(error, OutcomeUnknown) and error.status == 200


def _always_settled() -> Patches:
    return [(waits, "is_settled", lambda started_at, safe_at: True)]


def _email_only() -> Patches:
    return [(creating, "contacts", lambda payload: [("email", payload["email"])])]


def _no_adoption() -> Patches:
    return [(creating, "token_of", lambda lead: None)]


def _failed_lookup_is_absent() -> Patches:
    search = creating.search

    def hopeful(desk: Desk, claim: Claimed) -> Generator[Any, Any, Any]:
        try:
            return (yield from search(desk, claim))
        except RemoteError:
            return [], creating.Sight.CLEAR

    return [(creating, "search", hopeful)]


def _missing_path_is_absent() -> Patches:
    search = creating.search

    def hopeful(desk: Desk, claim: Claimed) -> Generator[Any, Any, Any]:
        hits, _ = yield from search(desk, claim)
        return hits, creating.Sight.CLEAR

    return [(creating, "search", hopeful)]


def _bare_is_anothers() -> Patches:
    def trusting(desk: Desk, claim: Claimed, rows: Any, known: set[int]) -> Generator[Any, Any, Any]:
        yield from ()
        return [], True

    return [(creating, "_verify", trusting)]


def _anybody_is_ours() -> Patches:
    def first(desk: Desk, claim: Claimed) -> Generator[Any, Any, Any]:
        for by, value in creating.contacts(claim.payload):
            reply = yield LookUp(by, value)
            if reply.data:
                return [Reply(reply.data[0], reply.started_at)], creating.Sight.CLEAR
        return [], creating.Sight.CLEAR

    return [(creating, "search", first)]


def _late_answer_is_base() -> Patches:
    adopt = DictStore.adopt

    def eager(
        self: DictStore, claim: Any, reply: Any, now: Any, *, is_own_answer: bool, warnings: Any
    ) -> str:
        return adopt(self, claim, reply, now, is_own_answer=True, warnings=warnings)

    return [(DictStore, "adopt", eager)]


def _resend_patch() -> Patches:
    def stubborn(desk: Desk, claim: Any, remote_id: int, payload: Any, read: Any) -> Generator[Any, Any, Any]:
        for _ in range(20):
            try:
                yield Patch(remote_id, payload, float("inf"))
            except OutcomeUnknown:
                continue
            except RemoteError as error:
                return updating._send_failed(desk, claim, error, desk.clock.now())
            break
        now = desk.clock.now()
        desk.store.record(claim, Sent(now, now, "ok"))
        return desk.store.save(claim, After(plan={**claim.plan, "clear": True}, release=False), now) or "lost"

    return [(updating, "_send", stubborn)]


def _wins(verdict: merging.Verdict) -> Callable[[], Patches]:
    merge_value = merging.merge_value

    def patches() -> Patches:
        def partial(name: str, edit: Any, theirs: Any) -> merging.Verdict:
            found = merge_value(name, edit, theirs)
            return verdict if found is merging.Verdict.CONFLICT else found

        return [(merging, "merge_value", partial)]

    return patches


def _meta_without_union() -> Patches:
    def ours_only(edit: Any, theirs: Any) -> dict[str, str]:
        return dict(edit["mine"] or {})

    return [
        (merging, "meta_to_send", ours_only),
        (updating, "render_meta", lambda meta, token: dict(meta)),
    ]


def _unread_answers() -> Patches:
    plan = merging.plan

    def blind(edits: Any, theirs: Any, decided_elsewhere: Any = ()) -> merging.Merge:
        return plan(edits, {**theirs, "questionnaire": None}, decided_elsewhere)

    return [(merging, "plan", blind)]


def _forgotten_plan() -> Patches:
    def forget(desk: Desk, claim: Any, read: Any, after: After) -> bool:
        return True

    return [(updating, "_settle", forget)]


def _no_was() -> Patches:
    fold = editing.fold

    def short(edits: Any, changes: Any, shown: Any, in_flight: Any, at: float) -> Any:
        folded = fold(edits, changes, shown, in_flight, at)
        for edit in folded.values():
            if "was" in edit:
                edit["base"] = edit.pop("was")
        return folded

    return [(editing, "fold", short)]


def _updates_before_create() -> Patches:
    is_free = DictStore._is_free

    def eager(self: DictStore, row: Row, now: datetime, creates: bool, push_id: int | None) -> bool:
        kept = {n: p for n, p in self.pushes.items() if p.lead_id != row.lead_id or p is row}
        with mock.patch.object(self, "pushes", kept):
            return is_free(self, row, now, creates, push_id)

    return [(DictStore, "_is_free", eager)]


def _resubmit() -> Patches:
    def hopeful(desk: Desk, claim: Claimed) -> After:
        return After(WAITING, desk.clock.now(), was_unclear=True)

    return [(submitting, "in_doubt", hopeful)]


def _impatient_person() -> Patches:
    send_again = DictStore.send_again

    def at_once(self: DictStore, row: Row, now: datetime) -> bool:
        row.safe_at = now
        return send_again(self, row, now)

    return [(DictStore, "send_again", at_once)]


MUTANTS = (
    Mutant("a crashed send counts as not sent", _dead_is_waiting, within=300),
    Mutant("a timeout counts as not sent", _reclassify(_is_timeout), within=100),
    Mutant("a 5xx counts as not sent", _reclassify(_is_5xx), within=200),
    Mutant("a strange 2xx counts as not sent", _reclassify(_is_strange), within=300),
    Mutant("no settling before a second send", _always_settled, within=300),
    Mutant("no send deadline", settings=Settings(keeps_deadline=False)),
    Mutant("no fence on our own rows", lambda: [(DictStore, "checks_fence", False)]),
    Mutant("look-up by e-mail only", _email_only),
    Mutant("what the look-up finds is not adopted", _no_adoption, within=100),
    Mutant("a failed look-up counts as absent", _failed_lookup_is_absent),
    Mutant("a 404 of a look-up that never found anything counts as absent", _missing_path_is_absent),
    Mutant("a lead that the look-up shows without meta is somebody else's", _bare_is_anothers, within=300),
    Mutant("whoever the look-up finds is adopted", _anybody_is_ours, within=300),
    Mutant("no lead hides another", lambda: [(World, "children_are_shown", lambda self: True)]),
    Mutant("what a late look-up shows counts as agreed", _late_answer_is_base),
    Mutant("a PATCH is sent again until it is acknowledged", _resend_patch, within=100),
    Mutant("ours wins a conflict", _wins(merging.Verdict.SEND), within=100),
    Mutant("theirs wins a conflict", _wins(merging.Verdict.TAKE), within=100),
    Mutant("meta without the others' keys and the token", _meta_without_union, within=100),
    Mutant("no limit between read and PATCH", settings=Settings(gap=1e6)),
    Mutant("answers are not compared with the fresh read", _unread_answers),
    Mutant("the last request is not settled before the next", _forgotten_plan),
    Mutant("neither compared nor settled", lambda: [*_unread_answers(), *_forgotten_plan()], within=200),
    Mutant("a change overtakes one that was given up", lambda: [(DictStore, "waits_for_late", False)]),
    # Nothing is lost without it: whoever typed both is asked to choose between two values of their own.
    Mutant("an edit over an edit on its way forgets what stood before", _no_was, dies=False),
    Mutant("two pushes of one lead at a time", _updates_before_create, within=300),
    Mutant("submit: a crashed send counts as not sent", _dead_is_waiting, world=WriteOnlyWorld, within=100),
    Mutant(
        "submit: a timeout counts as not sent", _reclassify(_is_timeout), world=WriteOnlyWorld, within=100
    ),
    Mutant("submit: a 5xx counts as not sent", _reclassify(_is_5xx), world=WriteOnlyWorld, within=100),
    Mutant("submit: what is unclear is sent again by itself", _resubmit, world=WriteOnlyWorld, within=100),
    Mutant("submit: a person may send again at once", _impatient_person, world=WriteOnlyWorld),
    Mutant("submit: no send deadline", settings=Settings(keeps_deadline=False), world=WriteOnlyWorld),
    Mutant(
        "assumption broken: a request takes effect later than the settle time",
        settings=Settings(latest_apply=SETTLE * 3),
    ),
)
