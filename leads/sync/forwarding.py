"""Every lead that appears or changes is held against the rules; what fits goes on, once per connection.

The change feed says which leads to look at, a bookmark says how far it was read, and a Forward row, one per lead and
connection for ever, is written in the transaction that moves the bookmark: a crash repeats nothing and skips nothing.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from leads.models import Bookmark, Change, Forward, Lead, Rule
from leads.sync import pushing
from leads.sync.facts import gather
from leads.sync.handing import limits_of
from leads.sync.locking import lock
from leads.sync.ruling import Facts, Shape, may_go, misfits, shape

log = logging.getLogger("leads.sync.forwarding")

BATCH = 200
FEED = "forwarding"
#: How late a lead may be read and still count as new: AVIV's overlap.
LATE = timedelta(hours=48)
#: When a lead over which our own code failed is tried again.
AFTER_BUG = timedelta(minutes=5)
BUG = "We failed, not the other side. Nothing is lost, and it is tried again; tell support: forward {forward_id}."


def has_work(now: datetime) -> bool:
    """Whether the feed has news for the rules, or a forward is due. Two index probes."""
    if Forward.objects.due(now).exists():
        return True
    if not Rule.objects.on().exists():
        return False
    return unread().exists()


def unread() -> QuerySet[Change]:
    """What of the feed was not held against the rules yet, oldest first."""
    return Change.objects.filter(pk__gt=_bookmark()).order_by("pk")


def _bookmark() -> int:
    return Bookmark.objects.filter(name=FEED).values_list("change_id", flat=True).first() or 0


def forward_news(until: datetime) -> tuple[int, int]:
    """Read the feed, lay out forwards, hand over what is due: (laid out, handed over). Repeatable."""
    laid = handed = 0
    while timezone.now() < until:
        more, count = _follow(timezone.now())
        laid += count
        if not more:
            break
    while timezone.now() < until:
        count = _hand_over_due(timezone.now())
        handed += count
        if not count:
            break
    return laid, handed


def _follow(now: datetime) -> tuple[bool, int]:
    """One batch of the feed: (there may be more, forwards laid out)."""
    with transaction.atomic():
        Bookmark.objects.get_or_create(name=FEED)
        bookmark = lock(Bookmark.objects.filter(name=FEED)).get()
        rows = list(
            Change.objects.filter(pk__gt=bookmark.change_id)
            .order_by("pk")
            .values_list("pk", "lead_id")[:BATCH]
        )
        if not rows:
            return False, 0
        count = _lay_out({lead_id for _, lead_id in rows}, now)
        bookmark.change_id = rows[-1][0]
        bookmark.save()
    return len(rows) == BATCH, count


def _lay_out(lead_ids: Iterable[int], now: datetime) -> int:
    rules = list(Rule.objects.on().select_related("target"))
    if not rules:
        return 0
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in=set(lead_ids))}
    # What stopped may go now that its lead has changed.
    Forward.objects.filter(lead_id__in=leads).wake(now)
    made = 0
    for facts in gather(leads.values()):
        for rule in choose_rules(rules, facts, appeared_at(leads[facts.lead_id])):
            _, is_new = Forward.objects.get_or_create(
                lead_id=facts.lead_id,
                target=rule.target,
                defaults={
                    "rule": rule,
                    "rule_version": rule.version,
                    "created_at": now,
                    "due_at": now + timedelta(minutes=rule.delay_minutes),
                },
            )
            made += is_new
    return made


def appeared_at(lead: Lead) -> datetime:
    """When the lead counts as having come: now, for what arrives live; when it was made, for history read later.

    Otherwise a first pull or an import would send years of old leads on.
    """
    is_live = lead.first_seen_at - lead.listed_at <= LATE
    return lead.first_seen_at if is_live else lead.listed_at


def choose_rules(rules: Iterable[Rule], facts: Facts, at: datetime | None) -> Iterator[Rule]:
    """Of the rules in their order, the first per target that fits and was on when the lead came (None: any time)."""
    taken: set[int] = set()
    for rule in rules:
        if rule.target_id in taken or may_go(facts, rule.target_id):
            continue
        if at is not None and (rule.on_since is None or at < rule.on_since):
            continue
        if not misfits(rule.when, facts):
            taken.add(rule.target_id)
            yield rule


def _hand_over_due(now: datetime) -> int:
    """Make pushes of a batch of due forwards, each in a transaction of its own."""
    ids = list(Forward.objects.due(now).order_by("due_at").values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        try:
            _hand_over(pk, now)
        except (DatabaseError, InterfaceError):
            raise
        except Exception as bug:  # noqa: BLE001 - one lead's failure, whatever it is, must not hold the others
            frame = traceback.extract_tb(bug.__traceback__)[-1]
            log.error("forward %s: %s in %s:%s", pk, type(bug).__name__, frame.name, frame.lineno)
            Forward.objects.filter(pk=pk).update(due_at=now + AFTER_BUG, problem=BUG.format(forward_id=pk))
    return len(ids)


def _hand_over(forward_id: int, now: datetime) -> None:
    """The push and the forward's end in one transaction: a second worker, or a second life, finds it handed over."""
    with transaction.atomic():
        due = Forward.objects.due(now).filter(pk=forward_id)
        # The lead first, as everybody who hands one over locks it.
        leads = list(lock(Lead.objects.filter(pk__in=due.values("lead_id"))))
        forward = lock(due.select_related("rule", "target")).first()
        if forward is None or forward.rule is None or not leads:
            return
        facts = next(iter(gather(leads, but=forward.pk)))
        why_not = _moved(forward) or may_go(facts, forward.target_id)
        if why_not and forward.push is not None and forward.push.is_parked:
            pushing.discard(forward.push, f"rule: {forward.rule}"[:200], now)
        why_not = why_not or _send(forward, leads[0], shape_for(forward.rule, facts), now)
        forward.state = Forward.STOPPED if why_not else Forward.HANDED
        forward.problem = why_not[:500]
        forward.save(update_fields=["state", "problem", "push"])


def _send(forward: Forward, lead: Lead, made: Shape, now: datetime) -> str:
    """Hand it over, or park it where people see it; why it did not go, empty where it went."""
    order: dict[str, Any] = {
        "connection": forward.target,
        "actor": f"rule: {forward.rule}"[:200],
        "now": now,
    }
    try:
        try:
            if made.problems:
                raise pushing.Unfit(made.problems)
            with transaction.atomic():
                forward.push = pushing.hand_over(lead, fields=made.fields, notes=made.notes, **order)
        except pushing.Unfit as unfit:
            with transaction.atomic():
                forward.push = pushing.park(lead, problems=unfit.problems, **order)
            return str(unfit)
    except pushing.CannotPush as error:
        return str(error)
    return ""


def _moved(forward: Forward) -> str:
    if forward.rule is None or forward.rule.target_id == forward.target_id:
        return ""
    return "Its rule sends elsewhere now. Hand the lead over by hand if it should still go."


def shape_for(rule: Rule, facts: Facts) -> Shape:
    """What this rule sends for this lead."""
    return shape(rule.mapping, rule.office, facts, limits_of(rule.target))
