"""Raw looks at Lead.pro's answers, and names for the forms that its documents leave open. What is asked, in which
order, and what follows from it is decided in `leads.sync.probing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrations.answers import NotJson, extract_reason, is_json_type, parse_json
from integrations.errors import RemoteError
from integrations.leadpro.shapes import parse_id
from integrations.rest import MIB, RestClient
from integrations.verdicts import Asked, End

#: Where Get Statuses may be: the guide prints the answer and not the address.
STATUSES_PATHS = (
    "/statuses",
    "/lead-statuses",
    "/leads/statuses",
    "/lead/statuses",
    "/status",
    "/leads/status",
    "/account/statuses",
)
#: Statuses that say more about the moment, the key or the way there than about the API.
_TELL_NOTHING = frozenset({408, 425, 429})
_KEY_REFUSED = frozenset({401, 403})
_LISTS = ("data", "leads", "results", "items", "offices", "statuses")
_PAGING = frozenset(
    (
        *("next", "next_page", "nextPage", "next_page_url", "nextPageUrl", "next_cursor", "nextCursor"),
        *("has_more", "hasMore", "hasNextPage", "has_next", "page", "current_page", "currentPage"),
        *("last_page", "lastPage", "per_page", "perPage", "page_size", "pageSize", "limit", "offset"),
        *("total", "total_pages", "totalPages"),
    )
)
_BLOCKS = ("meta", "links", "pagination", "paging")
_MESSAGES = ("message", "error", "detail", "reason", "title", "msg", "error_description")
_FIELDS = ("field", "param", "property", "pointer", "attribute")


class _Nothing:
    """Stands for a body that is no JSON."""

    def __repr__(self) -> str:
        return "NO_JSON"


NO_JSON: Any = _Nothing()


@dataclass(frozen=True, slots=True)
class Look:
    """An answer as it came. ``document`` is `NO_JSON` where the body, up to the limit, is none."""

    status: int
    content_type: str
    body: bytes
    document: Any
    started_at: datetime

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def is_blank(self) -> bool:
        """No body, or one of white space."""
        return not self.body.strip()

    @property
    def reason(self) -> str:
        """Lead.pro's own words in a refusal, at most 500 characters; may hold what was sent."""
        return extract_reason(self.body)[0] if self.body else ""


def look(
    rest: RestClient,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    is_guess: bool = False,
    max_body: int = MIB,
) -> Look:
    """One call whose 2xx and 4xx answers are all findings. Whatever else happens raises its `RemoteError`.

    A refused key is an error, unless ``is_guess``: gateways say 403 for a path that does not exist, and a wrong one
    may redirect. A read may be repeated; a write must not, after `OutcomeUnknown`.
    """
    asked = Asked(rest.name, method != "GET", names_one=True)
    seen, verdict, started_at = rest.observe(asked, method, path, params=params, json=json, max_body=max_body)
    status = seen.status
    if status is None or started_at is None or seen.end is not End.COMPLETE or not _tells(status, is_guess):
        if isinstance(verdict, RemoteError):
            raise verdict
        raise RemoteError(f"{rest.name} gave an answer that tells nothing.", status=status)
    content_type = seen.headers.get("Content-Type") or ""
    return Look(status, content_type, seen.body, _parse(seen.body), started_at)


def _tells(status: int, is_guess: bool) -> bool:
    if is_guess and (status in _KEY_REFUSED or 300 <= status < 400):
        return True
    return 200 <= status < 300 or (400 <= status < 500 and status not in _TELL_NOTHING | _KEY_REFUSED)


def _parse(body: bytes) -> Any:
    try:
        return parse_json(body)
    except NotJson:
        return NO_JSON


def find_shown(document: Any) -> list[dict[str, Any]]:
    """Every lead that a document shows, in whatever wrapping, on this page; none where there is none."""
    if isinstance(document, dict) and parse_id(document.get("id")) is None:
        document = next(
            (document[key] for key in (*_LISTS, "lead") if isinstance(document.get(key), (list, dict))), []
        )
    rows = document if isinstance(document, list) else [document]
    return [row for row in rows if isinstance(row, dict) and parse_id(row.get("id")) is not None]


def name_list_form(document: Any) -> str:
    """A bare "array", or the key under which an object wraps the list ("data", …); else "other"."""
    if isinstance(document, list):
        return "array"
    if isinstance(document, dict):
        return next((key for key in _LISTS if isinstance(document.get(key), list)), "other")
    return "other"


def name_id_form(ids: Iterable[Any]) -> str:
    """How ids are written: "numbers", "text" or "mixed"; "none" where there are no ids."""
    kinds = {"text" if isinstance(one, str) else "numbers" for one in ids if parse_id(one) is not None}
    return "mixed" if len(kinds) > 1 else next(iter(kinds), "none")


def name_nobody_form(seen: Look) -> str:
    """How "nobody" was said: "array", "data", "object" ({}), "blank", "404"; "somebody"; else "other"."""
    if seen.status == 404:
        return "404" if seen.document is not NO_JSON and is_json_type(seen.content_type) else "other"
    if not seen.is_success:
        return "other"
    if seen.is_blank:
        return "blank"
    if find_shown(seen.document):
        return "somebody"
    if seen.document == []:
        return "array"
    if seen.document == {}:
        return "object"
    return "data" if name_list_form(seen.document) != "other" and not has_reason(seen.document) else "other"


def has_reason(document: Any) -> bool:
    """Whether an object speaks of an error."""
    return isinstance(document, dict) and any(document.get(key) for key in ("error", "errors", "exception"))


def name_lookup_form(document: Any) -> str:
    """A look-up's form: "array", "object" (a bare lead), "data" (wrapped), "paginated" (with page marks) or "other"."""
    if isinstance(document, list):
        return "array"
    if not isinstance(document, dict) or has_reason(document):
        return "other"
    if parse_id(document.get("id")) is not None:
        return "object"
    if not find_shown(document):
        return "other"
    return "paginated" if _speaks_of_pages(document) else "data"


def _speaks_of_pages(wrapper: Mapping[str, Any]) -> bool:
    blocks = [wrapper, *(wrapper.get(key) for key in _BLOCKS)]
    return any(isinstance(block, Mapping) and _PAGING & block.keys() for block in blocks)


def name_refusal_form(seen: Look) -> str:
    """The body of a refusal: "blank", "html", "text", "string", "errors", "field", "message" or "other"."""
    if seen.is_blank:
        return "blank"
    document = seen.document
    if document is NO_JSON:
        is_page = "html" in seen.content_type.lower() or seen.body.lstrip()[:1] == b"<"
        return "html" if is_page else "text"
    if isinstance(document, str):
        return "string"
    if not isinstance(document, dict):
        return "other"
    if any(isinstance(document.get(key), (dict, list)) and document[key] for key in ("errors", "details")):
        return "errors"
    if any(document.get(key) for key in _FIELDS):
        return "field"
    return "message" if any(document.get(key) for key in _MESSAGES) else "other"


def find_field(seen: Look) -> str:
    """The field that a refusal names, or nothing."""
    return extract_reason(seen.body)[1] if seen.body else ""


def name_update_form(seen: Look, sent: Mapping[str, Any]) -> str:
    """The answer to an update: "empty", "lead", "echo", "broken echo" (JSON that is none), "page" or "other"."""
    if seen.is_blank:
        return "empty"
    if seen.document is NO_JSON:
        return "broken echo" if is_json_type(seen.content_type) else "page"
    if seen.document == dict(sent):
        return "echo"
    return "lead" if find_shown(seen.document) else "other"


def name_pairs_form(value: Any) -> str:
    """Answers as a read shows them: "pairs", "map", "objects", "text"; "absent"; else "other"."""
    if not value:
        return "absent"
    if isinstance(value, dict):
        return "map"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        for kind, name in ((list, "pairs"), (dict, "objects")):
            if all(isinstance(item, kind) for item in value):
                return name
    return "other"
