"""One field of one lead that both sides changed: nobody guesses, a person decides."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from leads.models.lead import Lead
from leads.models.push import Push


class Conflict(models.Model):
    """Both values are kept until it is decided, and after."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="conflicts")
    push = models.ForeignKey(Push, on_delete=models.CASCADE, related_name="conflicts")
    field = models.CharField(max_length=60)
    base = models.JSONField(null=True)
    mine = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    opened_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=10, blank=True, default="")
    chosen = models.JSONField(null=True)
    decided_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "field"],
                condition=Q(decided_at__isnull=True),
                name="one_open_conflict_per_field",
            )
        ]

    def __str__(self) -> str:
        return f"{self.field} of lead {self.lead_id}"
