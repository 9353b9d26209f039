"""AVIV's webhook deliveries. Their shape and the header of their key are not documented: a delivery is a hint to pull,
its key is looked for wherever the documents allow it, and nothing in it is believed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integrations.aviv.shapes import find_lead_id

_PREFIXES = ("bearer ", "apikey ", "api-key ", "token ", "sha256=")
_WRAPPERS = ("data", "items", "lead", "leads", "payload", "event")
_MOST_IDS = 100


def key_matches(headers: Mapping[str, str], body: bytes, key: str) -> bool:
    """Whether any header holds the subscription's key, with or without a prefix such as ``Bearer``, or its HMAC-SHA256
    of the body in hex, as ``X-Signature`` would. Every header is compared, each in constant time. No key, no match.
    """
    if not key:
        return False
    secret = key.encode()
    wanted = (secret, hmac.new(secret, body, hashlib.sha256).hexdigest().encode())
    matches = [
        hmac.compare_digest(candidate, want) for candidate in _candidates(headers.values()) for want in wanted
    ]
    return any(matches)


def _candidates(values: Iterable[str]) -> Iterator[bytes]:
    for value in values:
        text = str(value).strip()
        forms = [
            text,
            *(text[len(prefix) :].strip() for prefix in _PREFIXES if text.lower().startswith(prefix)),
        ]
        for form in forms:
            yield form.encode("utf-8", "replace")
            if len(form) == 64:
                yield form.lower().encode("utf-8", "replace")


def find_lead_ids(body: Any, depth: int = 0) -> list[str]:
    """The ids of leads that a delivery seems to speak of; often none. Never raises."""
    if isinstance(body, list):
        found = [
            lead_id for item in body[:_MOST_IDS] if depth < 5 for lead_id in find_lead_ids(item, depth + 1)
        ]
        return list(dict.fromkeys(found))[:_MOST_IDS]
    if not isinstance(body, dict) or depth > 5:
        return []
    own = find_lead_id(body) or find_lead_id({"metadata": {"leadId": body.get("leadId")}})
    if own is not None:
        return [own]
    inside = [lead_id for key in _WRAPPERS if key in body for lead_id in find_lead_ids(body[key], depth + 1)]
    return list(dict.fromkeys(inside))[:_MOST_IDS]
