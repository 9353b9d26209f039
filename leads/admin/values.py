"""How a field's value looks on a page. What a remote sent is hostile text: escaped, and a link only if http(s)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from integrations.leadpro.fields import FIELDS, TOKEN_KEY, Field, Kind
from leads.admin.wording import NOTHING, clock

LONG = 400
_PLAIN_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_PLAIN_PHONE = re.compile(r"\+?[\d ()-]{5,25}")


def label_of(name: str) -> str:
    """What people call this field."""
    return FIELDS[name].label if name in FIELDS else name.replace("_", " ").capitalize()


def pretty(value: Any) -> str:
    """JSON for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False, default=str)


def is_web_address(text: str) -> bool:
    """Whether this may become a link."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def link(text: str, words: object = None) -> SafeString:
    """A link that tells the other side nothing, or the plain text."""
    if not is_web_address(text):
        return format_html("{}", words or text)
    return format_html(
        '<a class="lm-link" href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>',
        text.strip(),
        words or text,
    )


def show(name: str, value: Any) -> SafeString:
    """One field's value as HTML."""
    field = FIELDS.get(name)
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return format_html("{}", "Yes" if value else "No")
    if isinstance(value, datetime):
        return format_html("{}", clock(value))
    if isinstance(value, dict | list):
        return _show_structure(field, value)
    return _show_text(field, str(value))


def _show_text(field: Field | None, text: str) -> SafeString:
    if field is not None and field.kind is Kind.INSTANT:
        instant = parse_datetime(text)
        return format_html("{}", clock(instant) if instant and instant.tzinfo else text)
    if field is not None and field.name == "email" and _PLAIN_EMAIL.fullmatch(text):
        return format_html('<a class="lm-link" href="mailto:{}">{}</a>', text, text)
    if field is not None and field.name == "phone" and _PLAIN_PHONE.fullmatch(text):
        return format_html('<a class="lm-link" href="tel:{}">{}</a>', re.sub(r"[^\d+]", "", text), text)
    if is_web_address(text):
        return link(text)
    if len(text) > LONG:
        return format_html(
            '<details class="lm-long"><summary>{}…</summary><div class="lm-text">{}</div></details>',
            text[:LONG],
            text,
        )
    return format_html('<span class="lm-text">{}</span>', text)


def _show_structure(field: Field | None, value: dict[str, Any] | list[Any]) -> SafeString:
    kind = field.kind if field else Kind.JSON
    if kind is Kind.PAIRS and isinstance(value, list) and all(_is_pair(p) for p in value):
        return _show_pairs((str(q), str(a)) for q, a in value)
    if kind is Kind.STRING_MAP and isinstance(value, dict):
        return _show_pairs((str(k), str(v)) for k, v in value.items() if k != TOKEN_KEY) or NOTHING
    hours = value.get("hours") if isinstance(value, dict) and kind is Kind.AVAILABILITY else None
    if isinstance(hours, list) and len(value) == 1 and all(isinstance(h, str) for h in hours):
        times = [parse_datetime(h) for h in hours]
        if all(t and t.tzinfo for t in times):
            return format_html_join(
                "", '<span class="lm-chip">{}</span>', ((clock(t)[:-3],) for t in times if t)
            )
    return format_html('<pre class="lm-json">{}</pre>', pretty(value))


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(t, str) for t in pair)


def _show_pairs(pairs: Any) -> SafeString:
    rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs)
    return format_html('<dl class="lm-pairs">{}</dl>', rows) if rows else NOTHING
