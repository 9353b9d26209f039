"""The small addresses below a lead: what its page polls, and the buttons in its head. Buttons are POST only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from integrations.leadpro.fields import Call
from leads import tasks
from leads.admin.lead_page import LeadPage, live_fields
from leads.admin.roles import viewer_of
from leads.models import Connection, Lane, Lead, Run
from leads.sync import bulk, wanting


def lead_url(lead_id: int, run: Run | None = None, tab: str = "") -> str:
    """The page of a lead, perhaps one that waits for a run."""
    url = reverse("admin:leads_lead_change", args=[lead_id])
    return f"{url}{f'?run={run.pk}' if run else ''}{f'#{tab}' if tab else ''}"


def find_lead(request: HttpRequest, lead_id: int) -> Lead:
    """A lead of the viewer's scope, or 404."""
    viewer = viewer_of(request)
    if not viewer.has_role:
        raise PermissionDenied
    lead = Lead.objects.visible_to(viewer.scope).filter(pk=lead_id).first()
    if lead is None:
        raise Http404
    return lead


def find_run(request: HttpRequest) -> Run | None:
    """The run that this page waits for."""
    text = request.GET.get("run", "")
    run = Run.objects.filter(pk=int(text)).first() if text.isdigit() and len(text) < 19 else None
    viewer = viewer_of(request)
    return run if run and (viewer.is_admin or run.actor == viewer.name) else None


def contact_of(lead: Lead) -> dict[str, str]:
    """What to look this person up by."""
    if lead.email:
        return {"email": lead.email}
    return {"phone": lead.phone} if lead.phone else {}


def note_reader(lead_id: int, now: datetime) -> None:
    """Somebody has this lead before them: it is read first, and soon."""
    for connection_id in wanting.want([lead_id], now, wanting.PAGE_SECONDS):
        tasks.ring(tasks.refresh_due, connection_id=connection_id)


class LeadViews:
    """Mixed into the lead page."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        """Ours before Django's."""
        wrap = self.admin_site.admin_view
        ours = [
            path("valuation/", wrap(self.valuation_view), name="leads_lead_valuation"),
            path(
                "<int:lead_id>/live/", wrap(never_cache(require_GET(self.live_view))), name="leads_lead_live"
            ),
            path("<int:lead_id>/refresh/", wrap(require_POST(self.refresh_view)), name="leads_lead_refresh"),
            path("<int:lead_id>/look-up/", wrap(require_POST(self.look_up_view)), name="leads_lead_look_up"),
        ]
        return [*ours, *super().get_urls()]  # type: ignore[misc]

    def valuation_view(self, request: HttpRequest) -> HttpResponse:
        """The form for an instant valuation: a create with another call."""
        request._leads_call = Call.VALUATION  # type: ignore[attr-defined]
        return self.add_view(request)  # type: ignore[attr-defined, no-any-return]

    def live_view(self, request: HttpRequest, lead_id: int) -> JsonResponse:
        """What changed on the page since ``stamp``: HTML of its parts, values of its fields."""
        lead, now = find_lead(request, lead_id), timezone.now()
        note_reader(lead.pk, now)
        page = LeadPage(lead, now, find_run(request))
        answer: dict[str, Any] = {"stamp": page.stamp, "busy": page.is_busy}
        if request.GET.get("stamp") != page.stamp:
            form = self.get_form(request, page.lead, change=True)(instance=page.lead)  # type: ignore[attr-defined]
            answer |= {"parts": page.render_parts(request), **live_fields(page, form)}
        return JsonResponse(answer)

    def refresh_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Read one lead again, in a worker; the page waits for the outcome."""
        lead = find_lead(request, lead_id)
        runs = bulk.start_refresh(
            [lead.pk], actor=viewer_of(request).name, lane=Lane.PERSON, now=timezone.now()
        )
        for run in runs:
            tasks.ring(tasks.continue_run, run_id=run.pk)
        if not runs:
            messages.warning(request, "Lead.pro does not have this lead, so there is nothing to read.")
        return HttpResponseRedirect(lead_url(lead.pk, runs[0] if runs else None))

    def look_up_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Look the person up by e-mail, or by phone, in a worker."""
        lead = find_lead(request, lead_id)
        contact, connection = contact_of(lead), connection_of(lead)
        if not contact or connection is None:
            messages.warning(request, "There is no e-mail address and no phone number to look up.")
            return HttpResponseRedirect(lead_url(lead.pk))
        run = bulk.start_lookup(
            connection, [contact], actor=viewer_of(request).name, lane=Lane.PERSON, now=timezone.now()
        )
        tasks.ring(tasks.continue_run, run_id=run.pk)
        return HttpResponseRedirect(lead_url(lead.pk, run))


def connection_of(lead: Lead) -> Connection | None:
    """The Lead.pro connection that has this lead, or is to get it."""
    connections = Connection.objects.leadpro()
    return (
        connections.filter(copies__lead=lead).first()
        or connections.filter(pushes__lead=lead).first()
        or Connection.objects.default()
    )
