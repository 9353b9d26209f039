"""A span of ingestion time in which a connection's leads are read page by page, and how far that reading is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection
from leads.models.run import Run

#: A span whose leads are here is read whole again so long after it was read.
READ_AGAIN = timedelta(days=28)


class Window(models.Model):
    """One span of at most seven days. ``start`` is the cursor of the reading that is on, good for this span only.

    HEAD is the newest span of a connection, moved along with the clock. RUN is part of a back-fill. SPAN holds leads
    that are here, and is read again and again, because that is how an erasure at the remote is noticed.
    """

    HEAD, RUN, SPAN = "head", "run", "span"
    KINDS = [(HEAD, "newest"), (RUN, "back-fill"), (SPAN, "read again")]

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="windows")
    kind = models.CharField(max_length=5, choices=KINDS)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="windows")
    since = models.DateTimeField(help_text="First second.")
    until = models.DateTimeField(help_text="First second behind it.")
    start = models.CharField(
        max_length=200, blank=True, default="", help_text="The last lead of the page before."
    )
    begun_at = models.DateTimeField(null=True, help_text="When the reading that is on was begun.")
    paged_at = models.DateTimeField(null=True, help_text="When its last page was stored.")
    seen = models.PositiveIntegerField(default=0, help_text="Leads in the reading that is on.")
    read_at = models.DateTimeField(null=True, help_text="When the last whole reading was begun.")
    rows = models.PositiveIntegerField(default=0, help_text="Leads in the last whole reading.")
    due_at = models.DateTimeField(null=True, help_text="When to read it next; null: not by itself.")
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(kind="head"), name="one_head_per_connection"
            ),
            models.UniqueConstraint(
                fields=["connection", "since"], condition=Q(kind="span"), name="one_span_per_moment"
            ),
            models.CheckConstraint(
                condition=Q(until__gt=models.F("since")), name="window_ends_after_it_begins"
            ),
        ]
        indexes = [models.Index(fields=["connection", "kind", "due_at"], name="window_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {self.since:%Y-%m-%d %H:%M}"

    @property
    def end(self) -> datetime:
        """Where the reading that is on ends: a span that is not over yet is read to the moment it was begun at."""
        return min(self.until, self.begun_at) if self.kind == self.SPAN and self.begun_at else self.until

    def begin(self, now: datetime, **moved: datetime) -> bool:
        """Begin a reading from its first page, perhaps of a span that has ``moved``. False where somebody else did."""
        return self._move(start="", begun_at=now, paged_at=now, seen=0, **moved)

    def advance(self, next_start: str | None, leads: int, paged_at: datetime) -> bool:
        """A page of so many leads is stored: the cursor moves, or the reading is whole (None). False where overtaken.

        Only from where this reading stood, so that of two readers of one window one alone stores.
        """
        seen = self.seen + leads
        if next_start is not None:
            return self._move(start=next_start, paged_at=paged_at, seen=seen, problem="")
        # Also where this reading showed nothing: leads of the span are here, and one empty answer proves nothing.
        again = self.begun_at + READ_AGAIN if self.kind == self.SPAN and self.begun_at else None
        whole = {"read_at": self.begun_at, "rows": seen, "due_at": again}
        return self._move(start="", begun_at=None, paged_at=paged_at, seen=0, problem="", **whole)

    def _move(self, **moved: Any) -> bool:
        here = Window.objects.filter(pk=self.pk, start=self.start, begun_at=self.begun_at, seen=self.seen)
        return bool(here.update(**moved))
