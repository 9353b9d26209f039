"""Forwarding rules: which leads go on to which connection, what each rule said when, and which lead went where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from leads.models.connection import Connection
from leads.models.lead import Lead
from leads.models.push import Push


class RuleQuerySet(models.QuerySet["Rule"]):
    """Rules by whether they count."""

    def on(self) -> RuleQuerySet:
        """Those that are switched on, in their order."""
        return self.filter(is_on=True).order_by("position", "id")


class Rule(models.Model):
    """One row says: leads like these go on to that connection, in this shape.

    Of the rules for one connection, the first that fits a lead decides.
    """

    #: What ``snapshot`` keeps and an editor may change.
    TERMS = ("name", "position", "when", "target_id", "mapping", "office", "delay_minutes", "is_on")

    name = models.CharField(max_length=100)
    position = models.PositiveIntegerField(default=100, help_text="Lower goes first.")
    #: ``sync.ruling.CONDITIONS``: name to list of accepted values; an empty object fits every lead.
    when = models.JSONField(default=dict, blank=True)
    target = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="rules")
    #: Field of the target to {"text": "…{first_name}…", "missing": "…", "long": "cut" or "stop"}.
    mapping = models.JSONField(default=dict, blank=True)
    #: {} none, {"fixed": 375}, or {"postcodes": {"NG": 375}, "else": 42}.
    office = models.JSONField(default=dict, blank=True)
    delay_minutes = models.PositiveIntegerField(default=0)
    is_on = models.BooleanField("switched on", default=False)
    on_since = models.DateTimeField(null=True, editable=False)
    off_since = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "forwarding rule"

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """The rule's terms, as the history keeps them."""
        return {name: getattr(self, name) for name in self.TERMS}

    def save_version(self, actor: str, now: datetime) -> None:
        """Save it, as the next version in its history. To be called inside a transaction."""
        self.version += 1
        self.save()
        RuleVersion.objects.create(
            rule=self, version=self.version, at=now, actor=actor[:200], terms=self.snapshot()
        )


class RuleVersion(models.Model):
    """What a rule said from one moment on."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=200, blank=True, default="")
    terms = models.JSONField()

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="one_row_per_rule_version")]

    def __str__(self) -> str:
        return f"{self.rule_id} version {self.version}"


class ForwardQuerySet(models.QuerySet["Forward"]):
    """Forwards by what should happen to them."""

    def due(self, now: datetime) -> ForwardQuerySet:
        """To be handed over by now; those of a rule that is switched off wait."""
        return self.filter(state=Forward.WAITING, due_at__lte=now, rule__is_on=True)

    def wake(self, now: datetime) -> int:
        """Try the stopped ones among these again, but not those that a person discarded. Repeatable."""
        parked = Push.objects.filter(Push.PARKED)
        stopped = self.filter(Q(push__isnull=True) | Q(push__in=parked), state=Forward.STOPPED)
        return Forward.objects.filter(pk__in=list(stopped.values_list("pk", flat=True))).update(
            state=Forward.WAITING, due_at=now, problem=""
        )


class Forward(models.Model):
    """One lead's way to one connection by a rule. There is at most one, ever: that is what stops a second one."""

    WAITING, HANDED, STOPPED = "waiting", "handed", "stopped"
    STATES = [(WAITING, "waiting"), (HANDED, "handed over"), (STOPPED, "stopped")]

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="forwards")
    target = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, on_delete=models.SET_NULL, null=True, related_name="forwards")
    rule_version = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=STATES, default=WAITING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    push = models.ForeignKey(Push, on_delete=models.SET_NULL, null=True, related_name="+")
    problem = models.CharField(max_length=500, blank=True, default="")

    objects = ForwardQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "target"], name="one_forward_per_lead_and_connection")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="forward_waiting")]

    def __str__(self) -> str:
        return f"lead {self.lead_id} to connection {self.target_id}"


class Bookmark(models.Model):
    """How far a follower of the change feed has read."""

    name = models.CharField(max_length=50, primary_key=True)
    change_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.change_id}"
