"""What a person who waits for a run is told."""

from __future__ import annotations

from dataclasses import dataclass

from leads.admin.values import label_of
from leads.admin.wording import count_of
from leads.models import Change, Lead, Run, RunItem


@dataclass(frozen=True, slots=True)
class RunWords:
    """A tone and a sentence."""

    tone: str
    words: str


def tell_run(run: Run, lead: Lead | None = None) -> RunWords:
    """The outcome of a run; of a run over one lead, in words about that lead."""
    if run.state in (Run.WAITING, Run.RUNNING):
        if run.problem:
            return RunWords("amber", f"Waiting. {run.problem}")
        return RunWords("blue", _busy_words(run))
    if run.state == Run.PAUSED:
        return RunWords("amber", "Paused. What was done is kept; resume to go on.")
    if run.state == Run.CANCELLED:
        return RunWords("grey", "Cancelled. What was done is kept.")
    if run.total == 1 and run.kind in (Run.REFRESH, Run.LOOKUP):
        return _tell_single(run, lead)
    if run.failed:
        return RunWords("amber", f"Finished: {run.done:,} of {run.total:,} done, {run.failed:,} failed.")
    return RunWords("green", f"Finished: all {count_of(run.total, 'item')} done.")


def _busy_words(run: Run) -> str:
    if run.total == 1:
        return {
            Run.REFRESH: "Asking Lead.pro for this lead…",
            Run.LOOKUP: "Looking this person up in Lead.pro…",
        }.get(run.kind, "Asking Lead.pro…")
    return f"{run.done + run.failed:,} of {run.total:,} done…"


def _tell_single(run: Run, lead: Lead | None) -> RunWords:
    item = run.items.first()
    if item is None or item.state == RunItem.FAILED:
        return RunWords("red", (item and item.problem) or run.problem or "Lead.pro could not be asked.")
    if run.kind == Run.LOOKUP:
        if not item.found:
            return RunWords("grey", "Lead.pro knows nobody with this contact.")
        found = count_of(item.found, "lead")
        return RunWords("green", f"Lead.pro has {found} of this person. What it has is mirrored here now.")
    names: set[str] = set()
    if lead is not None:
        since = run.started_at or run.created_at
        for fields in Change.objects.filter(lead=lead, at__gte=since, cause="refresh").values_list(
            "fields", flat=True
        ):
            names |= set(fields)
    if names:
        return RunWords(
            "green", f"Refreshed. Changed in Lead.pro: {', '.join(sorted(label_of(n) for n in names))}."
        )
    return RunWords("green", "Refreshed. Nothing had changed in Lead.pro.")
