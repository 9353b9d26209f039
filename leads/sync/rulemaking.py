"""What a person does with a forwarding rule: saves it, switches it, tries it on a lead, and runs it dry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from leads.models import Bookmark, Change, Connection, Forward, Lead, Origin, Remote, Rule
from leads.sync.facts import gather
from leads.sync.forwarding import FEED, LATE, choose_rules, shape_for, unread
from leads.sync.handing import Unfit, fields_of, try_out
from leads.sync.locking import lock
from leads.sync.ruling import CONDITIONS, Edge, Facts, Shape, find_circle, may_go, misfits, places, sources_of

CHUNK = 500
SAMPLES = 20
#: Among how many of the newest leads an example is looked for.
RECENT = 500


class RuleRefused(Exception):
    """The rule cannot be saved like this; ``field`` says where, the message what to do. Nothing was changed."""

    def __init__(self, field_name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field_name


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would do with one lead: ``why_not`` is empty where it would go."""

    why_not: list[str]
    shape: Shape


@dataclass(slots=True)
class DryRun:
    """What a rule would have done with the leads of the last days, had it been on."""

    total: int = 0
    misfits: int = 0
    would_go: int = 0
    stopped: int = 0
    there_already: int = 0
    by_another_rule: int = 0
    samples: list[int] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)


def save_rule(rule: Rule, *, actor: str, now: datetime) -> Rule:
    """Check and save; every change of terms is a version of its own. Raises RuleRefused. Repeatable."""
    with transaction.atomic():
        # Rules are checked against each other, so only one is saved at a time.
        list(lock(Rule.objects.order_by("pk")))
        check_rule(rule)
        before = Rule.objects.filter(pk=rule.pk).first() if rule.pk else None
        if before is not None and before.snapshot() == rule.snapshot():
            return rule
        if rule.is_on and not (before and before.is_on):
            rule.on_since = now
            _start_at_the_end()
        elif before is not None and before.is_on and not rule.is_on:
            # What came, and was not looked at before the switch, came while it was off.
            rule.off_since = unread().values_list("at", flat=True).first() or now
        rule.version = before.version if before else 0
        rule.save_version(actor, now)
        # What stopped may go as the rule is now.
        Forward.objects.filter(rule=rule).wake(now)
    return rule


def _start_at_the_end() -> None:
    """The first rule that is ever switched on does not read the whole history."""
    if Rule.objects.on().exists():
        return
    newest = Change.objects.aggregate(newest=Max("pk"))["newest"] or 0
    Bookmark.objects.update_or_create(name=FEED, defaults={"change_id": newest})


def check_rule(rule: Rule) -> None:
    """Raise RuleRefused for what can never be right: unknown names, a way back, or a circle of rules."""
    for name in rule.when:
        if name not in CONDITIONS:
            raise RuleRefused("when", f"{name} is no condition; there are: {', '.join(CONDITIONS)}.")
    columns = {f.name for f in Lead._meta.get_fields()} | {"portal"}
    for name, wish in rule.mapping.items():
        for place in places(str(wish.get("text", ""))):
            if place not in columns:
                raise RuleRefused("mapping", f"{name}: a lead has no field {{{place}}}.")
    if set(map(str, rule.when.get("origin") or ())) - set(Origin.values):
        raise RuleRefused("when", f"origin must be among {', '.join(Origin.values)}.")
    _check_way(rule)
    _check_target(rule)


def _check_target(rule: Rule) -> None:
    name = rule.target.get_remote_display()
    if unknown := rule.mapping.keys() - fields_of(rule.target):
        raise RuleRefused("mapping", f"{min(unknown)}: {name} takes no such field.")
    if rule.office and rule.target.remote != Remote.LEADPRO:
        raise RuleRefused("office", f"{name} knows no offices. Leave the office empty.")


def _check_way(rule: Rule) -> None:
    remotes = dict(
        Connection.objects.exclude(remote=Remote.ALTERESTATE).order_by("pk").values_list("pk", "remote")
    )
    edge = _edge(rule, remotes)
    if edge.sources == {rule.target_id}:
        raise RuleRefused(
            "target",
            "These leads come from this very connection; they cannot go back there. Choose another one.",
        )
    if not rule.is_on:
        return
    others = Rule.objects.on().exclude(pk=rule.pk)
    circle = find_circle([edge, *(_edge(other, remotes) for other in others)])
    if circle:
        raise RuleRefused(
            "target",
            f"With this rule, leads could go round in a circle: {' → '.join(circle)}. Name the origin or the"
            " connection in one of these rules. Nothing was saved.",
        )


def _edge(rule: Rule, remotes: dict[int, str]) -> Edge:
    return Edge(rule.name, sources_of(rule.when, remotes), rule.target_id)


def find_example(rule: Rule) -> Lead | None:
    """The newest lead that the rule would send, or else that it fits, or else the newest of all."""
    leads = list(Lead.objects.order_by("-listed_at", "-pk")[:RECENT])
    known = zip(leads, gather(leads), strict=True)
    fitting = [(lead, facts) for lead, facts in known if not misfits(rule.when, facts)]
    going = (lead for lead, facts in fitting if not may_go(facts, rule.target_id))
    return next((lead for some in (going, (lead for lead, _ in fitting), leads) for lead in some), None)


def preview(rule: Rule, lead: Lead, *, now: datetime) -> Preview:
    """What the rule, saved or not, would do with this lead now. Nothing is written."""
    facts = next(iter(gather([lead])))
    barred = may_go(facts, rule.target_id)
    why_not = [*([barred] if barred else []), *misfits(rule.when, facts)]
    return Preview(why_not, _try(rule, lead, facts, now))


def _try(rule: Rule, lead: Lead, facts: Facts, now: datetime) -> Shape:
    """What would be sent, as the other side gets it, or as far as the rule brings it."""
    made = shape_for(rule, facts)
    if made.problems:
        return made
    try:
        payload, notes = try_out(lead, rule.target, made.fields, now)
    except Unfit as unfit:
        return Shape(made.fields, made.notes, unfit.problems)
    return Shape(payload, [*made.notes, *notes], [])


def dry_run(rule: Rule, *, now: datetime, days: int = 30) -> DryRun:
    """What the rule, saved or not, would have done with the leads of the last days. Nothing is written."""
    result = DryRun()
    rules = [other for other in Rule.objects.on().exclude(pk=rule.pk) if other.target_id == rule.target_id]
    ordered = sorted([*rules, rule], key=lambda one: (one.position, one.pk or 2**62))
    # By when people enquired: an import today of what is years old is no news to any rule.
    recent = Lead.objects.filter(listed_at__gte=now - timedelta(days=days)).order_by("-listed_at", "-pk")
    for leads in _chunks(recent):
        for lead, facts in zip(leads, gather(leads), strict=True):
            result.total += 1
            if misfits(rule.when, facts):
                result.misfits += 1
            elif may_go(facts, rule.target_id):
                result.there_already += 1
            elif next(choose_rules(ordered, facts, None), None) is not rule:
                result.by_another_rule += 1
            elif problems := _try(rule, lead, facts, now).problems:
                result.stopped += 1
                result.problems.update(f"{one.field}: {one.detail}" for one in problems)
            else:
                result.would_go += 1
                result.samples += [facts.lead_id] if len(result.samples) < SAMPLES else []
    return result


def _chunks(rows: Any) -> Iterable[list[Lead]]:
    chunk: list[Lead] = []
    for lead in rows.iterator(chunk_size=CHUNK):
        chunk.append(lead)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def forward_missed(rule: Rule, *, now: datetime) -> int:
    """Lay out the leads that came while the rule was off and that it would have sent on; how many. Repeatable."""
    if not rule.is_on or rule.on_since is None:
        return 0
    made = 0
    for leads in _chunks(_missed(rule)):
        for facts in gather(leads):
            if may_go(facts, rule.target_id) or misfits(rule.when, facts):
                continue
            _, is_new = Forward.objects.get_or_create(
                lead_id=facts.lead_id,
                target_id=rule.target_id,
                defaults={"rule": rule, "rule_version": rule.version, "created_at": now, "due_at": now},
            )
            made += is_new
    return made


def count_missed(rule: Rule) -> int:
    """How many leads came while the rule was off that it would send on."""
    return sum(
        not (may_go(facts, rule.target_id) or misfits(rule.when, facts))
        for leads in _chunks(_missed(rule))
        for facts in gather(leads)
    )


def _missed(rule: Rule) -> Any:
    if rule.off_since is None or rule.on_since is None or rule.off_since >= rule.on_since:
        return Lead.objects.none()
    seen = Lead.objects.filter(first_seen_at__gte=rule.off_since, first_seen_at__lt=rule.on_since)
    return seen.filter(listed_at__gte=rule.off_since - LATE).order_by("pk")
