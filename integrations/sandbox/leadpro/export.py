"""The CSV that the dashboard's export button gives.
Written beside its place and moved, so nobody reads half of it.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from .shape import Lead

COLUMNS = ("Lead ID", "Name", "Email", "Phone", "Type", "Source", "Office", "Stage", "Status", "Created")


def write_export(leads: Iterable[Lead], path: str) -> int:
    """Write all leads, oldest first; returns how many. ValueError without a path."""
    if not path:
        raise ValueError("say where the export goes")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            count = _write_rows(csv.writer(file), leads)
        Path(beside).replace(target)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return count


def _write_rows(writer: csv._writer, leads: Iterable[Lead]) -> int:  # type: ignore[name-defined]
    count = 0
    writer.writerow(COLUMNS)
    for lead in leads:
        writer.writerow(_render_row(lead))
        count += 1
    return count


def _render_row(lead: Lead) -> tuple[object, ...]:
    kind = str(lead["type"] or "").replace("_", " ").capitalize()
    return (
        lead["id"],
        lead["full_name"] or "",
        lead["email"] or "",
        lead["phone"] or "",
        kind,
        lead["source"] or "",
        lead["office_name"] or "",
        lead["stage"] or "",
        lead["status"] or "",
        _render_day(lead["created_at"]),
    )


def _render_day(created_at: str) -> str:
    try:
        return datetime.fromisoformat(created_at).strftime("%d/%m/%Y %H:%M")
    except (TypeError, ValueError):
        return ""
