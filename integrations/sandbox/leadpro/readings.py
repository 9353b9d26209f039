"""What Lead.pro's documents leave open, as switches.
The defaults are the most literal reading of the printed pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from integrations.sandbox.switches import Switches

CHOICES: dict[str, tuple[str, ...]] = {
    "lookup_shape": ("array", "object_when_one", "data_when_one", "data", "paginated"),
    "lookup_nobody": ("array", "404", "data", "object", "blank"),
    "lookup_combines": ("all", "any"),
    "phone_match": ("exact", "normalised"),
    "email_match": ("ignore_case", "exact"),
    "status_by": ("both", "name", "id"),
    "patch_meta": ("merge", "replace"),
    "patch_answer": ("echo", "echo_broken", "lead", "empty"),
    "error_body": ("message", "string", "errors", "field", "html", "text", "success_false"),
    "office_ids": ("mixed", "strings", "ints"),
    "unknown_fields": ("ignore", "refuse"),
    "nulls": ("accept", "refuse"),
    "no_office": ("head_office", "refuse", "none"),
    "duplicates": ("separate", "child", "refuse"),
    "questionnaire_form": ("pairs", "map", "objects", "hidden"),
    "meta_form": ("map", "text"),
    "names_form": ("kept", "title"),
    "phone_form": ("kept", "e164", "dashes"),
    "hook_form": ("lead", "documented", "id_only"),
}


@dataclass(slots=True)
class Readings(Switches):
    """One legal reading of the documents. Times are in sandbox seconds, except ``latency``, which is real."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = CHOICES

    statuses_path: str = "/statuses"
    statuses_wrapped: bool = False
    lookup_shape: str = "array"
    lookup_nobody: str = "array"
    lookup_combines: str = "all"
    lookup_children: bool = True
    lookup_delay: float = 0.0
    lookup_page: int = 25
    phone_match: str = "exact"
    email_match: str = "ignore_case"
    status_by: str = "both"
    strict_progression: bool = False
    patch_needs_names: bool = True
    patch_meta: str = "merge"
    patch_answer: str = "echo"
    error_body: str = "message"
    refusal_status: int = 422
    auth_status: int = 401
    missing_status: int = 404
    success_status: int = 200
    office_ids: str = "mixed"
    unknown_fields: str = "ignore"
    nulls: str = "accept"
    strict_addresses: bool = False
    no_office: str = "head_office"
    duplicates: str = "separate"
    questionnaire_form: str = "pairs"
    meta_form: str = "map"
    names_form: str = "kept"
    phone_form: str = "kept"
    omit_nulls: bool = False
    extra_fields: bool = False
    requests_per_minute: int = 0
    limit_says_when: bool = True
    latency: float = 0.0
    valuation_latency: float = 0.0
    hook_form: str = "lead"
    hook_echo: bool = True
    hook_loss: float = 0.0
    hook_twice: float = 0.0
    hook_delay: float = 0.0
