"""Every address below ``/api/v1/``."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from leads.api import asking, creating, documentation, feed, handing, leads, pushes, reference
from leads.api.describing import describe
from leads.api.problems import MEDIA_TYPE, body_of, unknown_path
from leads.api.rendering import JSON


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """404 in the same shape as every other error."""
    problem = unknown_path(request)
    body = JSON().render(body_of(problem.status, problem.code, problem.detail))
    return HttpResponse(body, status=404, content_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


describe()

app_name = "api"
urlpatterns = [
    path("leads/", leads.Leads.as_view(), name="leads"),
    path("leads/search/", leads.LeadSearch.as_view(), name="search"),
    path("leads/valuation/", creating.Valuations.as_view(), name="valuation"),
    path("leads/lookup/", asking.LookUp.as_view(), name="lookup"),
    path("leads/<int:lead_id>/", leads.OneLead.as_view(), name="lead"),
    path("leads/<int:lead_id>/refresh/", asking.Refresh.as_view(), name="refresh"),
    path("leads/<int:lead_id>/changes/", leads.LeadChanges.as_view(), name="lead-changes"),
    path("leads/<int:lead_id>/pushes/", handing.LeadPushes.as_view(), name="lead-pushes"),
    path("changes/", feed.Changes.as_view(), name="changes"),
    path("pushes/", pushes.Pushes.as_view(), name="pushes"),
    path("pushes/<int:push_id>/", pushes.OnePush.as_view(), name="push"),
    path("pushes/<int:push_id>/retry/", pushes.RetryPush.as_view(), name="push-retry"),
    path("pushes/<int:push_id>/discard/", pushes.DiscardPush.as_view(), name="push-discard"),
    path("pushes/<int:push_id>/resolve/", pushes.ResolvePush.as_view(), name="push-resolve"),
    path("offices/", reference.Offices.as_view(), name="offices"),
    path("statuses/", reference.Statuses.as_view(), name="statuses"),
    path("connections/", reference.Connections.as_view(), name="connections"),
    path("schema/", documentation.Schema.as_view(), name="schema"),
    path("docs/", documentation.Docs.as_view(), name="docs"),
    re_path(r"^(?P<rest>.*)$", nothing_here),
]
