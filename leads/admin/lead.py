"""The lead page: list, detail, and the three forms that write. Saving is a journey in leads.sync.pushing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from integrations.leadpro.fields import Call
from leads import tasks
from leads.admin.lead_actions import LeadActions
from leads.admin.lead_columns import LeadChangeList, LeadColumns
from leads.admin.lead_filters import (
    EnquiredFilter,
    OfficeFilter,
    OriginFilter,
    SourceFilter,
    StageFilter,
    StateFilter,
    StatusFilter,
    TypeFilter,
)
from leads.admin.lead_form import LeadForm, prefill
from leads.admin.lead_handing import LeadHanding
from leads.admin.lead_page import LeadPage, group_cells
from leads.admin.lead_views import LeadViews, connection_of, find_run, lead_url, note_reader
from leads.admin.roles import Page, viewer_of
from leads.models import Cause, Lead, Origin, Push, SavedBefore, SavedForm, SyncState
from leads.models.searching import matching
from leads.sync import pushing

TITLES = {Call.CREATE: "New lead", Call.VALUATION: "Instant valuation"}
KINDS = {Call.CREATE: Push.CREATE, Call.VALUATION: Push.VALUATION}


@admin.register(Lead)
class LeadAdmin(LeadHanding, LeadViews, LeadActions, LeadColumns, Page):
    """Leads of the viewer's offices."""

    read_only = False
    list_display = (
        "person",
        "kind",
        "status_and_stage",
        "state",
        "office",
        "source_name",
        "enquired",
        "last_seen",
    )
    list_filter = (
        TypeFilter,
        StatusFilter,
        StageFilter,
        OfficeFilter,
        SourceFilter,
        StateFilter,
        OriginFilter,
        ("listed_at", EnquiredFilter),
    )
    search_fields = ("full_name",)
    search_help_text = "Name, e-mail, phone in any spelling, postcode, address, Lead.pro id"
    list_before_template = "admin/leads/lead/list_before.html"
    show_add_link = False
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[LeadChangeList]:
        """Loads only what the columns show."""
        return LeadChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        """The viewer's scope, for list, detail, actions and autocomplete alike."""
        viewer = viewer_of(request)
        return Lead.objects.visible_to(viewer.scope) if viewer.has_role else Lead.objects.none()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lead], search_term: str
    ) -> tuple[QuerySet[Lead], bool]:
        """Never needs DISTINCT."""
        return (queryset.filter(matching(search_term)) if search_term.strip() else queryset), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the views that everybody needs above it."""
        extra = {**(extra_context or {}), "title": "Leads", "views": list_views(request)}
        return super().changelist_view(request, extra)  # type: ignore[no-any-return]

    def get_fieldsets(self, request: HttpRequest, obj: Lead | None = None) -> list[Any]:
        """The page lays its fields out itself, from fields.py."""
        return [(None, {"fields": []})]

    def get_form(
        self, request: HttpRequest, obj: Lead | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form for the call that saving means."""
        call = Call.UPDATE if obj is not None else call_of(request)
        facts: dict[str, Any] = {"call": call, "viewer": viewer_of(request)}
        if obj is not None:
            facts |= {"fixed_connection": connection_of(obj), "is_mending": is_refused(obj)}
            facts |= {"is_local": pushing.is_only_here(obj)}
        return type("ThisLeadForm", (LeadForm,), facts)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new lead may be filled in from one that is there."""
        text = request.GET.get("from", "")
        lead = (
            self.get_queryset(request).filter(pk=int(text)).first()
            if text.isdigit() and len(text) < 19
            else None
        )
        return prefill(lead, call_of(request)) if lead else {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Lead | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Everything the page shows besides Django's own."""
        form, page = context["adminform"].form, None
        if obj is not None:
            now = timezone.now()
            note_reader(obj.pk, now)
            page = LeadPage(obj, now, find_run(request))
            context |= page.context() | {"live_url": reverse("admin:leads_lead_live", args=[obj.pk])}
        editable = page is None or page.is_editable
        context |= {
            "groups": group_cells(form, page),
            "editable": editable,
            "call": form.call.value,
            "target": form.target,
            "is_local": form.is_local,
            "title": TITLES.get(form.call, ""),
            "connection_field": form["connection"] if "connection" in form.fields else None,
            "show_save": editable,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
            "show_close": False,
        }
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def save_form(self, request: HttpRequest, form: Form, change: bool) -> Any:
        """Saving is the journey's work."""
        return form.instance  # type: ignore[attr-defined]

    def construct_change_message(
        self, request: HttpRequest, form: Form, formsets: Any, add: bool = False
    ) -> str:
        """The history of a lead is its changes."""
        return ""

    def save_related(self, request: HttpRequest, form: Form, formsets: Any, change: bool) -> None:
        """A lead has no related rows that a form writes."""

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        """Lead, change and push in one transaction; the doorbell rings after it."""
        if form.is_local:
            _change_here(request, obj, form)
            return
        try:
            with transaction.atomic():
                push = _update(request, obj, form) if change else _create(request, form)
        except pushing.CannotPush as reason:
            messages.error(request, str(reason))
            return
        except SavedBefore as before:
            messages.info(request, "This form was already saved: this is its lead.")
            obj.pk = before.row.lead_id
            return
        if push is None:
            messages.info(request, "Nothing to save: no field was changed.")
            return
        obj.pk = push.lead_id
        tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
        for warning in form.warnings:
            messages.warning(request, warning)

    def response_add(
        self, request: HttpRequest, obj: Lead, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The new lead's page, which shows how far it got."""
        return HttpResponseRedirect(lead_url(obj.pk) if obj.pk else request.get_full_path())

    def response_change(self, request: HttpRequest, obj: Lead) -> HttpResponse:
        """The same page."""
        return HttpResponseRedirect(lead_url(obj.pk))


def is_refused(lead: Lead) -> bool:
    """Whether Lead.pro refused to make this lead, so that everything about it may be mended and sent again."""
    return (
        lead.sync_state == SyncState.NEEDS_ATTENTION
        and lead.pushes.filter(
            kind__in=KINDS.values(), state=Push.NEEDS_ATTENTION, problem_code="refused", was_unclear=False
        ).exists()
    )


def call_of(request: HttpRequest) -> Call:
    """Which of the two creating calls this form is for."""
    return getattr(request, "_leads_call", Call.CREATE)


def _create(request: HttpRequest, form: LeadForm) -> Push:
    """A form that is sent twice, by a double click or after a lost answer, makes one lead."""
    chosen, now = form.target, timezone.now()
    assert chosen is not None
    key = form.cleaned_data.get("once")
    record = SavedForm.claim(key, form.digest, now) if key else None
    push = pushing.request_create(
        form.values,
        connection=chosen,
        kind=KINDS[form.call],
        origin=Origin.ADMIN,
        actor=viewer_of(request).name,
        cause=Cause.USER,
        warnings=form.warnings,
        now=now,
    )
    if record is not None:
        record.lead_id = push.lead_id
        record.save(update_fields=["lead"])
    return push


def _update(request: HttpRequest, lead: Lead, form: LeadForm) -> Push | None:
    if not form.values:
        return None
    return pushing.request_update(
        lead,
        form.values,
        actor=viewer_of(request).name,
        cause=Cause.USER,
        now=timezone.now(),
        connection=form.target,
    )


def _change_here(request: HttpRequest, lead: Lead, form: LeadForm) -> None:
    """For a lead that Lead.pro does not have. A rule that waited for it takes it up again."""
    try:
        with transaction.atomic():
            is_news = pushing.change_here(
                lead, form.values, actor=viewer_of(request).name, now=timezone.now()
            )
            tasks.ring(tasks.forward_leads)
    except pushing.CannotPush as reason:
        messages.error(request, str(reason))
        return
    for warning in form.warnings if is_news else ():
        messages.warning(request, warning)
    messages.info(request, "Saved here." if is_news else "Nothing to save: no field was changed.")


def list_views(request: HttpRequest) -> list[dict[str, Any]]:
    """The saved views above the list."""
    today = timezone.localdate().isoformat()
    views = [
        ("All", {}),
        ("New today", {"listed_at_from": today}),
        ("Unread", {"stage": "Unread"}),
        ("On their way", {"state": SyncState.PENDING.value}),
        ("Needs attention", {"state": SyncState.NEEDS_ATTENTION.value}),
    ]
    asked = {key: value for key, value in request.GET.items() if key not in {"p", "o"}}
    return [
        {
            "words": words,
            "url": f"?{'&'.join(f'{k}={v}' for k, v in query.items())}" if query else "?",
            "active": asked == query,
        }
        for words, query in views
    ]
