"""Request headers that change an answer: Prefer, If-Match, If-None-Match."""

from __future__ import annotations

import re

from leads.api.problems import Problem

LONGEST_WAIT = 30.0
USUAL_WAIT = 10.0
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_WAIT = re.compile(r'wait(?:\s*=\s*"?([0-9]{1,9})"?)?', re.IGNORECASE)


def parse_wait(header: str) -> float | None:
    """Seconds of ``Prefer: wait=N`` (RFC 7240), at most 30; ten where it has no number; None where it is not asked."""
    for part in header[:1000].split(","):
        match = _WAIT.fullmatch(part.split(";")[0].strip())
        if match:
            return min(float(match[1]), LONGEST_WAIT) if match[1] else USUAL_WAIT
    return None


def render_tag(version: int) -> str:
    """The weak tag of a lead's version."""
    return f'W/"{version}"'


def matches_any(header: str, version: int) -> bool:
    """Whether an If-None-Match header names this version."""
    return header.strip() == "*" or str(version) in _TAG.findall(header)


def require_match(header: str, version: int) -> None:
    """Raises a 412 where an If-Match header names other versions only.

    A strong comparison would never match a weak tag; the version is compared, which is what callers mean.
    """
    header = header.strip()
    if header and header != "*" and str(version) not in _TAG.findall(header):
        raise Problem(
            412,
            "changed_meanwhile",
            "The lead has changed since you read it. Nothing was saved; read it again and decide anew.",
        )
