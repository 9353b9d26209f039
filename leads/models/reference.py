"""Lead.pro's reference data: offices, statuses, and the stages that statuses belong to."""

from __future__ import annotations

from django.db import models

from leads.models.connection import Connection


class Office(models.Model):
    """One office of one account. ``office_id`` is Lead.pro's."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="offices")
    office_id = models.BigIntegerField()
    name = models.TextField()
    is_gone = models.BooleanField(default=False, help_text="No longer listed by Lead.pro.")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "office_id"], name="one_row_per_office")]
        ordering = ["name", "office_id"]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    """A stage of the pipeline. Lead.pro publishes ids only; the name is learnt from leads that show it."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="stages")
    stage_id = models.BigIntegerField()
    name = models.TextField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "stage_id"], name="one_row_per_stage")]
        ordering = ["stage_id"]

    def __str__(self) -> str:
        return self.name or f"stage {self.stage_id}"


class Status(models.Model):
    """One status of one account. Names are the account's own and need not be unique."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="statuses")
    status_id = models.BigIntegerField()
    name = models.TextField()
    stage = models.ForeignKey(Stage, on_delete=models.SET_NULL, null=True, related_name="statuses")
    is_predefined = models.BooleanField(default=False)
    is_gone = models.BooleanField(default=False, help_text="No longer listed by Lead.pro.")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "status_id"], name="one_row_per_status")]
        ordering = ["stage__stage_id", "status_id"]
        verbose_name_plural = "statuses"

    def __str__(self) -> str:
        return self.name
