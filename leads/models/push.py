"""The intent to create, value or update a lead at one connection: a row of the outbox."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from leads.models.connection import Connection
from leads.models.lead import Lead


def new_token() -> str:
    """What is put into ``meta`` so that our lead is recognised whatever happens: 24 characters without capitals."""
    return secrets.token_hex(12)


class PushQuerySet(models.QuerySet["Push"]):
    """Pushes by state."""

    def open(self) -> PushQuerySet:
        """Not settled yet, in whatever way."""
        return self.filter(state__in=Push.OPEN)

    def on_their_way(self) -> PushQuerySet:
        """Waiting, sending or unclear."""
        return self.filter(state__in=Push.MOVING)

    def may_still_arrive(self, now: datetime) -> PushQuerySet:
        """Updates put aside or discarded while their last request may still take effect at the remote."""
        ended = self.filter(
            kind=Push.UPDATE, state__in=(Push.NEEDS_ATTENTION, Push.DISCARDED), safe_at__gt=now
        )
        return ended.exclude(plan={}).exclude(plan__has_key="clear")

    def free_to_go(self, now: datetime) -> PushQuerySet:
        """Without updates that must wait: for their lead to be made, or for what may still arrive and undo them."""
        same = Push.objects.filter(lead=OuterRef("lead"), connection=OuterRef("connection"))
        unmade = same.filter(kind__in=Push.CREATES, state__in=Push.OPEN)
        late = same.may_still_arrive(now).exclude(pk=OuterRef("pk"))
        return self.exclude(Exists(unmade) | Exists(late), kind=Push.UPDATE)

    def due(self, now: datetime) -> PushQuerySet:
        """To be worked on by now; looking up comes before sending."""
        return self.filter(state__in=(Push.WAITING, Push.UNCLEAR), due_at__lte=now).free_to_go(now)


class Push(models.Model):
    """One row is one intent. ``payload`` is frozen at the first claim and never changes after that."""

    CREATE, VALUATION, UPDATE, SUBMIT = "create", "valuation", "update", "submit"
    KINDS = [
        (CREATE, "create"),
        (VALUATION, "instant valuation"),
        (UPDATE, "update"),
        (SUBMIT, "hand-over"),
    ]
    #: What makes a lead at a remote: looked for by its token, or, at a remote that shows nothing, submitted.
    CREATES = (CREATE, VALUATION)
    MAKES = (CREATE, VALUATION, SUBMIT)
    WAITING, SENDING, UNCLEAR, DONE = "waiting", "sending", "unclear", "done"
    DUPLICATE, NEEDS_ATTENTION, DISCARDED = "duplicate", "needs_attention", "discarded"
    STATES = [
        (WAITING, "waiting"),
        (SENDING, "sending"),
        (UNCLEAR, "unclear"),
        (DONE, "done"),
        (DUPLICATE, "duplicate"),
        (NEEDS_ATTENTION, "needs attention"),
        (DISCARDED, "discarded"),
    ]
    MOVING = (WAITING, SENDING, UNCLEAR)
    OPEN = (WAITING, SENDING, UNCLEAR, NEEDS_ATTENTION)
    #: Never sent: the remote would refuse the lead as it is, so a rule keeps it here until it is mended.
    UNFIT = "unfit"
    PARKED = Q(state=NEEDS_ATTENTION, problem_code=UNFIT, was_unclear=False)

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="pushes")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="pushes")
    kind = models.CharField(max_length=10, choices=KINDS)
    state = models.CharField(max_length=15, choices=STATES, default=WAITING)
    token = models.CharField(max_length=40, unique=True, default=new_token)
    actor = models.CharField(max_length=200, blank=True, default="")
    #: What makes a lead: the body. Update: empty until planned.
    payload = models.JSONField(default=dict)
    #: Update: field to {"base": what Lead.pro showed, "mine": what was typed}; "questionnaire" to {"pairs": [...]}.
    edits = models.JSONField(default=dict)
    #: Update: what the last request set, so that a later read can tell whether it arrived.
    plan = models.JSONField(default=dict)

    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    bugs = models.PositiveIntegerField(default=0)
    deaths = models.PositiveIntegerField(
        default=0, help_text="Workers that died over it, one after the other."
    )
    rounds = models.PositiveIntegerField(default=0, help_text="Times it was looked up and found absent.")
    was_unclear = models.BooleanField(default=False)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    safe_at = models.DateTimeField(
        null=True, help_text="A look-up that starts later settles whether it arrived."
    )
    settled_at = models.DateTimeField(null=True)
    problem_code = models.CharField(max_length=30, blank=True, default="")
    problem_field = models.CharField(max_length=60, blank=True, default="")
    problem = models.TextField(blank=True, default="")
    remote_id = models.CharField(max_length=100, blank=True, default="")
    remote_reference = models.CharField(max_length=100, blank=True, default="")

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "pushes"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "connection"],
                condition=Q(state__in=("sending", "unclear")),
                name="one_push_in_flight_per_lead",
            ),
            models.UniqueConstraint(
                fields=["lead", "connection"],
                condition=Q(kind__in=("create", "valuation", "submit")) & ~Q(state="discarded"),
                name="one_create_per_lead_and_connection",
            ),
            models.UniqueConstraint(
                fields=["lead", "connection"],
                condition=Q(kind="update", state="waiting"),
                name="one_waiting_update_per_lead",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(remote_id="") | Q(kind="submit"),
                name="done_push_knows_its_remote_lead",
            ),
        ]
        indexes = [models.Index(fields=["connection", "state", "due_at"], name="push_due")]

    def __str__(self) -> str:
        return f"{self.kind} of lead {self.lead_id}"

    @property
    def is_parked(self) -> bool:
        """Whether it waits for its lead to be mended, and was never sent."""
        is_unfit = self.state == self.NEEDS_ATTENTION and self.problem_code == self.UNFIT
        return is_unfit and not self.was_unclear
