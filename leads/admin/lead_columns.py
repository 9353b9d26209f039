"""The columns of the lead list."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from leads.admin.roles import PageChangeList
from leads.admin.wording import NOTHING, STATE_TONES, TYPE_TONES, badge, cut, moment, two_lines
from leads.models import Copy, Lead, SyncState

LOADED = (
    "leadpro_id",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "type",
    "status",
    "stage",
    "office_id",
    "office_name",
    "source",
    "listed_at",
    "sync_state",
    "problem",
)


class LeadChangeList(PageChangeList):
    """Loads what the columns need, and when each lead was last seen, in the query of the page."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Lead]:
        """The page's query; heavy columns stay in the database."""
        seen = Copy.objects.filter(lead=OuterRef("pk")).order_by("-seen_at").values("seen_at")[:1]
        leads: QuerySet[Lead] = super().get_queryset(request, exclude_parameters)
        return leads.only(*LOADED).annotate(seen_at=Subquery(seen))


def name_of(lead: Lead) -> str:
    """The person's name, or a word for its absence."""
    return lead.full_name or " ".join(p for p in (lead.first_name, lead.last_name) if p) or "No name"


def initials_of(lead: Lead) -> str:
    """Two letters for the round mark."""
    words = [w for w in name_of(lead).split() if w[:1].isalnum()]
    return "".join(w[0] for w in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper() or "?"


class LeadColumns:
    """Mixed into the lead page: one method per column."""

    @display(description="Person", ordering="last_name")  # type: ignore[untyped-decorator]
    def person(self, lead: Lead) -> SafeString:
        """Name, e-mail and phone."""
        contact = " · ".join(cut(p, 40) for p in (lead.email, lead.phone) if p)
        return format_html(
            '<span class="lm-person"><span class="lm-avatar lm-hue-{}">{}</span>'
            '<span class="lm-two"><span class="lm-strong">{}</span><span class="lm-sub">{}</span></span></span>',
            lead.pk % 6,
            initials_of(lead),
            cut(name_of(lead), 60),
            contact or "no e-mail, no phone",
        )

    @display(description="Type", ordering="type")  # type: ignore[untyped-decorator]
    def kind(self, lead: Lead) -> SafeString:
        """Sale, let, vendor …"""
        if not lead.type:
            return NOTHING
        return badge(cut(lead.type.replace("_", " "), 18), TYPE_TONES.get(lead.type, "grey"))

    @display(description="Status", ordering="status")  # type: ignore[untyped-decorator]
    def status_and_stage(self, lead: Lead) -> SafeString:
        """Status over stage."""
        return two_lines(cut(lead.status, 32) if lead.status else NOTHING, cut(lead.stage or "", 32))

    @display(description="Office", ordering="office_name")  # type: ignore[untyped-decorator]
    def office(self, lead: Lead) -> SafeString:
        """The office's name, or its id."""
        name = lead.office_name or (f"office {lead.office_id}" if lead.office_id else "")
        return format_html("{}", cut(name, 32)) if name else NOTHING

    @display(description="Source", ordering="source")  # type: ignore[untyped-decorator]
    def source_name(self, lead: Lead) -> SafeString:
        """Where the enquiry came from."""
        return format_html("{}", cut(lead.source.replace("_", " "), 24)) if lead.source else NOTHING

    @display(description="Enquired", ordering="listed_at")  # type: ignore[untyped-decorator]
    def enquired(self, lead: Lead) -> SafeString:
        """How long ago."""
        return moment(lead.listed_at, timezone.now())

    @display(description="Last seen")  # type: ignore[untyped-decorator]
    def last_seen(self, lead: Lead) -> SafeString:
        """When a remote last showed this lead."""
        return moment(getattr(lead, "seen_at", None), timezone.now())

    @display(description="State", ordering="sync_state")  # type: ignore[untyped-decorator]
    def state(self, lead: Lead) -> SafeString:
        """The badge; the problem is under the pointer, and below it where a person is needed."""
        state = SyncState(lead.sync_state)
        shown = badge(state.label, STATE_TONES[state], cut(lead.problem, 300))
        if state != SyncState.NEEDS_ATTENTION or not lead.problem:
            return shown
        return format_html('{}<div class="lm-reason">{}</div>', shown, cut(lead.problem, 160))
