"""Conflicts: fields that both sides changed. A person chooses; nothing is guessed."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import RadioFilter
from unfold.decorators import display

from integrations.leadpro.fields import FIELDS, Call, Kind
from leads import tasks
from leads.admin.lead_columns import name_of
from leads.admin.lead_views import lead_url
from leads.admin.roles import Page, viewer_of
from leads.admin.values import label_of, show
from leads.admin.wording import badge, cut, moment
from leads.models import Conflict, Lead
from leads.sync import pushing
from leads.sync.checking import check
from leads.sync.resolving import MOVED


class OpenFilter(RadioFilter):  # type: ignore[misc]
    """Open or decided."""

    title, parameter_name = "state", "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two states."""
        return [("open", "open"), ("decided", "decided")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Conflict]) -> QuerySet[Conflict]:
        """One of them, or both."""
        if self.value() in {"open", "decided"}:
            return queryset.filter(decided_at__isnull=self.value() == "open")
        return queryset


@admin.register(Conflict)
class ConflictAdmin(Page):
    """Conflicts of leads in the viewer's offices; each row leads to the lead, where one chooses."""

    list_display = ("where", "field_name", "before", "mine_value", "theirs_value", "opened", "outcome")
    list_display_links = None
    list_filter = (OpenFilter,)
    list_select_related = ("lead",)
    ordering = ("-decided_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conflict]:
        """The viewer's scope."""
        viewer = viewer_of(request)
        conflicts: QuerySet[Conflict] = super().get_queryset(request)
        if viewer.scope.everything:
            return conflicts
        return conflicts.filter(lead__in=Lead.objects.visible_to(viewer.scope))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Open ones first, newest first."""
        return (F("decided_at").desc(nulls_first=True), "-id")

    @display(description="Lead")  # type: ignore[untyped-decorator]
    def where(self, conflict: Conflict) -> SafeString:
        """The lead's page, at its conflicts."""
        url = lead_url(conflict.lead_id, tab="conflicts" if conflict.decided_at is None else "history")
        return format_html('<a class="lm-strong" href="{}">{}</a>', url, cut(name_of(conflict.lead), 60))

    @display(description="Field")  # type: ignore[untyped-decorator]
    def field_name(self, conflict: Conflict) -> str:
        """Its label."""
        return label_of(conflict.field)

    @display(description="Before")  # type: ignore[untyped-decorator]
    def before(self, conflict: Conflict) -> str:
        """What both sides started from."""
        return plain(conflict.field, conflict.base)

    @display(description="Mine")  # type: ignore[untyped-decorator]
    def mine_value(self, conflict: Conflict) -> str:
        """What was typed here."""
        return plain(conflict.field, conflict.mine)

    @display(description="Theirs")  # type: ignore[untyped-decorator]
    def theirs_value(self, conflict: Conflict) -> str:
        """What Lead.pro shows."""
        return plain(conflict.field, conflict.theirs)

    @display(description="Since")  # type: ignore[untyped-decorator]
    def opened(self, conflict: Conflict) -> SafeString:
        """How long it waits."""
        return moment(conflict.opened_at, timezone.now())

    @display(description="Outcome")  # type: ignore[untyped-decorator]
    def outcome(self, conflict: Conflict) -> SafeString:
        """Open, or who chose what."""
        if conflict.decided_at is None:
            return badge("open", "red")
        return badge(f"{conflict.decision or 'decided'} · {conflict.decided_by or 'by itself'}", "green")

    def get_urls(self) -> list[URLPattern]:
        """The buttons; POST only."""
        wrap = self.admin_site.admin_view
        resolve = path(
            "<int:pk>/resolve/", wrap(require_POST(self.resolve_view)), name="leads_conflict_resolve"
        )
        return [resolve, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A conflict is shown on the page of its lead."""
        conflict = self.get_object(request, object_id)
        if conflict is None:
            raise Http404
        return HttpResponseRedirect(lead_url(conflict.lead_id, tab="conflicts"))

    def resolve_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mine, theirs, or another value."""
        if not viewer_of(request).has_role:
            raise PermissionDenied
        conflict = self.get_queryset(request).select_related("push__connection").filter(pk=pk).first()
        if conflict is None:
            raise Http404
        choice = request.POST.get("choice", "")
        back = HttpResponseRedirect(lead_url(conflict.lead_id))
        if conflict.decided_at is not None or choice not in {"mine", "theirs", "value"}:
            messages.warning(request, "This was decided already.")
            return back
        try:
            chosen = (
                {"value": check_typed(conflict, request.POST.get("value", ""))}
                if choice == "value"
                else choice
            )
            with transaction.atomic():
                pushing.resolve(
                    conflict.push,
                    {conflict.field: chosen},
                    actor=viewer_of(request).name,
                    now=timezone.now(),
                    seen={conflict.field: seen_in(request, conflict)},
                )
                tasks.ring(tasks.deliver_pushes, connection_id=conflict.push.connection_id)
        except pushing.CannotPush as reason:
            messages.error(request, str(reason))
            return HttpResponseRedirect(lead_url(conflict.lead_id, tab="conflicts"))
        words = "Lead.pro's value stays." if choice == "theirs" else "Sending your choice to Lead.pro…"
        messages.success(request, f"{label_of(conflict.field)}: decided. {words}")
        return back


def seen_in(request: HttpRequest, conflict: Conflict) -> Any:
    """Lead.pro's value that the page showed. Raises CannotPush for a page that does not say."""
    try:
        return json.loads(request.POST.get("theirs", ""))
    except ValueError:
        raise pushing.CannotPush(MOVED.format(field=label_of(conflict.field))) from None


def check_typed(conflict: Conflict, text: str) -> Any:
    """Another value, cleaned. Raises CannotPush with the sentence of the check."""
    try:
        typed = parse_value(conflict.field, text)
    except ValueError:
        raise pushing.CannotPush(f"{label_of(conflict.field)}: this must be a whole number.") from None
    checked = check({conflict.field: typed}, Call.UPDATE, conflict.push.connection, partial=True)
    if checked.problems:
        raise pushing.CannotPush(f"{label_of(conflict.field)}: {checked.problems[0].detail}")
    return checked.values.get(conflict.field, typed)


def plain(name: str, value: Any) -> str:
    """A value for a table cell."""
    return cut(
        strip_tags(show(name, value)) if isinstance(value, dict | list) else str(show_short(value)), 80
    )


def show_short(value: Any) -> str:
    """Text for nothing, yes and no."""
    return {None: "—", "": "—", True: "Yes", False: "No"}.get(value, str(value))


def parse_value(name: str, text: str) -> Any:
    """What was typed, as the field's JSON type; nothing typed is null."""
    text = text.strip()
    if not text:
        return None
    kind = FIELDS[name].kind if name in FIELDS else Kind.TEXT
    if kind is Kind.INTEGER:
        return int(text)
    if kind is Kind.BOOLEAN:
        return text.casefold() in {"yes", "true", "1", "on"}
    return text
