"""Offices, as Lead.pro lists them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from leads.admin.roles import Page, viewer_of
from leads.admin.wording import badge, moment
from leads.models import Office


@admin.register(Office)
class OfficeAdmin(Page):
    """Read-only; a leader sees their own."""

    list_display = ("name", "office_id", "connection", "listed", "seen")
    list_select_related = ("connection",)
    search_fields = ("name", "=office_id")
    readonly_fields = ("name", "office_id", "connection", "is_gone", "seen_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Office]:
        """The viewer's scope."""
        scope = viewer_of(request).scope
        offices: QuerySet[Office] = super().get_queryset(request)
        return offices if scope.everything else offices.filter(office_id__in=scope.office_ids)

    @display(description="Listed", ordering="is_gone")  # type: ignore[untyped-decorator]
    def listed(self, office: Office) -> SafeString:
        """Whether Lead.pro still lists it."""
        return badge("no longer listed", "grey") if office.is_gone else badge("listed", "green")

    @display(description="Seen", ordering="seen_at")  # type: ignore[untyped-decorator]
    def seen(self, office: Office) -> SafeString:
        """When it was last listed."""
        return moment(office.seen_at, timezone.now())
