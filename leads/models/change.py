"""The history of the leads: one entry per change, in an order that followers can rely on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connections, models
from django.db.models import Q

from leads.models.access import Scope
from leads.models.columns import insert_rows
from leads.models.connection import Connection
from leads.models.lead import Lead

#: Any number that nothing else in the database uses for an advisory lock.
_FEED_LOCK = 5_201_314_001


class Cause(models.TextChoices):
    """Why a lead changed."""

    WEBHOOK = "webhook"
    REFRESH = "refresh"
    LOOKUP = "lookup"
    PULL = "pull"
    PUSH = "push"
    USER = "user"
    API = "api"
    IMPORT = "import"
    FORWARD = "forward"
    ERASED = "erased"


class ChangeQuerySet(models.QuerySet["Change"]):
    """The feed."""

    def visible_to(self, scope: Scope) -> ChangeQuerySet:
        """Rows where the lead is, or in that row was, in the scope's offices."""
        if scope.everything:
            return self
        return self.filter(Q(office_before__in=scope.office_ids) | Q(office_after__in=scope.office_ids))

    def append(self, rows: Iterable[Change]) -> None:
        """Write rows at the end of the feed. Call last in a transaction, after every row lock.

        Ids must become visible in their own order, or a follower who asks for "after 7" misses 6. On PostgreSQL
        that takes a lock held until commit; SQLite has one writer anyway.
        """
        rows = list(rows)
        if rows and connections[self.db].vendor == "postgresql":
            with connections[self.db].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_FEED_LOCK])
        fields = [field for field in self.model._meta.concrete_fields if not field.primary_key]
        insert_rows(
            self.model, [{field.name: getattr(row, field.attname) for field in fields} for row in rows]
        )


class Change(models.Model):
    """What changed on one lead at one moment: field to [old, new], in JSON values."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    lead = models.ForeignKey(Lead, on_delete=models.DO_NOTHING, related_name="changes", db_constraint=False)
    connection = models.ForeignKey(Connection, on_delete=models.SET_NULL, null=True, related_name="+")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    actor = models.CharField(max_length=200, blank=True, default="")
    fields = models.JSONField(default=dict)
    office_before = models.BigIntegerField(null=True)
    office_after = models.BigIntegerField(null=True)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["lead", "-id"], name="change_of_lead_newest_first")]

    def __str__(self) -> str:
        return f"{self.cause} of lead {self.lead_id}"
