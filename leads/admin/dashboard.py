"""The first page: what came in, what is on its way, whether all is well. Grouped counts on indexed columns only."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode

from leads.admin.freshness import list_freshness
from leads.admin.lead_columns import name_of
from leads.admin.lead_page import is_first_appearance
from leads.admin.lead_views import lead_url
from leads.admin.look_words import LATE
from leads.admin.roles import Viewer, viewer_of
from leads.admin.values import label_of
from leads.admin.wording import ago, cut, moment, span
from leads.models import Change, Conflict, Connection, Heartbeat, Lead, Push, Remote, SyncState
from leads.sync.subscribing import find_warnings

DAYS, TOP, RECENT = 30, 8, 12


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the template of the first page shows; nothing for somebody without a role."""
    viewer = viewer_of(request)
    if not viewer.has_role:
        return context
    now = timezone.now()
    leads = Lead.objects.visible_to(viewer.scope)
    recent = leads.filter(listed_at__gte=now - timedelta(days=DAYS)).order_by()
    totals = count_totals(leads, now)
    return context | {
        "viewer": viewer,
        "title": "Dashboard",
        "numbers": list_numbers(leads, totals, viewer, now),
        "health": [*list_health(now), *(list_portal_signs(now) if viewer.is_admin else [])],
        "chart": draw_days(recent, now),
        "bars": [
            ("Status", count_by(recent, "status", "status")),
            ("Office", count_by(recent, "office_id", "office", "office_name")),
            ("Source", count_by(recent, "source", "source")),
        ],
        "recent": list_changes(viewer, now),
        "freshness": list_freshness(now) if viewer.is_admin else [],
        "days": DAYS,
        "has_leads": totals["all"] > 0,
        "live_url": reverse("admin:index"),
    }


def list_url(**query: Any) -> str:
    """The lead list, filtered."""
    return f"{reverse('admin:leads_lead_changelist')}?{urlencode(query)}"


def count_totals(leads: QuerySet[Lead], now: datetime) -> dict[str, int]:
    """Leads in all, today's, the unread ones, and those that wait for a person."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "all": leads.count(),
        "today": leads.filter(listed_at__gte=midnight).count(),
        "unread": leads.filter(stage="Unread").count(),
        "stopped": leads.filter(sync_state=SyncState.NEEDS_ATTENTION).count(),
    }


def list_numbers(
    leads: QuerySet[Lead], totals: dict[str, int], viewer: Viewer, now: datetime
) -> list[dict[str, Any]]:
    """The row of big numbers."""
    pushes, conflicts = Push.objects.all(), Conflict.objects.filter(decided_at__isnull=True)
    if not viewer.scope.everything:
        pushes, conflicts = pushes.filter(lead__in=leads), conflicts.filter(lead__in=leads)
    facts = pushes.filter(state__in=Push.OPEN).aggregate(
        waiting=Count("pk", filter=Q(state__in=(Push.WAITING, Push.SENDING))),
        unclear=Count("pk", filter=Q(state=Push.UNCLEAR)),
        oldest=Min("created_at", filter=Q(state__in=(Push.WAITING, Push.SENDING))),
    )
    today = timezone.localtime(now).date().isoformat()
    push_list = reverse("admin:leads_push_changelist")
    oldest = f"oldest since {span(now - facts['oldest'])}" if facts["oldest"] else "nothing waits"
    return [
        _number(
            "New today",
            totals["today"],
            f"{totals['all']:,} leads in all",
            list_url(listed_at_from=today),
            "blue",
        ),
        _number("Unread", totals["unread"], "nobody has looked yet", list_url(stage="Unread"), "teal"),
        _number("On their way", facts["waiting"], oldest, list_url(state=SyncState.PENDING.value), "blue"),
        _number(
            "Unclear", facts["unclear"], "sent, no answer yet", f"{push_list}?state__exact=unclear", "amber"
        ),
        _number(
            "Need attention",
            totals["stopped"],
            "a person decides",
            list_url(state=SyncState.NEEDS_ATTENTION.value),
            "red",
        ),
        _number(
            "Conflicts",
            conflicts.count(),
            "changed on both sides",
            f"{reverse('admin:leads_conflict_changelist')}?is=open",
            "red",
        ),
    ]


def _number(words: str, value: int, more: str, url: str, tone: str) -> dict[str, Any]:
    return {
        "words": words,
        "value": f"{value:,}",
        "more": more,
        "url": url,
        "tone": tone if value else "grey",
    }


def list_health(now: datetime) -> list[dict[str, str]]:
    """Signs of life: the worker, and each connection."""
    beat = Heartbeat.objects.filter(name="sweep").values_list("at", flat=True).first()
    if beat is None:
        signs = [{"tone": "amber", "words": "The worker has not been seen yet."}]
    elif now - beat > LATE:
        signs = [
            {
                "tone": "red",
                "words": f"The worker was last seen {ago(beat, now)}. What you save waits for it.",
            }
        ]
    else:
        signs = [{"tone": "green", "words": f"The worker was last seen {ago(beat, now)}."}]
    for connection in Connection.objects.filter(state=Connection.OK).order_by("id"):
        if connection.last_success_at is None:
            signs.append({"tone": "grey", "words": f"{connection.name}: no call has succeeded yet."})
            continue
        failing = (
            connection.last_problem_at is not None and connection.last_problem_at > connection.last_success_at
        )
        words = f"{connection.name}: last success {ago(connection.last_success_at, now)}."
        if failing:
            words += f" Since then: {cut(connection.last_problem, 160)}"
        signs.append({"tone": "amber" if failing else "green", "words": words})
    return signs


def draw_days(recent: QuerySet[Lead], now: datetime) -> str:
    """Leads a day, for the chart."""
    today = timezone.localtime(now).date()
    counts = dict(
        recent.annotate(day=TruncDate("listed_at"))
        .values("day")
        .annotate(n=Count("pk"))
        .values_list("day", "n")
    )
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    data = {
        "labels": [date_format(day, "j M") for day in days],
        "datasets": [
            {
                "label": "New leads",
                "data": [counts.get(day, 0) for day in days],
                "backgroundColor": "var(--color-primary-500)",
                "maxTicksXLimit": 10,
                "displayYAxis": True,
                "maxBarThickness": 22,
                "borderRadius": 4,
            }
        ],
    }
    return json.dumps(data)


def list_portal_signs(now: datetime) -> list[dict[str, str]]:
    """What a portal's webhook and its pulls say of each other, where somebody should act."""
    portals = Connection.objects.filter(remote=Remote.AVIV).order_by("id")
    told = ((one.name, words) for one in portals for words in find_warnings(one, now))
    return [{"tone": "amber", "words": f"{name}: {words}"} for name, words in told]


def count_by(recent: QuerySet[Lead], column: str, parameter: str, words: str = "") -> list[dict[str, Any]]:
    """The commonest values of a column, as bars that lead to the list."""
    columns = [column, words] if words else [column]
    rows = list(recent.values_list(*columns).annotate(n=Count("pk")).order_by("-n")[:TOP])
    most = max((row[-1] for row in rows), default=1)
    bars = []
    for row in rows:
        name = row[-2] if words else row[0]
        url = list_url(**{parameter: row[0]}) if row[0] not in (None, "") else ""
        bars.append(
            {
                "words": cut(str(name).replace("_", " ") if name else "none", 40),
                "count": row[-1],
                "most": most,
                "url": url,
            }
        )
    return bars


def list_changes(viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    """The newest entries of the history, of leads the viewer may see now."""
    changes = Change.objects.order_by("-id")
    if not viewer.scope.everything:
        changes = changes.filter(lead__in=Lead.objects.visible_to(viewer.scope))
    rows = list(changes[:RECENT])
    leads = Lead.objects.only("first_name", "last_name", "full_name").in_bulk({row.lead_id for row in rows})
    return [
        {
            "when": moment(row.at, now),
            "cause": row.cause,
            "url": lead_url(row.lead_id, tab="history") if row.lead_id in leads else "",
            "name": cut(name_of(leads[row.lead_id]), 60) if row.lead_id in leads else "erased",
            "fields": what_changed(row),
            "actor": cut(row.actor, 40),
        }
        for row in rows
    ]


def what_changed(change: Change) -> str:
    """The fields, or that the lead appeared."""
    if is_first_appearance(change):
        return "a new lead"
    return cut(", ".join(label_of(name) for name in change.fields), 90)
