"""Statuses, as Lead.pro lists them."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from leads.admin.roles import Page
from leads.admin.wording import NOTHING, badge, moment
from leads.models import Status


@admin.register(Status)
class StatusAdmin(Page):
    """Read-only."""

    list_display = ("name", "status_id", "stage_name", "made_by", "connection", "listed", "seen")
    list_select_related = ("connection", "stage")
    search_fields = ("name", "=status_id")
    readonly_fields = ("name", "status_id", "stage", "is_predefined", "connection", "is_gone", "seen_at")

    @display(description="Stage", ordering="stage__stage_id")  # type: ignore[untyped-decorator]
    def stage_name(self, status: Status) -> SafeString:
        """The stage it belongs to."""
        return badge(status.stage, "teal") if status.stage else NOTHING

    @display(description="Made by")  # type: ignore[untyped-decorator]
    def made_by(self, status: Status) -> str:
        """Lead.pro's own, or the account's."""
        return "Lead.pro" if status.is_predefined else "the account"

    @display(description="Listed", ordering="is_gone")  # type: ignore[untyped-decorator]
    def listed(self, status: Status) -> SafeString:
        """Whether Lead.pro still lists it."""
        return badge("no longer listed", "grey") if status.is_gone else badge("listed", "green")

    @display(description="Seen", ordering="seen_at")  # type: ignore[untyped-decorator]
    def seen(self, status: Status) -> SafeString:
        """When it was last listed."""
        return moment(status.seen_at, timezone.now())
