"""What can be done to many leads, or to one in the list. No action calls a remote: it starts a run or saves a push."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.leadpro.fields import Call
from leads import tasks
from leads.admin.lead_views import connection_of, contact_of, find_lead, lead_url
from leads.admin.roles import viewer_of
from leads.admin.wording import count_of
from leads.models import Cause, Connection, Lane, Lead, Run, Status
from leads.sync import bulk, pushing
from leads.sync.checking import check

MOST_EDITS = 500


def goes_to(url: str) -> HttpResponse:
    """How a dialog leads somewhere else."""
    return HttpResponse(headers={"HX-Redirect": url})


def run_url(run: Run) -> str:
    """The page of a run."""
    return reverse("admin:leads_run_change", args=[run.pk])


def list_statuses() -> list[tuple[str, str]]:
    """Status names of all connections."""
    rows = Status.objects.filter(is_gone=False).order_by("stage__stage_id", "status_id")
    return [(n, n) for n in dict.fromkeys(rows.values_list("name", flat=True))]


class StatusForm(BaseDialogForm):  # type: ignore[misc]
    """Which status to set."""

    status = forms.ChoiceField(widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["status"].choices = list_statuses()


class ContactForm(BaseDialogForm):  # type: ignore[misc]
    """Whom to look up."""

    email = forms.CharField(label="E-mail", required=False, widget=UnfoldAdminTextInputWidget())
    phone = forms.CharField(label="Phone", required=False, widget=UnfoldAdminTextInputWidget())
    first_name = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget())
    last_name = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget())

    def clean(self) -> dict[str, Any]:
        """Lead.pro needs one or the other."""
        cleaned = super().clean() or self.cleaned_data
        if not (cleaned.get("email") or cleaned.get("phone")):
            self.add_error("email", "Enter an e-mail address or a phone number.")
        return dict(cleaned)

    def contacts(self) -> list[dict[str, str]]:
        """One look-up per address or number given."""
        names = {n: self.cleaned_data[n] for n in ("first_name", "last_name") if self.cleaned_data.get(n)}
        return [{n: self.cleaned_data[n], **names} for n in ("email", "phone") if self.cleaned_data.get(n)]


class LeadActions:
    """Mixed into the lead page."""

    actions = ("refresh_selected", "look_up_selected", "set_status_selected")
    actions_list = ("look_up_contact",)
    actions_row = ("refresh_row", "look_up_row", "status_row", "valuation_row")

    @action(description="Refresh from Lead.pro", permissions=["change"])  # type: ignore[untyped-decorator]
    def refresh_selected(self, request: HttpRequest, leads: QuerySet[Lead]) -> HttpResponse | None:
        """A run that reads them all again."""
        runs = bulk.start_refresh(
            leads.order_by().values_list("pk", flat=True),
            actor=viewer_of(request).name,
            lane=Lane.BULK,
            now=timezone.now(),
        )
        return self._follow(request, runs, "Lead.pro has none of these leads, so there is nothing to read.")

    @action(description="Look up by contact", permissions=["change"])  # type: ignore[untyped-decorator]
    def look_up_selected(self, request: HttpRequest, leads: QuerySet[Lead]) -> HttpResponse | None:
        """A run that looks each person up."""
        connection = Connection.objects.default()
        found = (
            contact_of(lead) for lead in leads.order_by().only("email", "phone").iterator(chunk_size=1000)
        )
        contacts = [contact for contact in found if contact]
        runs = []
        if connection is not None and contacts:
            now, actor = timezone.now(), viewer_of(request).name
            runs = [bulk.start_lookup(connection, contacts, actor=actor, lane=Lane.BULK, now=now)]
        return self._follow(request, runs, "These leads have no e-mail address and no phone number.")

    def _follow(self, request: HttpRequest, runs: list[Run], nothing: str) -> HttpResponse | None:
        for run in runs:
            tasks.ring(tasks.continue_run, run_id=run.pk)
        if not runs:
            messages.warning(request, nothing)
            return None
        total = sum(run.total for run in runs)
        messages.info(
            request, f"Started for {count_of(total, 'lead')}. You may leave this page; it goes on by itself."
        )
        url = run_url(runs[0]) if len(runs) == 1 else reverse("admin:leads_run_changelist")
        return HttpResponseRedirect(url)

    @action(description="Set status…", permissions=["change"])  # type: ignore[untyped-decorator]
    def set_status_selected(self, request: HttpRequest, leads: QuerySet[Lead]) -> HttpResponse | None:
        """Ask which one, then save a push for each lead."""
        total = leads.count()
        if total > MOST_EDITS:
            messages.error(request, f"{total:,} leads are too many at once. Choose at most {MOST_EDITS}.")
            return None
        form = StatusForm(data=request.POST if "set_status" in request.POST else None, request=request)
        if form.is_valid():
            self._set_status(request, list(leads), form.cleaned_data["status"])
            return None
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": f"Set the status of {count_of(total, 'lead')}",
            "opts": Lead._meta,
            "form": form,
            "ids": request.POST.getlist("_selected_action"),
            "select_across": request.POST.get("select_across", "0"),
            "total": total,
        }
        return TemplateResponse(request, "admin/leads/lead/set_status.html", context)

    def _set_status(self, request: HttpRequest, leads: list[Lead], status: str) -> None:
        saved, same, refused = 0, 0, defaultdict(list)
        for lead in leads:
            try:
                saved_one = push_status(lead, status, viewer_of(request).name)
            except (pushing.CannotPush, forms.ValidationError) as reason:
                refused[first_words(reason)].append(lead)
                continue
            saved, same = saved + saved_one, same + (not saved_one)
        if saved:
            messages.success(request, f"Saved for {count_of(saved, 'lead')}. Sending to Lead.pro…")
        if same:
            messages.info(request, f"{count_of(same, 'lead')} had this status already.")
        for words, which in refused.items():
            messages.error(request, f"Not changed: {count_of(len(which), 'lead')}. {words}")

    @action(
        description="Look up by contact",
        icon="person_search",
        url_path="look-up-contact",
        permissions=["change"],
        dialog={
            "title": "Look somebody up in Lead.pro",
            "description": "Lead.pro finds leads by e-mail or phone only. What it has is mirrored here.",
            "form_class": ContactForm,
            "form_submit_text": "Look up",
        },
    )  # type: ignore[untyped-decorator]
    def look_up_contact(self, request: HttpRequest, form: ContactForm) -> HttpResponse:
        """A run for what was typed."""
        connection = Connection.objects.default()
        if connection is None:
            messages.error(request, "There is no Lead.pro connection yet.")
            return goes_to(reverse("admin:leads_lead_changelist"))
        now, actor = timezone.now(), viewer_of(request).name
        run = bulk.start_lookup(connection, form.contacts(), actor=actor, lane=Lane.PERSON, now=now)
        tasks.ring(tasks.continue_run, run_id=run.pk)
        return goes_to(run_url(run))

    @action(
        description="Refresh from Lead.pro",
        icon="sync",
        url_path="refresh-row",
        permissions=["change"],
        dialog={
            "title": "Refresh this lead from Lead.pro?",
            "description": "A worker asks Lead.pro; the lead's page shows what comes back.",
            "form_class": None,
            "form_submit_text": "Refresh",
        },
    )  # type: ignore[untyped-decorator]
    def refresh_row(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """As the button on the lead's page."""
        answer = self.refresh_view(request, int(object_id))  # type: ignore[attr-defined]
        return goes_to(answer.headers["Location"])

    @action(
        description="Look up by contact",
        icon="person_search",
        url_path="look-up-row",
        permissions=["change"],
        dialog={
            "title": "Look this person up in Lead.pro?",
            "description": "By e-mail, or by phone where there is no e-mail. Every lead of theirs is mirrored here.",
            "form_class": None,
            "form_submit_text": "Look up",
        },
    )  # type: ignore[untyped-decorator]
    def look_up_row(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """As the button on the lead's page."""
        answer = self.look_up_view(request, int(object_id))  # type: ignore[attr-defined]
        return goes_to(answer.headers["Location"])

    @action(
        description="Set status…",
        icon="label",
        url_path="status",
        permissions=["change"],
        dialog={
            "title": "Set the status",
            "description": "Saved here at once and sent to Lead.pro.",
            "form_class": StatusForm,
            "form_submit_text": "Save and send",
        },
    )  # type: ignore[untyped-decorator]
    def status_row(self, request: HttpRequest, form: StatusForm, object_id: str) -> HttpResponse:
        """One lead's status."""
        lead = find_lead(request, int(object_id))
        self._set_status(request, [lead], form.cleaned_data["status"])
        return goes_to(lead_url(lead.pk))

    @action(  # type: ignore[untyped-decorator]
        description="Instant valuation from this lead",
        icon="home_work",
        url_path="value",
        permissions=["change"],
    )
    def valuation_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The valuation form, filled in from this lead. Nothing is saved before its button is pressed."""
        lead = find_lead(request, int(object_id))
        return HttpResponseRedirect(f"{reverse('admin:leads_lead_valuation')}?from={lead.pk}")


def push_status(lead: Lead, status: str, actor: str) -> bool:
    """Save a new status and its push. False where it has it already; raises CannotPush or ValidationError."""
    connection = connection_of(lead)
    if connection is None:
        raise forms.ValidationError("There is no Lead.pro connection yet.")
    checked = check({"status": status}, Call.UPDATE, connection, partial=True)
    if checked.problems:
        raise forms.ValidationError(checked.problems[0].detail)
    with transaction.atomic():
        push = pushing.request_update(
            lead,
            dict(checked.values),
            actor=actor,
            cause=Cause.USER,
            now=timezone.now(),
            connection=connection,
        )
        if push is not None:
            tasks.ring(tasks.deliver_pushes, connection_id=push.connection_id)
    return push is not None


def first_words(reason: Exception) -> str:
    """The sentence of an error."""
    return str(reason.messages[0]) if isinstance(reason, forms.ValidationError) else str(reason)
