"""One long job with progress: an import, a refresh of many leads. Resumes after a crash, can be paused."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from leads.models.connection import Connection


class RunQuerySet(models.QuerySet["Run"]):
    """Runs by what should happen to them."""

    def due(self, now: datetime) -> RunQuerySet:
        """Unfinished, and nobody is working on them."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        return self.filter(free, state__in=(Run.WAITING, Run.RUNNING), due_at__lte=now)


class Run(models.Model):
    """Totals are kept by named mutators; the items say what is left."""

    IMPORT, REFRESH, LOOKUP, REFERENCE, PULL = "import", "refresh", "lookup", "reference", "pull"
    KINDS = [
        (IMPORT, "import"),
        (REFRESH, "refresh"),
        (LOOKUP, "look-up by contact"),
        (REFERENCE, "reference data"),
        (PULL, "back-fill"),
    ]
    WAITING, RUNNING, PAUSED, CANCELLED, DONE = "waiting", "running", "paused", "cancelled", "done"
    STATES = [(s, s) for s in (WAITING, RUNNING, PAUSED, CANCELLED, DONE)]

    kind = models.CharField(max_length=15, choices=KINDS)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    lane = models.CharField(max_length=10, default="bulk")
    name = models.CharField(max_length=200, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="", db_index=True)
    actor = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=10, choices=STATES, default=WAITING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True, default="")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(done__gte=0, failed__gte=0), name="run_counts_are_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}".strip()

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {self.DONE, self.CANCELLED}

    def claim(self, now: datetime, lease: timedelta) -> bool:
        """Become the one who works on this run. False where somebody else does, or it is not to go on."""
        won = (
            Run.objects.due(now)
            .filter(pk=self.pk, fence=self.fence)
            .update(state=self.RUNNING, fence=F("fence") + 1, lease_until=now + lease)
        )
        if won:
            Run.objects.filter(pk=self.pk, started_at__isnull=True).update(started_at=now)
            self.refresh_from_db()
        return bool(won)

    def keep(self, now: datetime, lease: timedelta) -> bool:
        """Hold on to the claim; False when it was lost, or the run was paused or cancelled meanwhile."""
        return bool(
            Run.objects.filter(pk=self.pk, fence=self.fence, state=self.RUNNING).update(
                lease_until=now + lease
            )
        )

    def release(self, now: datetime, due_at: datetime | None = None, problem: str = "") -> None:
        """Let go of the claim, to be taken up again at ``due_at``."""
        Run.objects.filter(pk=self.pk, fence=self.fence).update(
            lease_until=None, due_at=due_at or now, problem=problem[:500]
        )

    def finish(self, now: datetime) -> None:
        """No item is left."""
        Run.objects.filter(pk=self.pk, fence=self.fence, state=self.RUNNING).update(
            state=self.DONE, lease_until=None, ended_at=now, problem=""
        )

    def pause(self) -> bool:
        """Stop after the present item."""
        return bool(
            Run.objects.filter(pk=self.pk, state__in=(self.WAITING, self.RUNNING)).update(state=self.PAUSED)
        )

    def resume(self, now: datetime) -> bool:
        """Go on where it stopped."""
        return bool(
            Run.objects.filter(pk=self.pk, state=self.PAUSED).update(
                state=self.WAITING, due_at=now, lease_until=None
            )
        )

    def cancel(self, now: datetime) -> bool:
        """Stop for good; what was done stays."""
        return bool(
            Run.objects.filter(pk=self.pk, state__in=(self.WAITING, self.RUNNING, self.PAUSED)).update(
                state=self.CANCELLED, ended_at=now, lease_until=None
            )
        )


class RunItem(models.Model):
    """One thing to do in a run: one lead, or one line of a file."""

    WAITING, DONE, FAILED = "waiting", "done", "failed"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="Line of the file, or position.")
    order = models.BigIntegerField(default=0, help_text="Lower is done first; then by number.")
    #: One of {"leadpro_id"}, {"lead"}, {"email"}, {"phone"} with optional first_name and last_name.
    key = models.JSONField()
    state = models.CharField(max_length=10, default=WAITING)
    tries = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    found = models.PositiveIntegerField(default=0)
    problem_code = models.CharField(max_length=30, blank=True, default="")
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_item_per_number")]
        indexes = [
            models.Index(fields=["run", "order", "number"], condition=Q(state="waiting"), name="item_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.number}"
