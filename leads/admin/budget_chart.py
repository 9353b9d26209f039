"""Calls by lane in each of the last hours, as the bars of a small drawing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from leads.admin.report_words import LANE_WORDS, instant, percent
from leads.models import Lane

WIDTH, HEIGHT, GAP = 10.0, 60.0, 2.0


def draw_budget(report: Mapping[str, Any]) -> dict[str, Any]:
    """Bars, legend and words. Heights are of the hour's budget, or of the busiest hour where little was used."""
    budget, counted_at = report["budget"], instant(report["at"])
    lanes: dict[str, list[int]] = budget["lanes"]
    hours = len(next(iter(lanes.values())))
    totals = [sum(lane[n] for lane in lanes.values()) for n in range(hours)]
    allowed = 60 * int(budget["per_minute"])
    is_quiet = max(totals) < allowed / 4
    top = max(*totals, 1) if is_quiet else max(*totals, allowed)
    names = [lane.value for lane in Lane] + [name for name in lanes if name not in set(Lane)]
    return {
        "bars": [_bar(n, lanes, names, top, totals[n], budget["first_hour"]) for n in range(hours)],
        "width": f"{hours * WIDTH:g}",
        "height": f"{HEIGHT:g}",
        "legend": [
            (name, LANE_WORDS.get(Lane(name), name) if name in set(Lane) else name, f"{sum(lanes[name]):,}")
            for name in names
            if sum(lanes.get(name, []))
        ],
        "figure": percent(sum(totals) / (allowed * hours)),
        "words": f"{sum(totals):,} of {allowed * hours:,} calls",
        "until": timezone.localtime(counted_at).strftime("%H:%M") if counted_at else "",
        "top": f"{top:,} calls an hour" + ("" if is_quiet else ", the budget" if top == allowed else ""),
    }


def _bar(
    number: int, lanes: Mapping[str, list[int]], names: list[str], top: int, total: int, first_hour: int
) -> dict[str, Any]:
    """One hour: a rectangle per lane, stacked from below."""
    parts, floor = [], HEIGHT
    for name in names:
        height = HEIGHT * lanes.get(name, [0] * (number + 1))[number] / top
        floor -= height
        if height:
            parts.append({"lane": name, "y": f"{floor:.2f}", "height": f"{height:.2f}"})
    at = timezone.localtime(datetime.fromtimestamp(3600 * (first_hour + number), UTC))
    return {
        "x": f"{number * WIDTH + GAP / 2:.1f}",
        "width": f"{WIDTH - GAP:.1f}",
        "parts": parts,
        "title": f"{at:%H:%M}: {total:,} call{'' if total == 1 else 's'}",
        "label": f"{at:%H}:00",
    }
