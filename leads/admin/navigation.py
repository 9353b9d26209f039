"""What stands around every page: the sidebar, the banner of paused connections, the command palette."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from unfold.dataclasses import SearchResult

from leads.admin.roles import viewer_of
from leads.admin.wording import count_of, cut
from leads.models import Connection, Erasure, Lead, Push, SyncState
from leads.models.encryption import UnreadableSecret
from leads.models.searching import matching

FOUND = 12


def stylesheet(request: HttpRequest) -> str:
    """Our own sheet on top of unfold's."""
    return static("leads/admin.css")


def script(request: HttpRequest) -> str:
    """Live pages, pair editors, address pairs."""
    return static("leads/admin.js")


def icon(request: HttpRequest) -> str:
    """The mark in the browser's tab."""
    return static("leads/icon.svg")


def environment(request: HttpRequest) -> list[str] | None:
    """A mark in the header outside production."""
    return ["Debug", "warning"] if settings.DEBUG else None


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Banners, for whoever may see leads, and the time here, so that a browser's wrong clock tells no wrong age."""
    banners = list_banners() if viewer_of(request).has_role else []
    return {"banners": banners, "server_now": timezone.now().isoformat()}


def list_banners() -> list[dict[str, str]]:
    """A sentence per connection that is paused or has no key."""
    banners = []
    for connection in Connection.objects.order_by("id"):
        name = connection.name
        try:
            is_connected = connection.is_connected
        except UnreadableSecret as problem:
            banners.append({"tone": "red", "words": f"{name}: {problem}", "url": _connection_url(connection)})
            continue
        if connection.is_paused:
            words = f"{connection.reason or f'{name} is paused.'} {_waiting_words(connection)}"
            banners.append({"tone": "red", "words": words, "url": _connection_url(connection)})
        elif not is_connected and connection.base_url:
            words = f"{name} is not connected: no API key is set. {_waiting_words(connection)}"
            banners.append({"tone": "amber", "words": words, "url": _connection_url(connection)})
    return banners


def _connection_url(connection: Connection) -> str:
    return reverse("admin:leads_connection_change", args=[connection.pk])


def _waiting_words(connection: Connection) -> str:
    waiting = Push.objects.filter(connection=connection).on_their_way().values("lead").distinct().count()
    if not waiting:
        return "Nothing waits here; what was read stays readable."
    return f"{count_of(waiting, 'lead waits', 'leads wait')} here, none is lost."


def needing_attention(request: HttpRequest) -> int:
    """Leads that wait for a person, of those the viewer may see."""
    known: int | None = getattr(request, "_leads_attention", None)
    if known is None:
        leads = Lead.objects.visible_to(viewer_of(request).scope)
        known = leads.filter(sync_state=SyncState.NEEDS_ATTENTION).count()
        request._leads_attention = known  # type: ignore[attr-defined]
    return known


def _item(
    request: HttpRequest, title: str, icon: str, name: str, query: str = "", badge: int = 0
) -> dict[str, Any]:
    path = reverse(f"admin:{name}")
    full = f"{path}?{query}" if query else path
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": full,
        "active": _is_here(request, name, path, query),
    }
    if badge:
        item |= {"badge": f"{badge:,}", "badge_variant": "danger"}
    return item


def _is_here(request: HttpRequest, name: str, path: str, query: str) -> bool:
    if query:
        return request.get_full_path() == f"{path}?{query}"
    if request.path == path:
        return not _is_saved_view(request)
    is_inside = name.endswith("_changelist") and request.path.startswith(path)
    return is_inside and not request.path.endswith(("/add/", "/valuation/"))


def _is_saved_view(request: HttpRequest) -> bool:
    return request.GET.get("state") == SyncState.NEEDS_ATTENTION


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of this viewer. Empty for somebody without a role."""
    viewer = viewer_of(request)
    if not viewer.has_role:
        return []
    groups = [_lead_items(request), _work_items(request), _reference_items(request)]
    if viewer.is_admin:
        groups += [_connection_items(request), _people_items(request)]
    return groups


def _lead_items(request: HttpRequest) -> dict[str, Any]:
    attention = needing_attention(request)
    return {
        "items": [
            _item(request, "Dashboard", "monitoring", "index"),
            _item(request, "Leads", "group", "leads_lead_changelist"),
            _item(
                request,
                "Needs attention",
                "error",
                "leads_lead_changelist",
                f"state={SyncState.NEEDS_ATTENTION.value}",
                attention,
            ),
            _item(request, "New lead", "person_add", "leads_lead_add"),
            _item(request, "Instant valuation", "home_work", "leads_lead_valuation"),
        ],
    }


def _work_items(request: HttpRequest) -> dict[str, Any]:
    return {
        "title": "On its way",
        "separator": True,
        "items": [
            _item(request, "Pushes", "upload", "leads_push_changelist"),
            _item(request, "Conflicts", "call_split", "leads_conflict_changelist"),
            _item(request, "Runs", "sync", "leads_run_changelist"),
        ],
    }


def _reference_items(request: HttpRequest) -> dict[str, Any]:
    return {
        "title": "Lead.pro's lists",
        "separator": True,
        "collapsible": True,
        "items": [
            _item(request, "Offices", "store", "leads_office_changelist"),
            _item(request, "Statuses", "label", "leads_status_changelist"),
            _item(request, "Stages", "stairs", "leads_stage_changelist"),
        ],
    }


def _connection_items(request: HttpRequest) -> dict[str, Any]:
    return {
        "title": "Connections",
        "separator": True,
        "items": [
            _item(request, "Connections", "cable", "leads_connection_changelist"),
            _item(request, "Forwarding rules", "alt_route", "leads_rule_changelist"),
            _item(request, "Webhook deliveries", "inbox", "leads_delivery_changelist"),
            _item(
                request,
                "Erasures",
                "person_off",
                "leads_erasure_changelist",
                badge=Erasure.objects.to_decide().count(),
            ),
            _item(request, "API keys", "key", "leads_apikey_changelist"),
        ],
    }


def _people_items(request: HttpRequest) -> dict[str, Any]:
    return {
        "title": "People",
        "separator": True,
        "collapsible": True,
        "items": [
            _item(request, "Users", "badge", "auth_user_changelist"),
            _item(request, "Roles and offices", "shield_person", "leads_access_changelist"),
            _item(request, "Groups", "groups", "auth_group_changelist"),
        ],
    }


def find(request: HttpRequest, text: str) -> list[SearchResult]:
    """Leads for the command palette."""
    viewer = viewer_of(request)
    if not viewer.has_role or len(text) < 3:
        return []
    leads = Lead.objects.visible_to(viewer.scope).filter(matching(text))
    return [
        SearchResult(
            title=cut(str(lead), 80),
            description=" · ".join(cut(p, 40) for p in (lead.type, lead.status, lead.office_name) if p)
            or "Lead",
            link=reverse("admin:leads_lead_change", args=[lead.pk]),
            icon="person",
        )
        for lead in leads[:FOUND]
    ]
