"""What AVIV's pages leave open, as switches. The defaults are the most literal reading of the schema pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from integrations.sandbox.switches import Switches

CHOICES: dict[str, tuple[str, ...]] = {
    "bounds": ("both", "min", "max", "neither"),
    "order": ("ascending", "descending", "by_id", "arrival"),
    "links_last": ("absent", "null", "none"),
    "links_form": ("absolute", "relative"),
    "next_when": ("more", "full"),
    "empty": ("items", "404", "204"),
    "page_metadata": ("counts", "empty", "absent"),
    "unknown_start": ("refuse", "empty", "first"),
    "error_body": ("problem", "envelope"),
    "intermediary": ("optional", "required"),
    "who_may_post": ("all", "nobody"),
    "create_form": ("as_sent", "normalised"),
    "nulls": ("refuse", "accept"),
    "ttl_key": ("TTL", "ttl"),
    "erasure_form": ("nulls", "absent"),
    "rate_rule": ("both", "in_flight", "recent", "none"),
    "hook_form": ("lead", "items", "id", "event", "empty"),
    "hook_key": (
        "x-api-key",
        "apikey",
        "authorization",
        "bearer",
        "apikey_scheme",
        "signature",
        "query",
        "none",
    ),
}


@dataclass(slots=True)
class Readings(Switches):
    """One legal reading of the pages. Times are in sandbox seconds, except ``latency`` and those of hooks."""

    choices: ClassVar[dict[str, tuple[str, ...]]] = CHOICES

    bounds: str = "both"
    order: str = "ascending"
    window_days: int = 7
    history_days: int = 0
    limit_default: int = 100
    links_last: str = "absent"
    links_form: str = "absolute"
    next_when: str = "more"
    partial_206: bool = False
    empty: str = "items"
    page_metadata: str = "counts"
    unknown_start: str = "refuse"
    error_body: str = "problem"
    auth_status: int = 401
    missing_status: int = 404
    wrong_secret_status: int = 401
    intermediary: str = "optional"
    client_grant: bool = True
    token_seconds: int = 86_400
    needs_user_agent: bool = True
    rate_rule: str = "both"
    rate_limit: int = 10
    rate_refuses: bool = True
    limit_says_when: bool = False
    who_may_post: str = "all"
    create_delay: float = 5.0
    create_form: str = "as_sent"
    nulls: str = "refuse"
    ttl_key: str = "TTL"
    ttl_expires: bool = True
    shows_is_owner: bool = True
    extra_fields: bool = False
    erasure_form: str = "nulls"
    erasure_takes_email: bool = False
    latency: float = 0.0
    hook_form: str = "lead"
    hook_key: str = "x-api-key"
    hook_loss: float = 0.0
    hook_twice: float = 0.0
    hook_delay: float = 0.0
    hook_retries: int = 0
    hook_retry_seconds: float = 1.0
    hook_gives_up: int = 0
