"""The field reference in ``docs/fields.md``, written from the table in `fields`. Run as a module, it prints it."""

from __future__ import annotations

import sys

from integrations.leadpro.fields import FIELDS, Access, Call, Field, Kind

_INTRODUCTION = """\
# Fields of a lead

<!-- Written from integrations/leadpro/fields.py: python -m integrations.leadpro.reference > docs/fields.md -->

Every field under Lead.pro's own name. Limits hold when sending only; whatever Lead.pro shows is taken as it is.
Lengths are characters; sizes are bytes of compact UTF-8 JSON. A star marks what a create must carry.

| Access | Meaning |
|---|---|
| read-only | Lead.pro sets it; no call carries it |
| create-only | sent when a lead is created; cannot be changed through the API |
| patchable | an update may carry it |
| append-only | what an update sends is added to what is there |
| write-only | an update may carry it; no read shows it |
"""
_HEAD = "| Field | Type | Access | Sent by | Limits | Remarks |\n|---|---|---|---|---|---|"
_KINDS = {
    Kind.TEXT: "text",
    Kind.INTEGER: "whole number",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "true or false",
    Kind.INSTANT: "ISO 8601 date and time",
    Kind.STRING_MAP: "object of texts",
    Kind.AVAILABILITY: "object of texts or lists of texts",
    Kind.PAIRS: "list of pairs of texts",
    Kind.JSON: "any JSON",
}


def render_reference() -> str:
    """The whole page, in Markdown: a table per group."""
    groups = dict.fromkeys(spec.group for spec in FIELDS.values())
    sections = [_render_group(group) for group in groups]
    return "\n".join([_INTRODUCTION, *sections])


def _render_group(group: str) -> str:
    rows = [_render_row(spec) for spec in FIELDS.values() if spec.group == group]
    return "\n".join([f"## {group}", "", _HEAD, *rows, ""])


def _render_row(spec: Field) -> str:
    star = " \\*" if spec.required else ""
    calls = ", ".join(call.value for call in Call if call in spec.writes) or "–"
    remarks = " ".join(part for part in (f"{spec.label}.", spec.help, _render_choices(spec)) if part)
    cells = [
        f"`{spec.name}`{star}",
        _KINDS[spec.kind],
        spec.access.value,
        calls,
        _render_limits(spec),
        remarks,
    ]
    return f"| {' | '.join(cells)} |"


def _render_limits(spec: Field) -> str:
    if spec.access is Access.READ_ONLY:
        return "–"
    limits = []
    if spec.create_max is not None:
        limits.append(f"{spec.minimum or 'up'} to {spec.create_max}")
    if spec.update_max is not None and spec.update_max != spec.create_max:
        limits.append(f"up to {spec.update_max} in an update")
    if spec.json_bytes is not None:
        limits.append(f"{spec.json_bytes} bytes")
    return ", ".join(limits) or "–"


def _render_choices(spec: Field) -> str:
    if not spec.choices:
        return ""
    return ("Known: " if spec.open_choices else "One of: ") + ", ".join(spec.choices) + "."


if __name__ == "__main__":
    sys.stdout.write(render_reference())
