"""The freshness panel of the dashboard: what is believed beside what was measured, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from leads.admin.budget_chart import draw_budget
from leads.admin.report_words import (
    CANNOT_KNOW,
    FEWEST,
    compare,
    instant,
    list_coverage,
    percent,
    tell_coldest,
    tell_delay,
    tell_expected,
    tell_measured,
    tell_reads,
    tell_webhooks,
)
from leads.admin.wording import ago, count_of, moment
from leads.models import Connection
from leads.sync.reporting import find_report

BANDS = (
    ("hot", "Hot", "younger than a week, woken lately, or in somebody's hands"),
    ("warm", "Warm", "some weeks old"),
    ("cold", "Cold", "the rest"),
    ("all", "All leads", ""),
)
#: Where the scale may begin.
SCALES = (0.95, 0.9, 0.8, 0.5, 0.0)
OLD = timedelta(minutes=15)


def list_freshness(now: datetime) -> list[dict[str, Any]]:
    """A panel for each Lead.pro connection, from the report that a worker computed last."""
    return [describe_freshness(connection, now) for connection in Connection.objects.leadpro()]


def describe_freshness(connection: Connection, now: datetime) -> dict[str, Any]:
    """What the template shows; only a name and a sentence where there is no report yet."""
    report = find_report(connection)
    if report is None:
        words = "Not computed yet: a worker does that within minutes of its start."
        return {"name": connection.name, "missing": words}
    at = instant(report["at"]) or now
    tone, comparison = compare(report["measured"].get("all"))
    bands, scale = draw_bands(report)
    return {
        "name": connection.name,
        "at": moment(at, now),
        "is_old": ago(at, now) if now - at > OLD else "",
        "headline": tell_headline(report),
        "comparison": {"tone": tone, "words": comparison},
        "bands": bands,
        "scale": scale,
        "tiles": list_tiles(report, now),
        "budget": draw_budget(report),
        "coverage": list_coverage(report["coverage"], now),
        "cannot_know": CANNOT_KNOW,
    }


def tell_headline(report: Mapping[str, Any]) -> str:
    """The sentence on top: the belief, and it is called one."""
    everything, hot = report["expected"].get("all"), report["expected"].get("hot")
    if everything is None:
        return "No lead is looked at yet."
    whole = f"{percent(everything['share'])} of {count_of(report['copies'], 'lead')}"
    more = f", {percent(hot['share'])} of the hot ones" if hot else ""
    return f"Believed unchanged since last seen: {whole}{more}."


def draw_bands(report: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """A row for each band with places on a common scale in percent of its width, and the scale's marks."""
    expected, measured = report["expected"], report["measured"]
    shown = [fact["low"] for fact in expected.values()]
    shown += [fact["low"] for fact in measured.values() if fact["n"] >= FEWEST]
    start = next(low for low in SCALES if low <= min(shown, default=0.0))
    rows = [
        {
            "words": words,
            "help": helping,
            "count": _count_leads(expected.get(name), report),
            "expected": tell_expected(expected.get(name)),
            "measured": tell_measured(measured.get(name)),
            "belief": _place(expected.get(name), start),
            "found": _place(measured.get(name), start) if _is_measured(measured.get(name)) else None,
        }
        for name, words, helping in BANDS
        if name in expected or name in measured
    ]
    marks = [
        {"x": f"{100 * n / 5:g}", "words": f"{100 * (start + (1 - start) * n / 5):g} %"} for n in range(6)
    ]
    return rows, marks


def _is_measured(fact: Mapping[str, Any] | None) -> bool:
    return fact is not None and fact["n"] >= FEWEST


def _place(fact: Mapping[str, Any] | None, start: float) -> dict[str, str] | None:
    if fact is None:
        return None
    return {
        key: f"{100 * max(0.0, fact[name] - start) / (1 - start):.2f}%"
        for key, name in (("x", "share"), ("low", "low"), ("high", "high"))
    }


def _count_leads(fact: Mapping[str, Any] | None, report: Mapping[str, Any]) -> str:
    if fact is None:
        return count_of(0, "lead")
    if fact["is_whole"]:
        return count_of(fact["looked"], "lead")
    whole = report["expected"]["all"]["looked"]
    return f"about {count_of(round(report['copies'] * fact['looked'] / whole), 'lead')}"


def list_tiles(report: Mapping[str, Any], now: datetime) -> list[dict[str, str]]:
    """Figures with a sentence each."""
    delay, reads = tell_delay(report["delay"]), tell_reads(report["reads"])
    hooks = tell_webhooks(report["webhooks"], now)
    coldest = tell_coldest(report["coldest"], instant(report["coverage"]["oldest_seen_at"]), now)
    return [
        {"title": "A change is found", "tone": "grey", "figure": delay[0], "words": delay[1]},
        {"title": "Reads in 24 hours", "tone": reads[0], "figure": reads[1], "words": reads[2]},
        {"title": "Last webhook", "tone": hooks[0], "figure": hooks[1], "words": hooks[2]},
        {"title": "Longest unseen", "tone": coldest[0], "figure": coldest[1], "words": coldest[2]},
    ]
