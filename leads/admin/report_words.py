"""The numbers of a freshness report in plain English. What was not measured often enough is said to be so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leads.admin.wording import ago, count_of, moment
from leads.models import Lane

#: Fewer audits or changes than this say nothing.
FEWEST = 30
#: More failed reads than this share are a warning.
MOST_FAILED = 0.1
LANE_WORDS = {
    Lane.PERSON: "people waiting",
    Lane.PUSH: "pushes",
    Lane.HINT: "webhooks",
    Lane.SCHEDULE: "schedule",
    Lane.BULK: "imports and runs",
}
CANNOT_KNOW = (
    "Lead.pro has no list of leads. One that was neither imported, nor named by a webhook, nor belongs to a person "
    "who is looked up here, cannot be known, and nothing counts it. A lead names its parent, never its children: those "
    "are found by looking its person up."
)

Report = Mapping[str, Any]


def percent(share: float) -> str:
    """One decimal; never rounded up to everything or down to nothing."""
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    if 0 < share < 0.0005:
        return "under 0.1 %"
    return f"{100 * share:.0f} %" if share in {0, 1} else f"{100 * share:.1f} %"


def at_most(minutes: float) -> str:
    """A length of time, rounded up: it is never told shorter than it was."""
    if minutes < 100:
        return f"{ceil(minutes)} min"
    if minutes < 48 * 60:
        return f"{ceil(10 * minutes / 60) / 10:g} h"
    return f"{ceil(10 * minutes / 1440) / 10:g} days"


def instant(text: Any) -> datetime | None:
    """A moment of a report."""
    return parse_datetime(text) if isinstance(text, str) else None


def tell_expected(fact: Report | None) -> str:
    """What is believed of a band, with the sample's error where it is a sample."""
    if fact is None:
        return "no leads"
    if fact["is_whole"]:
        return percent(fact["share"])
    return f"{percent(fact['share'])} ({spread(fact)})"


def tell_measured(fact: Report | None) -> str:
    """What audits found in a band, or how many are still missing."""
    n = int(fact["n"]) if fact else 0
    if fact is None or n < FEWEST:
        return f"not measured yet: {n} of {FEWEST} audits"
    return f"{percent(fact['share'])} ({spread(fact)}), {n:,} audits"


def spread(fact: Report) -> str:
    """An error bar in words."""
    return f"{100 * fact['low']:.1f}–{100 * fact['high']:.1f} %"


def compare(fact: Report | None) -> tuple[str, str]:
    """(tone, sentence): whether audits agree with what was believed of the same leads just before they were read."""
    if fact is None or fact["n"] < FEWEST:
        return "grey", "Random audits will show whether the belief is right."
    believed = percent(fact["believed"])
    if fact["believed"] > fact["high"]:
        words = f"Audits found fewer leads up to date than the {believed} believed of them: trust the measured figure."
        return "amber", words
    if fact["believed"] < fact["low"]:
        return "green", f"Audits found more leads up to date than the {believed} believed of them."
    return (
        "green",
        f"Audits agree with the belief: of the leads audited, {believed} were believed up to date.",
    )


def tell_delay(delay: Report) -> tuple[str, str]:
    """(figure, words): within what time changes were found."""
    if delay["n"] < FEWEST:
        return "not known yet", f"{delay['n']} of {FEWEST} changes found by looking"
    words = (
        f"for half of {count_of(delay['n'], 'change')} found in 7 days, {at_most(delay['most'])} for nine of ten. "
        "A change is only known to lie between two looks, so these are upper limits."
    )
    return f"within {at_most(delay['half'])}", words


def tell_reads(reads: Report) -> tuple[str, str, str]:
    """(tone, figure, words): the reads of 24 hours, and how many of them found nothing new or failed."""
    good = reads["unchanged"] + reads["changed"]
    words = [f"{percent(reads['unchanged'] / good)} found nothing new"] if good else ["none was answered"]
    if reads["failed"]:
        words.append(f"{reads['failed']:,} failed")
    if reads["discovered"]:
        words.append(f"{count_of(reads['discovered'], 'unknown lead')} found by contact")
    total = good + reads["failed"]
    tone = "amber" if reads["failed"] > MOST_FAILED * total else "grey"
    return tone, f"{total:,}", " · ".join(words)


def tell_webhooks(hooks: Report, now: datetime) -> tuple[str, str, str]:
    """(tone, figure, words): when the last one came, and what they were good for."""
    last = instant(hooks["last_at"])
    if last is None:
        return (
            "amber",
            "none ever",
            "The address has not been pasted into Lead.pro, or nothing has happened there.",
        )
    words = [f"{hooks['arrived']:,} in 7 days", tell_hints(hooks)]
    if hooks["failed"]:
        words.append(f"{hooks['failed']:,} failed")
    since = instant(hooks["waiting_since"])
    if since and now - since > timedelta(minutes=2):
        words.append(f"{hooks['waiting']:,} waiting since {ago(since, now)}")
    return ("amber" if hooks["failed"] else "green"), ago(last, now), " · ".join(words)


def tell_hints(hooks: Report) -> str:
    """Whether webhooks came before or after a look had found the same change."""
    return (
        f"{hooks['early']:,} told us first, {hooks['late']:,} came after we had looked, "
        f"{hooks['empty']:,} with nothing new"
    )


def tell_coldest(coldest: Report, oldest: datetime | None, now: datetime) -> tuple[str, str, str]:
    """(tone, figure, words): the lead unseen for longest, and whether the budget can keep the limit."""
    if oldest is None:
        return "grey", "no leads", ""
    days, needed, possible = coldest["days"], coldest["needed_a_day"], coldest["possible_a_day"]
    figure = ago(oldest, now)
    if needed > possible:
        words = (
            f"The budget cannot look at every lead and person once in {days:g} days: that takes {needed:,.0f} "
            f"calls a day and {possible:,} are allowed. At best a round takes {coldest['days_at_best']:,.0f} days."
        )
        return "red", figure, words
    words = f"The limit is {days:g} days; keeping it takes {percent(needed / possible)} of the budget."
    late = now - oldest - timedelta(days=days)
    return ("amber" if late > timedelta(days=1) else "green"), figure, words


def list_coverage(coverage: Report, now: datetime) -> list[tuple[str, SafeString | str]]:
    """(count, what it counts): what the mirror knows that it does not have."""
    rows = (
        ("parents_unseen", "named as the parent of a lead, but never seen"),
        ("hinted_unseen", "named by a webhook, but not found at Lead.pro"),
        ("never_looked_up", "leads whose person was never looked up by e-mail or phone"),
        ("no_contact", "leads without e-mail and phone, so their person cannot be looked up"),
    )
    counted = [(f"{coverage[key]:,}", words) for key, words in rows]
    at = instant(coverage["at"])
    return [*counted, ("", format_html("Counted {}.", moment(at, now)))] if at else counted
