"""Erasures: what a remote had erased, and leads handed on from it, of which a person decides."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

from leads.admin.lead_columns import name_of
from leads.admin.lead_views import lead_url
from leads.admin.roles import Page, viewer_of
from leads.admin.wording import NOTHING, badge, cut, moment
from leads.models import Erasure
from leads.sync import erasing

DONE = {Erasure.ERASE: "erased here too", Erasure.KEEP: "kept"}


@admin.register(Erasure)
class ErasureAdmin(Page):
    """For administrators. No row says who it was: they are known by a keyed hash."""

    admins_only = True
    list_display = ("state", "where_from", "lead_link", "elsewhere", "since", "decided")
    list_display_links = None
    list_before_template = "admin/leads/erasure/list_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Erasure]:
        """What waits for a decision first; a first suspicion is nobody's business yet."""
        rows: QuerySet[Erasure] = super().get_queryset(request)
        return rows.filter(erased_at__isnull=False).select_related("lead", "connection")

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """To decide, then newest first."""
        return (F("lead").desc(nulls_last=True), F("decided_at").desc(nulls_first=True), "-id")

    @display(description="State")  # type: ignore[untyped-decorator]
    def state(self, row: Erasure) -> SafeString:
        """Erased, or to be decided."""
        if row.decided_at is not None:
            return badge(DONE.get(row.decision, row.decision), "green")
        return badge("please decide", "red") if row.lead_id else badge("erased", "green")

    @display(description="From")  # type: ignore[untyped-decorator]
    def where_from(self, row: Erasure) -> str:
        """Remote and reason."""
        return f"{row.connection.name}: {row.get_cause_display()}"

    @display(description="Lead")  # type: ignore[untyped-decorator]
    def lead_link(self, row: Erasure) -> SafeString:
        """The lead that was handed on."""
        if row.lead is None:
            return NOTHING
        return format_html(
            '<a class="lm-strong" href="{}">{}</a>', lead_url(row.lead.pk), cut(name_of(row.lead), 60)
        )

    @display(description="Handed on to")  # type: ignore[untyped-decorator]
    def elsewhere(self, row: Erasure) -> str:
        """Names of connections."""
        return ", ".join(row.places) or "nowhere"

    @display(description="Erased", ordering="erased_at")  # type: ignore[untyped-decorator]
    def since(self, row: Erasure) -> SafeString:
        """When."""
        return moment(row.erased_at, timezone.now())

    @display(description="Decision")  # type: ignore[untyped-decorator]
    def decided(self, row: Erasure) -> SafeString:
        """Who decided."""
        if row.decided_at is None:
            return NOTHING
        return format_html("{} · {}", row.decided_by, moment(row.decided_at, timezone.now()))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The open ones stand above the list, with their buttons."""
        waiting = Erasure.objects.to_decide().select_related("lead", "connection").order_by("id")[:50]
        rows = [(row, name_of(row.lead), lead_url(row.lead.pk)) for row in waiting if row.lead is not None]
        page: HttpResponse = super().changelist_view(request, {"to_decide": rows, **(extra_context or {})})
        return page

    def get_urls(self) -> list[URLPattern]:
        """The buttons; POST only."""
        wrap = self.admin_site.admin_view
        decide = path("<int:pk>/decide/", wrap(require_POST(self.decide_view)), name="leads_erasure_decide")
        return [decide, *super().get_urls()]

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Erase it here too, or keep it."""
        viewer, decision = viewer_of(request), request.POST.get("decision", "")
        if not viewer.is_admin:
            raise PermissionDenied
        if decision not in DONE or not Erasure.objects.filter(pk=pk).exists():
            raise Http404
        try:
            erasing.decide(pk, decision, viewer.name, timezone.now())
        except erasing.AlreadyDecided:
            messages.warning(request, "Somebody has decided this meanwhile. Nothing was changed.")
        else:
            kept = decision == Erasure.KEEP
            messages.success(
                request,
                "Kept. It stays a lead like any other."
                if kept
                else "Erased here. Other remotes offer no deletion: erase it there by hand, too, or it comes back.",
            )
        return HttpResponseRedirect(reverse("admin:leads_erasure_changelist"))
