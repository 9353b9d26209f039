"""Stages of the pipeline. Lead.pro publishes ids only; names are learnt from leads."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from leads.admin.roles import Page
from leads.models import Stage


@admin.register(Stage)
class StageAdmin(Page):
    """Read-only."""

    list_display = ("stage_name", "stage_id", "connection")
    list_select_related = ("connection",)
    readonly_fields = ("name", "stage_id", "connection")

    @display(description="Name", ordering="name")  # type: ignore[untyped-decorator]
    def stage_name(self, stage: Stage) -> str:
        """Its name, once a lead has shown it."""
        return stage.name or f"not learnt yet (stage {stage.stage_id})"
