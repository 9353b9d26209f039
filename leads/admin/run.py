"""Runs: long jobs with progress. Their page refreshes itself; pause, resume and cancel are buttons."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter
from unfold.decorators import display

from leads import tasks
from leads.admin.lead_columns import name_of
from leads.admin.lead_views import lead_url
from leads.admin.roles import Page, viewer_of
from leads.admin.run_words import tell_run
from leads.admin.wording import RUN_TONES, badge, count_of, cut, moment, two_lines
from leads.models import Lead, Run, RunItem
from leads.models.keys import email_key, phone_key

FAILED_SHOWN, FOUND_SHOWN, FOUND_ITEMS = 200, 20, 10


@admin.register(Run)
class RunAdmin(Page):
    """All runs for administrators, their own for others."""

    list_display = ("state_badge", "what", "progress", "failures", "actor", "started")
    list_filter = (("state", MultipleChoicesDropdownFilter), ("kind", MultipleChoicesDropdownFilter))
    change_form_template = "admin/leads/run/page.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """A run's lines name people of any office, so others see only what they started."""
        viewer = viewer_of(request)
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs if viewer.is_admin else runs.filter(actor=viewer.name)

    @display(description="State", ordering="state")  # type: ignore[untyped-decorator]
    def state_badge(self, run: Run) -> SafeString:
        """Coloured."""
        return badge(run.get_state_display(), RUN_TONES[run.state])

    @display(description="Run")  # type: ignore[untyped-decorator]
    def what(self, run: Run) -> SafeString:
        """Kind and name."""
        return two_lines(
            run.get_kind_display().capitalize(), cut(run.name or count_of(run.total, "item"), 60)
        )

    @display(description="Progress")  # type: ignore[untyped-decorator]
    def progress(self, run: Run) -> SafeString:
        """A bar and numbers."""
        return format_html(
            '<span class="lm-progress-cell"><progress class="lm-bar" value="{}" max="{}"></progress>'
            '<span class="lm-sub">{} of {}</span></span>',
            run.done + run.failed,
            run.total or 1,
            f"{run.done + run.failed:,}",
            f"{run.total:,}",
        )

    @display(description="Failed", ordering="failed")  # type: ignore[untyped-decorator]
    def failures(self, run: Run) -> SafeString:
        """How many."""
        return badge(f"{run.failed:,}", "red") if run.failed else format_html("{}", "0")

    @display(description="Started", ordering="created_at")  # type: ignore[untyped-decorator]
    def started(self, run: Run) -> SafeString:
        """How long ago."""
        return moment(run.created_at, timezone.now())

    def get_urls(self) -> list[URLPattern]:
        """What the page polls, and its buttons."""
        wrap = self.admin_site.admin_view
        live = wrap(never_cache(require_GET(self.live_view)))
        acts = [
            path(
                f"<int:pk>/{verb}/",
                wrap(require_POST(self.act_view)),
                {"verb": verb},
                name=f"leads_run_{verb}",
            )
            for verb in ("pause", "resume", "cancel")
        ]
        return [path("<int:pk>/live/", live, name="leads_run_live"), *acts, *super().get_urls()]

    def _find(self, request: HttpRequest, pk: int) -> Run:
        if not viewer_of(request).has_role:
            raise PermissionDenied
        run = self.get_queryset(request).select_related("connection").filter(pk=pk).first()
        if run is None:
            raise Http404
        return run

    def live_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """How far it is."""
        run = self._find(request, pk)
        answer: dict[str, Any] = {"stamp": stamp_of(run), "busy": not run.is_finished}
        if request.GET.get("stamp") != answer["stamp"]:
            body = render_to_string("admin/leads/run/_body.html", describe(request, run), request)
            answer["parts"] = {"run": body}
        return JsonResponse(answer)

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Pause, resume or cancel."""
        run, now = self._find(request, pk), timezone.now()
        if verb == "pause":
            done = run.pause()
        elif verb == "resume":
            done = run.resume(now)
        else:
            done = run.cancel(now)
        if not done:
            messages.warning(request, "The run had moved on meanwhile.")
        elif verb == "resume":
            tasks.ring(tasks.continue_run, run_id=run.pk)
        return HttpResponseRedirect(reverse("admin:leads_run_change", args=[run.pk]))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Run | None = None, **kwargs: Any
    ) -> HttpResponse:
        """Progress, and what failed."""
        if obj is not None:
            context |= describe(request, obj) | {"title": ""}
            context |= {"stamp": stamp_of(obj), "live_url": reverse("admin:leads_run_live", args=[obj.pk])}
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


def stamp_of(run: Run) -> str:
    """Differs whenever the page would look different."""
    return f"{run.state}-{run.done}-{run.failed}-{crc32(run.problem.encode())}"


def describe(request: HttpRequest, run: Run) -> dict[str, Any]:
    """What the page shows."""
    now = timezone.now()
    finished = run.done + run.failed
    return {
        "run": run,
        "run_badge": badge(run.get_state_display(), RUN_TONES[run.state]),
        "words": tell_run(run),
        "finished": finished,
        "percent": round(100 * finished / run.total) if run.total else 100 * run.is_finished,
        "when": moment(run.created_at, now),
        "ended": moment(run.ended_at, now) if run.ended_at else None,
        "failed_items": [(item, item_words(item)) for item in failed_items(run)],
        "failed_more": max(0, run.failed - FAILED_SHOWN),
        "found": [(lead_url(lead.pk), name_of(lead), lead) for lead in found_leads(request, run)],
    }


def failed_items(run: Run) -> QuerySet[RunItem]:
    """The first of those that failed."""
    return run.items.filter(state=RunItem.FAILED).order_by("number")[:FAILED_SHOWN]


def item_words(item: RunItem) -> str:
    """What the item was about."""
    key = item.key if isinstance(item.key, dict) else {}
    return ", ".join(f"{name.replace('_', ' ')} {cut(str(value), 80)}" for name, value in key.items())


def found_leads(request: HttpRequest, run: Run) -> list[Lead]:
    """The leads that a small look-up is about, as far as the viewer may see them."""
    if run.kind != Run.LOOKUP or run.total > FOUND_ITEMS:
        return []
    wanted = Q()
    for key in run.items.values_list("key", flat=True):
        if isinstance(key, dict) and key.get("email"):
            wanted |= Q(email_key=email_key(key["email"]))
        elif isinstance(key, dict) and key.get("phone"):
            wanted |= Q(phone_key=phone_key(key["phone"]))
    if not wanted:
        return []
    return list(Lead.objects.visible_to(viewer_of(request).scope).filter(wanted)[:FOUND_SHOWN])
