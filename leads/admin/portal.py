"""What only a portal's connection has on its page: how far pulling is, back-fills, and webhook subscriptions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Min, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from integrations.errors import RemoteError
from leads import tasks
from leads.admin.roles import viewer_of
from leads.admin.values import pretty
from leads.admin.wording import badge, cut, moment
from leads.models import Connection, Copy, Remote, Run, Window
from leads.models.encryption import UnreadableSecret
from leads.sync import backfilling, subscribing

TONES = {"ACTIVE": "green", "INACTIVE": "red", "GONE": "red"}
MOST_COLUMNS = 8
LONGEST_BACK = timedelta(days=3660)


class BackfillForm(forms.Form):
    """From which day on everything is read."""

    since = forms.DateField(widget=forms.DateInput(attrs={"type": "date", "class": "lm-input"}))

    def clean_since(self) -> datetime:
        """The first moment of the day, in the past and within ten years."""
        day = self.cleaned_data["since"]
        begin = timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware here
        if not timezone.now() - LONGEST_BACK < begin < timezone.now():
            raise forms.ValidationError("Choose a day in the past, within ten years.", code="invalid")
        return begin


def portal_urls() -> list[URLPattern]:
    """The buttons and the page of subscriptions."""
    wrap = admin.site.admin_view
    base = "<int:pk>/portal"
    return [
        path(f"{base}/backfill/", wrap(require_POST(backfill_view)), name="leads_connection_backfill"),
        path(f"{base}/subscribe/", wrap(require_POST(subscribe_view)), name="leads_connection_subscribe"),
        path(
            f"{base}/unsubscribe/", wrap(require_POST(unsubscribe_view)), name="leads_connection_unsubscribe"
        ),
        path(
            f"{base}/subscriptions/",
            wrap(never_cache(require_GET(subscriptions_view))),
            name="leads_connection_subscriptions",
        ),
    ]


def describe_portal(connection: Connection, now: datetime) -> dict[str, Any] | None:
    """What the panel shows; None for a connection that is not at a portal."""
    if connection.remote != Remote.AVIV:
        return None
    windows = Window.objects.filter(connection=connection)
    head = windows.filter(kind=Window.HEAD).first()
    spans = windows.filter(kind=Window.SPAN, due_at__isnull=False).aggregate(
        rows=Sum("rows"), due_at=Min("due_at")
    )
    told = subscribing.find_last_told(connection)
    gaps = subscribing.find_gaps(connection, now)
    return {
        "facts": [
            ("Leads from here", f"{Copy.objects.filter(connection=connection).count():,}"),
            ("Newest read", moment(head.read_at if head else None, now)),
            ("Read again next", moment(spans["due_at"], now)),
            ("Last delivery", moment(told, now)),
        ],
        "runs": Run.objects.filter(connection=connection, kind=Run.PULL).order_by("-id")[:3],
        "subscriptions": [
            (
                row,
                badge(row.status.lower(), TONES.get(row.status.upper(), "grey")),
                moment(row.delivered_at, now),
            )
            for row in connection.subscriptions.all()
        ],
        "gaps": gaps,
        "warnings": subscribing.find_warnings(connection, now, gaps),
        "form": BackfillForm(),
    }


def backfill_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a back-fill, or go on with the same one."""
    connection, now = _find(request, pk), timezone.now()
    form = BackfillForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{form.errors['since'][0]} Nothing was started.")
        return _back(pk)
    run = backfilling.start(
        connection, form.cleaned_data["since"], None, actor=viewer_of(request).name, now=now
    )
    tasks.ring(tasks.continue_run, run_id=run.pk)
    return HttpResponseRedirect(reverse("admin:leads_run_change", args=[run.pk]))


def subscribe_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Have AVIV tell us of new leads."""
    connection = _find(request, pk)
    try:
        subscribing.subscribe(connection, timezone.now())
    except (RemoteError, UnreadableSecret) as error:
        messages.error(request, f"{_words(error)} Nothing else changed: pulling goes on.")
    else:
        messages.success(request, "Subscribed. AVIV calls the webhook address below for every new lead.")
    return _back(pk)


def unsubscribe_view(request: HttpRequest, pk: int) -> HttpResponse:
    """End a subscription."""
    connection = _find(request, pk)
    try:
        subscribing.unsubscribe(connection, request.POST.get("subscription", "")[:100])
    except (RemoteError, ValueError) as error:
        messages.error(request, f"{_words(error)} The subscription was left as it is.")
    else:
        messages.success(request, "The subscription was ended. Leads come by pulling, every minute.")
    return _back(pk)


def subscriptions_view(request: HttpRequest, pk: int) -> HttpResponse:
    """What AVIV says now: every subscription of this client, and its last deliveries."""
    connection, now = _find(request, pk), timezone.now()
    problem, rows = "", []
    try:
        for one in subscribing.look(connection, now):
            tone = TONES.get(one.status.upper(), "grey")
            state = badge(one.status.lower() or "?", tone)
            rows.append((one, state, moment(one.delivered_at, now), *tabulate(one.events)))
    except (RemoteError, UnreadableSecret) as error:
        problem = _words(error)
    context = {
        **admin.site.each_context(request),
        "title": f"{connection.name}: webhook subscriptions",
        "connection": connection,
        "rows": rows,
        "problem": problem,
    }
    return TemplateResponse(request, "admin/leads/connection/subscriptions.html", context)


def tabulate(events: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """AVIV's account of deliveries as a table; what is in one is not documented, so its own names head the columns."""
    names = list(dict.fromkeys(name for event in events for name in event))[:MOST_COLUMNS]
    return names, [[_cell(event.get(name)) for name in names] for event in events]


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "—" if value is None else pretty(value)
    return cut(text, 200)


def _find(request: HttpRequest, pk: int) -> Connection:
    if not viewer_of(request).is_admin:
        raise PermissionDenied
    connection = Connection.objects.filter(pk=pk, remote=Remote.AVIV).first()
    if connection is None:
        raise Http404
    return connection


def _back(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:leads_connection_change", args=[pk]))


def _words(error: Exception) -> str:
    return getattr(error, "summary", "") or str(error)
