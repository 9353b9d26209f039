"""What the page of one lead shows: its story, its fields in groups, history, copies, pushes, conflicts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch
from django.forms import BoundField
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.leadpro.fields import (
    CAMPAIGN,
    ENQUIRY,
    FIELDS,
    PERSON,
    PLACE,
    PROPERTY,
    VALUATION,
    Kind,
)
from leads.admin.conflict_row import conflict_row
from leads.admin.lead_columns import initials_of, name_of
from leads.admin.lead_form import ADDED_TO, LeadForm, input_values
from leads.admin.look_words import main_copy, tell_look, tell_next, tell_portal
from leads.admin.push_words import CONFIRMED, SAVED, SENT, Story, remote_link, tell
from leads.admin.run_words import tell_run
from leads.admin.values import label_of, pretty, show
from leads.admin.wording import PUSH_TONES, STATE_TONES, TYPE_TONES, badge, clock, cut, moment
from leads.models import Attempt, Change, Conflict, Copy, Lead, Push, Run, SyncState
from leads.sync.handing import find_targets

GROUPS = (PLACE, PERSON, ENQUIRY, PROPERTY, CAMPAIGN, VALUATION)
#: A new lead begins with what decides about the rest.
NEW_GROUPS = (PERSON, PROPERTY, ENQUIRY, PLACE, CAMPAIGN)
FIRST_OF_ALL = "type"
#: Shown in the panel beside the form.
FIGURES = (
    ("Sale", ("minimum_sale_estimation", "average_sale_estimation", "maximum_sale_estimation")),
    ("Rent", ("minimum_rent_estimation", "average_rent_estimation", "maximum_rent_estimation")),
)
IN_PANEL = frozenset({"id", *(n for _, names in FIGURES for n in names)})
HISTORY, PUSHES = 100, 25
APPEARS = 5
WIDE_KINDS = frozenset({Kind.STRING_MAP, Kind.PAIRS, Kind.AVAILABILITY, Kind.JSON})
WIDE_NAMES = frozenset({"message", "address", "advert_address", "advert_url", "advert_image"})
PARTS = ("head", "tabs", "aside", "history", "copies", "pushes", "conflicts")
OWN_ADDRESS, ADVERT_ADDRESS = ("address", "postcode"), ("advert_address", "advert_postcode")


@dataclass(frozen=True, slots=True)
class Cell:
    """One field on the page: an input, a value, or both."""

    name: str
    label: str
    shown: SafeString
    note: SafeString
    is_empty: bool
    is_wide: bool
    help: str = ""
    input: BoundField | None = None
    pair: str = ""
    is_required: bool = False


@dataclass(slots=True)
class LeadPage:
    """Everything about one lead, read once. ``run`` is the run whose outcome the person waits for."""

    lead: Lead
    now: datetime
    run: Run | None = None
    pushes: list[Push] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    open_conflicts: list[Conflict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pushes = list(
            self.lead.pushes.select_related("connection").prefetch_related(
                Prefetch("sends", Attempt.objects.order_by("number"))
            )[:PUSHES]
        )
        self.copies = list(self.lead.copies.select_related("connection").order_by("-seen_at"))
        self.open_conflicts = list(
            self.lead.conflicts.filter(decided_at__isnull=True).select_related("push").order_by("field")
        )

    @property
    def story(self) -> Story:
        """The head's sentence."""
        return tell(self.lead, self.pushes, self.open_conflicts, self.copies, self.now)

    @property
    def is_editable(self) -> bool:
        """Whether an edit has somewhere to go: a lead that is only here is changed here."""
        return self.lead.sync_state != SyncState.GONE

    @property
    def problems(self) -> dict[str, str]:
        """Field to the remote's sentence about it."""
        stopped = [p for p in self.pushes if p.state == Push.NEEDS_ATTENTION and p.problem_field]
        return {p.problem_field: p.problem for p in stopped}

    @property
    def is_busy(self) -> bool:
        """Whether the page should ask often how it goes."""
        return self.story.is_moving or (self.run is not None and not self.run.is_finished)

    @property
    def stamp(self) -> str:
        """Differs whenever the page would look different."""
        facts = [self.lead.version, self.lead.sync_state, self.lead.problem]
        facts += [(c.pk, c.seen_at, c.next_refresh_at, c.gone_at) for c in self.copies]
        facts += [(p.pk, p.state, p.attempts, p.due_at, p.problem) for p in self.pushes]
        facts += [(c.pk, c.theirs) for c in self.open_conflicts]
        facts += [(p.connection.state, p.connection.is_connected) for p in self.pushes[:1]]
        facts += [(c.connection.state, c.failures, c.missing_since) for c in self.copies]
        facts += [(self.run.pk, self.run.state, self.run.done, self.run.failed)] if self.run else []
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

    def context(self) -> dict[str, Any]:
        """For the templates of the parts."""
        lead = self.lead
        state = SyncState(lead.sync_state)
        return {
            "page": self,
            "lead": lead,
            "story": self.story,
            "steps": [
                (word, number < self.story.steps) for number, word in enumerate((SAVED, SENT, CONFIRMED))
            ],
            "name": name_of(lead),
            "initials": initials_of(lead),
            "hue": lead.pk % 6,
            "state_badge": badge(state.label, STATE_TONES[state]),
            "type_badge": badge(
                (lead.type or "no type").replace("_", " "), TYPE_TONES.get(lead.type or "", "grey")
            ),
            "enquired": moment(lead.created_at or lead.listed_at, self.now),
            "look": tell_look(self.copies, self.now),
            "run_words": tell_run(self.run, lead) if self.run else None,
            "targets": find_targets(lead),
            "figures": self._figures(),
            "facts": self._facts(),
            "history": self._history,
            "copy_rows": [self._copy_row(copy) for copy in self.copies],
            "push_rows": [self._push_row(push) for push in self.pushes],
            "conflict_rows": [conflict_row(c) for c in self.open_conflicts],
        }

    def render_parts(self, request: HttpRequest) -> dict[str, str]:
        """The parts that refresh themselves, as HTML."""
        context = self.context()
        return {part: render_to_string(f"admin/leads/lead/_{part}.html", context, request) for part in PARTS}

    def _figures(self) -> list[tuple[str, list[int | None]]]:
        rows = [(title, [getattr(self.lead, name) for name in names]) for title, names in FIGURES]
        return [(title, values) for title, values in rows if any(v is not None for v in values)]

    def _facts(self) -> list[tuple[str, SafeString]]:
        lead, copy = self.lead, main_copy(self.copies)
        facts: list[tuple[str, SafeString]] = []
        if copy is not None:
            facts.append(("Where", remote_link(copy.connection, copy.remote_id)))
            facts.append(("Last seen", moment(copy.seen_at, self.now)))
            if copy.gone_at:
                facts.append(("Gone since", moment(copy.gone_at, self.now)))
        facts.append(("Last changed", moment(lead.changed_at, self.now)))
        facts.append(("First seen here", moment(lead.first_seen_at, self.now)))
        facts.append(("Came from", format_html("{}", lead.get_origin_display())))
        facts += [("Portal", format_html("{}", portal)) for portal in map(tell_portal, self.copies) if portal]
        facts.append(("Number here", format_html("{}", lead.pk)))
        return facts

    def _history(self) -> list[dict[str, Any]]:
        rows = Change.objects.filter(lead=self.lead).order_by("-id")[:HISTORY]
        return [
            {
                "when": moment(change.at, self.now),
                "clock": clock(change.at),
                "cause": change.cause,
                "actor": change.actor,
                "is_first": is_first_appearance(change),
                "fields": [
                    (label_of(name), show(name, pair[0]), show(name, pair[1]))
                    for name, pair in sorted(change.fields.items())
                    if isinstance(pair, list) and len(pair) == 2
                ],
            }
            for change in rows
        ]

    def _copy_row(self, copy: Copy) -> dict[str, Any]:
        return {
            "name": remote_link(copy.connection, copy.remote_id),
            "connection": copy.connection.name,
            "raw": pretty(copy.raw),
            "seen": moment(copy.seen_at, self.now),
            "changed": moment(copy.changed_at, self.now),
            "next": tell_next(copy, self.now),
            "gone": copy.gone_at and moment(copy.gone_at, self.now),
        }

    def _push_row(self, push: Push) -> dict[str, Any]:
        return {
            "push": push,
            "badge": badge(push.get_state_display(), PUSH_TONES[push.state]),
            "when": moment(push.created_at, self.now),
            "due": moment(push.due_at, self.now) if push.state in Push.MOVING else None,
            "fields": ", ".join(label_of(name) for name in push.edits),
            "sends": [(send, clock(send.started_at)) for send in push.sends.all()],
        }


def is_first_appearance(change: Change) -> bool:
    """Whether this row shows a lead for the first time: many fields, all of them empty before."""
    pairs = [pair for pair in change.fields.values() if isinstance(pair, list) and len(pair) == 2]
    return len(pairs) > APPEARS and all(pair[0] is None for pair in pairs)


def group_cells(form: LeadForm, page: LeadPage | None) -> list[tuple[str, list[Cell]]]:
    """Fields in the groups of fields.py. For a new lead only what can be sent."""
    lead, editable, problems = None, True, {}
    if page is not None:
        lead, editable, problems = page.lead, page.is_editable, page.problems
    cells: dict[str, list[Cell]] = {group: [] for group in (GROUPS if lead else NEW_GROUPS)}
    for spec in FIELDS.values() if lead else sorted(FIELDS.values(), key=lambda f: f.name != FIRST_OF_ALL):
        is_input = spec.name in form.fields and editable
        if spec.name in IN_PANEL or (lead is None and not is_input):
            continue
        group = PERSON if lead is None and spec.name == FIRST_OF_ALL else spec.group
        cells[group].append(_cell(spec.name, form[spec.name] if is_input else None, lead, problems))
    return [(group, row) for group, row in cells.items() if row]


def _cell(name: str, bound: BoundField | None, lead: Lead | None, problems: dict[str, str]) -> Cell:
    spec = FIELDS[name]
    value = getattr(lead, name) if lead is not None else None
    is_text = bound is not None and name not in ADDED_TO
    return Cell(
        name=name,
        label=f"Add to {spec.label.lower()}"
        if bound is not None and name in ADDED_TO and lead
        else spec.label,
        shown=show(name, value),
        note=note_of(lead, name, problems),
        is_empty=bound is None and value in (None, "", [], {}),
        is_wide=spec.kind in WIDE_KINDS or name in WIDE_NAMES,
        help=str(bound.help_text) if bound is not None else "",
        input=bound,
        pair="" if is_text is False else _pair_of(name),
        is_required=bound is not None and spec.required and lead is None,
    )


def _pair_of(name: str) -> str:
    return "own" if name in OWN_ADDRESS else "advert" if name in ADVERT_ADDRESS else ""


def note_of(lead: Lead | None, name: str, problems: dict[str, str]) -> SafeString:
    """Why the remote refused this field, or what it still shows beside an edit on its way."""
    if lead is None:
        return SafeString("")
    if name in problems:
        return format_html('<span class="lm-refused">{}</span>', cut(problems[name], 600))
    if name in (lead.pending or {}):
        return format_html("Lead.pro still shows: {}", show(name, lead.pending[name]))
    return SafeString("")


def live_fields(page: LeadPage, form: LeadForm) -> dict[str, Any]:
    """Values for the inputs nobody touched, and for what is only shown."""
    lead = page.lead
    return {
        "inputs": input_values(form) if page.is_editable else {},
        "base": form.shown(),
        "shown": {n: str(show(n, getattr(lead, n))) for n in FIELDS if n not in IN_PANEL},
        "notes": {n: str(note_of(lead, n, page.problems)) for n in FIELDS},
    }
