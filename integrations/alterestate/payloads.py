"""A lead of ours as AlterEstate's request body: which fields there are, and how they are filled unless a forwarding
rule says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.mapping import STOP, FieldRule, Mapped, apply_rules
from integrations.phones import to_e164

__all__ = ["FIELDS", "LISTING_TYPES", "REQUIRED", "RULES", "FieldRule", "Mapped", "render", "without_related"]

REQUIRED = ("full_name", "phone", "email")
#: Every documented text field. ``custom_fields``, ``metadata``, ``budget`` and ``currency`` are later additions without
#: a document of their own, and are not sent.
FIELDS = (
    *REQUIRED,
    *("property_uid", "notes", "listing_type", "via", "related", "round_robin"),
    *("utm_source", "utm_campaign", "utm_content", "utm_medium", "utm_term"),
    *("adset_name", "campaign_name", "form_name", "platform"),
)
#: Type of lead → is the person interested in renting or buying. The document names the two and no values.
LISTING_TYPES = {"sale": "buy", "let": "rent"}
#: Nobody publishes limits. A message is cut where a mailbox would, the rest stops: half an e-mail address is none.
RULES: dict[str, FieldRule] = {
    "full_name": FieldRule(("full_name", "first_name+last_name"), required=True, limit=200),
    "phone": FieldRule(("phone",), required=True, limit=40, too_long=STOP),
    "email": FieldRule(("email",), required=True, limit=254, too_long=STOP),
    "notes": FieldRule(("message",), limit=4000),
    "listing_type": FieldRule(("type",), table=LISTING_TYPES),
    **{name: FieldRule((name,), limit=250) for name in FIELDS if name.startswith("utm_")},
}


def render(
    values: Mapping[str, Any], overrides: Mapping[str, FieldRule] | None = None, *, region: str = "GB"
) -> Mapped:
    """Ours → theirs: ``.values`` is the body. Overrides replace the rule of a field; an empty rule leaves it out, but
    not a required one. Unknown fields are left out with a note. Numbers go in E.164 where they are numbers.
    """
    rules = dict(RULES)
    unknown = []
    for name, rule in (overrides or {}).items():
        if name not in FIELDS:
            unknown.append(f"{name}: AlterEstate has no such field, so it is left out.")
            continue
        rules[name] = _require(rule) if name in REQUIRED else rule
    mapped = apply_rules(values, rules)
    mapped.notes += unknown
    if (phone := mapped.values.get("phone")) and (e164 := to_e164(phone, region)):
        mapped.values["phone"] = e164
    if "round_robin" in mapped.values and "related" in mapped.values:
        mapped.notes.append("related: AlterEstate lets round_robin decide where both are given.")
    return mapped


def _require(rule: FieldRule) -> FieldRule:
    return FieldRule(rule.sources, rule.fixed, rule.fallback, True, rule.limit, rule.too_long, rule.table)


def without_related(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same body without the assignment that AlterEstate refused."""
    return {name: value for name, value in payload.items() if name != "related"}
