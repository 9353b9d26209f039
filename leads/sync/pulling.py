"""Pulls portal leads in windows of ingestion time: the newest every minute, years of them in a back-fill, and all of
them again and again, because a remote that forgets somebody does not say so.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.errors import RateLimited, Refused, RemoteError, TransientError, UnexpectedPayload
from integrations.rest import Answer
from leads.models import Connection, Lane, Window
from leads.remotes import BudgetSpent, ConnectionPaused, NotConnected
from leads.remotes.aviv import StartLost, open_aviv
from leads.sync import erasing
from leads.sync.claiming import Claim
from leads.sync.spans import bounds, move_head
from leads.sync.taking import Overtaken, Page, take

#: What is read again at each pull: leads may be shown up to so long after they were ingested.
OVERLAP = timedelta(hours=48)
#: How far back the very first pull looks by itself.
FIRST = timedelta(days=30)
#: How old the newest reading may be before the sweep rings again.
EVERY = timedelta(seconds=45)
#: A cursor is good for one reading of one window, and not for ever.
CURSOR_LIFE = timedelta(hours=1)
MOST_FAILURES = 8
LONGEST_PAUSE, LONGEST_NAP = 30.0, 5.0
#: The longest that deleting may keep reading waiting.
EXPIRING = timedelta(minutes=1)
#: When a span that the remote refused is tried again.
REFUSED_WAIT = timedelta(hours=12)
#: How often one reading may begin again because the lead to go on from is gone.
MOST_RESTARTS = 5


class Busy(TransientError):
    """Nothing was read: another pull for this connection is at work."""


class Stopped(Exception):
    """The time is up, or somebody stopped it. The cursor stands behind the last page that was stored."""


class Pull:
    """One worker's pull, under its claim. ``counts``: windows and pages read, and what became of the leads.

    ``deadline``: when to stop; transient faults are tried again until then, without one MOST_FAILURES times in a row.
    ``go_on`` is asked before every page; ``on_page`` is told after it.
    """

    def __init__(
        self,
        connection: Connection,
        claim: Claim,
        *,
        lane: str = Lane.SCHEDULE,
        deadline: datetime | None = None,
        go_on: Callable[[], bool] | None = None,
        on_page: Callable[[Counter[str]], None] | None = None,
    ) -> None:
        self.connection, self.claim, self.lane, self.deadline = connection, claim, lane, deadline
        self.go_on, self.on_page = go_on, on_page
        self.counts: Counter[str] = Counter(windows=0, pages=0, created=0, changed=0, unchanged=0, erased=0)
        self._failures = 0

    def read_head(self, asked_at: datetime) -> None:
        """Read what is newest, and the overlap before it, until all that was there at ``asked_at`` has been seen."""
        while True:
            now = timezone.now()
            head = head_of(self.connection, now)
            if head.begun_at is None:
                if head.read_at is not None and head.read_at >= asked_at and head.until > asked_at:
                    return
                since, until = move_head(head.until if head.read_at else None, now, OVERLAP, FIRST)
                head.begin(now, since=since, until=until)
                head.refresh_from_db()
            self.read(head)

    def read_spans(self) -> None:
        """Read the spans again whose time has come: that is how erasures are noticed. One that is refused comes again
        later and keeps no other waiting.
        """
        due = Window.objects.filter(connection=self.connection, kind=Window.SPAN, due_at__lte=timezone.now())
        while window := due.order_by("due_at", "id").first():
            try:
                self.read(window)
            except (Refused, UnexpectedPayload) as error:
                later = timezone.now() + REFUSED_WAIT
                Window.objects.filter(pk=window.pk).update(due_at=later, problem=error.summary[:500])

    def expire(self) -> None:
        """Erase what the remote wanted deleted by now."""
        self.counts["erased"] += erasing.expire_all(
            self.connection, self.deadline or timezone.now() + EXPIRING
        )

    def read(self, window: Window) -> None:
        """Read one window to its end, from where its reading stands. Raises Stopped, Overtaken or RemoteError."""
        window.connection = self.connection
        begin_again = window.paged_at is None or timezone.now() - window.paged_at > CURSOR_LIFE
        if window.begun_at is None or begin_again:
            self._begin(window)
        restarts, walked = 0, set[str]()
        while window.begun_at is not None:
            self._check()
            try:
                answer = self._fetch(window, walked)
            except StartLost:
                restarts += 1
                if restarts > MOST_RESTARTS:
                    raise
                walked.clear()
                self._begin(window)
                continue
            walked.add(window.start)
            self._store(window, answer)
        self.counts["windows"] += 1

    def _begin(self, window: Window) -> None:
        if not window.begin(timezone.now()):
            raise Overtaken
        window.refresh_from_db()

    def _check(self) -> None:
        now = timezone.now()
        if (self.deadline is not None and now >= self.deadline) or (
            self.go_on is not None and not self.go_on()
        ):
            raise Stopped
        if not self.claim.keep(now):
            raise Overtaken

    def _fetch(self, window: Window, walked: set[str]) -> Answer:
        """The next page; never one that leads back to a start ``walked`` before. Transient faults are tried again."""
        while True:
            try:
                door = open_aviv(self.connection, self.lane, patience=LONGEST_PAUSE)
                answer = door.get_leads(
                    *bounds(window.since, window.end), start=window.start or None, walked=walked
                )
            except RemoteError as error:
                if not is_passing(error):
                    raise
                self._wait(error)
            else:
                self._failures = 0
                return answer

    def _wait(self, error: RemoteError) -> None:
        if isinstance(error, BudgetSpent):
            pause = error.wait
        else:
            self._failures += 1
            pause = min(0.25 * 2**self._failures, LONGEST_PAUSE)
            if isinstance(error, RateLimited) and error.retry_after:
                pause = error.retry_after
        is_late = self.deadline is not None and timezone.now() + timedelta(seconds=pause) >= self.deadline
        if is_late or self._failures > MOST_FAILURES:
            raise error
        while pause > 0:
            self._check()
            time.sleep(min(pause, LONGEST_NAP))
            pause -= LONGEST_NAP

    def _store(self, window: Window, answer: Answer) -> None:
        page = Page(answer.data.items, answer.started_at, answer.data.next_start)
        self.counts.update(take(window, page, timezone.now()))
        self.counts["pages"] += 1
        window.refresh_from_db()
        if self.on_page is not None:
            self.on_page(self.counts)


def head_of(connection: Connection, now: datetime) -> Window:
    """The connection's newest window, made where it is missing."""
    head, _ = Window.objects.get_or_create(
        connection=connection,
        kind=Window.HEAD,
        defaults={"since": now - timedelta(seconds=1), "until": now},
    )
    return head


def pull(
    connection: Connection,
    asked_at: datetime,
    *,
    deadline: datetime | None = None,
    patience: float | None = 0.0,
    on_page: Callable[[Counter[str]], None] | None = None,
) -> Counter[str]:
    """Everything that is due: what is to be deleted, the newest leads, and spans to read again.

    Raises Busy where another pull is at work for longer than ``patience`` seconds (None: as long as it takes), else
    RemoteError. What was stored stays, and the next pull goes on from there. Repeatable.
    """
    while True:
        with_claim = wait_for_claim(connection, patience)
        work = Pull(connection, with_claim, deadline=deadline, on_page=on_page)
        try:
            work.expire()
            work.read_head(asked_at)
            work.read_spans()
        except Stopped:
            pass
        except Overtaken:
            if deadline is None:
                continue
        finally:
            with_claim.release()
        return work.counts


def is_passing(error: RemoteError) -> bool:
    """Whether the same call may work in a moment. A garbled answer may; a shut connection does not open by itself."""
    is_shut = isinstance(error, (ConnectionPaused, NotConnected, StartLost))
    return isinstance(error, (TransientError, UnexpectedPayload)) and not is_shut


def pull_due(connection: Connection, deadline: datetime) -> bool:
    """What the sweep rings for: whether there is more to do at once. Faults are noted on the connection."""
    try:
        pull(connection, timezone.now() - EVERY, deadline=deadline)
    except RemoteError:
        return False
    return is_due(connection, timezone.now())


def wait_for_claim(connection: Connection, patience: float | None) -> Claim:
    """The claim, waited for at most so long: it lapses PUSH_LEASE_SECONDS after its holder's last sign of life."""
    began = time.monotonic()
    while True:
        claim = Claim.take(connection, timezone.now())
        if claim is not None:
            return claim
        if patience is not None and time.monotonic() - began >= patience:
            raise Busy("Another pull for this connection is at work. It was left to that one.")
        time.sleep(0.2)


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether the sweep should ring for a pull."""
    windows = Window.objects.filter(connection=connection)
    head = windows.filter(kind=Window.HEAD).first()
    if head is None or head.read_at is None or head.begun_at is not None or now - head.until >= EVERY:
        return True
    return windows.filter(kind=Window.SPAN, due_at__lte=now).exists()
