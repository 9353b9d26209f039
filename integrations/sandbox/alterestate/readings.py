"""What AlterEstate's pages leave open, as switches. The defaults are the page's own words and samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from integrations.sandbox.switches import Switches

CHOICES: dict[str, tuple[str, ...]] = {
    "duplicates": ("allow", "refuse"),
    "answer_form": ("page", "later"),
    "error_body": ("message", "fields"),
    "without_slash": ("redirect", "error", "missing"),
    "related_by": ("email", "both"),
    "default_owner": ("company", "key_owner"),
    "unknown_rule": ("default", "refuse"),
    "duplicate_status": ("200", "201"),
}


@dataclass(slots=True)
class Readings(Switches):
    """One legal reading of the pages. ``duplicates`` is a setting of the company in truth. ``latency`` is real."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = CHOICES

    duplicates: str = "allow"
    answer_form: str = "page"
    error_body: str = "message"
    auth_status: int = 401
    without_slash: str = "redirect"
    related_by: str = "email"
    default_owner: str = "company"
    unknown_rule: str = "default"
    duplicate_status: str = "200"
    normalises: bool = True
    max_length: int = 0
    requests_per_minute: int = 0
    latency: float = 0.0
