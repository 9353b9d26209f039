"""The calls of AVIV's Seeker Leads API, version 1.4.0. Shapes only: what a lead's values mean is in `payloads`, what
an HTTP failure means in `integrations.rest`, the token's life and the rate rule in `leads.remotes`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import quote

from integrations.aviv.auth import CONTACT, USER_AGENT
from integrations.aviv.shapes import (
    AuditTrail,
    LeadPage,
    ShapeError,
    Subscription,
    find_lead,
    parse_audit,
    parse_page,
    parse_request_id,
    parse_subscription,
    parse_subscriptions,
)
from integrations.errors import CredentialsRefused, RemoteError, UnexpectedPayload, WrongAddress
from integrations.rest import MIB, Answer, RestClient
from integrations.verdicts import Submitted

__all__ = ["AuditTrail", "AvivClient", "LeadPage", "Subscription", "is_bad_scope"]

LONGEST_WINDOW = 7 * 86400
BIGGEST_PAGE = 100
#: A hundred leads with their messages.
PAGE_BODY = 16 * MIB
ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
#: How gateways say that they have no such path; the API's own 404 means an empty period.
_NO_SUCH_PATH = (
    "no route",
    "route not found",
    "no such route",
    "cannot get ",
    "unknown path",
    "unknown endpoint",
)


class AvivClient:
    """AVIV for one client and intermediary. May be shared by threads.

    ``token_source`` is asked for the bearer token before every call and may raise a `RemoteError`. Every method raises
    a `RemoteError`, its trace in the summary; reads may be repeated, writes only as the error's class says.
    """

    def __init__(
        self,
        base_url: str,
        token_source: Callable[[], str],
        user_agent: str = USER_AGENT,
        *,
        timeout: float = 10.0,
        total: float = 30.0,
        **rest_options: Any,
    ) -> None:
        self._base_url = base_url
        self._token_source = token_source
        self._user_agent = user_agent
        self._options = {"timeout": timeout, "total": total, **rest_options}
        self._signed: tuple[str, RestClient] | None = None

    def _rest(self) -> RestClient:
        """The door signed with the token in use; kept-alive connections last as long as the token does."""
        token = self._token_source()
        signed = self._signed
        if signed is None or signed[0] != token:
            headers = {"Authorization": f"Bearer {token.strip()}", "User-Agent": self._user_agent}
            signed = token, RestClient(self._base_url, headers, name="AVIV", **self._options)
            self._signed = signed
        return signed[1]

    def _call(self, rest: RestClient, method: str, path: str, **request: Any) -> Answer:
        try:
            return rest.call(method, path, **request)
        except RemoteError as error:
            if is_bad_scope(error):
                error.add(
                    f"The token lacks the right to this. Ask AVIV ({CONTACT}) to grant it to this client,"
                    " then test the connection."
                )
            _tell_trace(error)
            raise

    def _refuse(
        self, rest: RestClient, answer: Answer, strange: ShapeError, *, is_write: bool = False
    ) -> NoReturn:
        try:
            rest.refuse_answer(answer, is_write=is_write, detail=str(strange))
        except RemoteError as error:
            _tell_trace(error)
            raise

    def get_leads(
        self,
        min_date: int,
        max_date: int,
        *,
        start: str | None = None,
        limit: int = BIGGEST_PAGE,
        walked: Collection[str] = (),
    ) -> Answer:
        """One page of the leads ingested between two Unix times, at most 7 days apart. ``.data`` is a `LeadPage`.

        ``start`` is the ``next_start`` of the page before; ``walked`` are the starts used before in this window: an
        answer that leads back to one of them raises `UnexpectedPayload` instead of going round for ever. A 404 with a
        JSON body, or a 204, is an empty page with that ``.status``: an empty period, surely so only without ``start``.
        Docs: "Returns a list of leads based on search criteria".
        """
        if not 0 <= max_date - min_date <= LONGEST_WINDOW:
            raise ValueError("AVIV takes windows of at most 7 days.")
        if not 1 <= limit <= BIGGEST_PAGE:
            raise ValueError(f"AVIV takes pages of 1 to {BIGGEST_PAGE} leads.")
        params = {"minDate": str(int(min_date)), "maxDate": str(int(max_date)), "limit": str(limit)}
        if start:
            params["start"] = start
        rest, asked_at = self._rest(), datetime.now(UTC)
        try:
            answer = self._call(rest, "GET", "/leads", params=params, max_body=PAGE_BODY, accept=(404,))
        except UnexpectedPayload as nothing:
            if nothing.status != 204:
                raise
            return Answer(204, LeadPage([], None), {}, asked_at)
        if answer.status == 404:
            _refuse_wrong_path(answer)
            answer.data = LeadPage([], None)
            return answer
        try:
            answer.data = parse_page(answer.data, limit=limit, is_partial=answer.status == 206)
            if answer.data.next_start in {start, *walked} - {None}:
                raise ShapeError("its next page is one that was read before")
        except ShapeError as strange:
            self._refuse(rest, answer, strange)
        return answer

    def get_lead(self, lead_id: str) -> Answer:
        """One lead. ``.data`` is the lead as AVIV shows it. Raises `NotFound` on 404. Docs: "getLeadById"."""
        rest = self._rest()
        answer = self._call(rest, "GET", f"/leads/{_path_of(lead_id)}", names_one=True)
        try:
            answer.data = find_lead(answer.data, lead_id)
        except ShapeError as strange:
            self._refuse(rest, answer, strange)
        return answer

    def create_lead(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Submitted:
        """Submit a lead. AVIV takes it and makes it later: ``reference`` is the request's id, there is no lead id.

        Not to be repeated after `OutcomeUnknown`: nothing finds out whether it was taken. Docs: "Creates a new lead".
        """
        rest = self._rest()
        answer = self._call(rest, "POST", "/leads", json=dict(payload), write_before=write_before)
        try:
            request_id = parse_request_id(answer.data)
        except ShapeError as strange:
            self._refuse(rest, answer, strange, is_write=True)
        return Submitted(reference=request_id, note=f"AVIV took it and will make it: request {request_id}.")

    def list_subscriptions(self) -> list[Subscription]:
        """The webhook subscriptions of this client. Docs: "GET /webhook/subscriptions"."""
        rest = self._rest()
        answer = self._call(rest, "GET", "/webhook/subscriptions")
        try:
            return parse_subscriptions(answer.data)
        except ShapeError as strange:
            self._refuse(rest, answer, strange)

    def create_subscription(self, url: str, api_key: str, *, status: str = ACTIVE) -> Subscription:
        """Have AVIV call this URL with this key. Not repeatable: a second one would call twice; list them first."""
        return self._write_subscription("POST", "", {"url": url, "apiKey": api_key, "status": status}, False)

    def update_subscription(
        self, subscription_id: str, *, api_key: str | None = None, status: str | None = None
    ) -> Subscription:
        """Change key or status; the URL cannot be changed. May be repeated."""
        body = {name: value for name, value in (("apiKey", api_key), ("status", status)) if value is not None}
        return self._write_subscription("PUT", f"/{_path_of(subscription_id)}", body, True)

    def delete_subscription(self, subscription_id: str) -> None:
        """End a subscription. Raises `NotFound` where it has ended already. May be repeated."""
        path = f"/webhook/subscriptions/{_path_of(subscription_id)}"
        self._call(self._rest(), "DELETE", path, names_one=True, parse=False)

    def audit_subscription(self, subscription_id: str, *, limit: int = 10) -> AuditTrail:
        """AVIV's own account of its last deliveries (1 to 100). Docs: "subscriptionAuditById"."""
        path = f"/webhook/subscriptions/{_path_of(subscription_id)}/audit"
        params = {"limit": str(min(max(limit, 1), 100))}
        rest = self._rest()
        answer = self._call(rest, "GET", path, params=params, names_one=True)
        try:
            return parse_audit(answer.data)
        except ShapeError as strange:
            self._refuse(rest, answer, strange)

    def _write_subscription(
        self, method: str, path: str, body: dict[str, str], names_one: bool
    ) -> Subscription:
        rest = self._rest()
        answer = self._call(rest, method, f"/webhook/subscriptions{path}", json=body, names_one=names_one)
        try:
            return parse_subscription(answer.data)
        except ShapeError as strange:
            self._refuse(rest, answer, strange, is_write=True)


def is_bad_scope(error: RemoteError) -> bool:
    """Whether the token was issued before the right was granted: a new one may have it."""
    return (
        isinstance(error, CredentialsRefused) and error.status == 403 and "bad scope" in error.excerpt.lower()
    )


def _tell_trace(error: RemoteError) -> None:
    """AVIV's support asks for it, so a person must see it."""
    if error.trace_id and error.trace_id not in error.summary:
        error.add(f"Trace: {error.trace_id}.")


def _path_of(text: str) -> str:
    """An id as one part of a path, whatever is in it. Raises ValueError for what is none."""
    if not text.strip(". "):
        raise ValueError("AVIV has no such id.")
    return quote(text, safe="")


def _refuse_wrong_path(answer: Answer) -> None:
    """A 404 of a gateway says nothing about leads; taken for an empty period, it would hide every one of them."""
    said = str(answer.data).lower()
    if any(words in said for words in _NO_SUCH_PATH):
        raise WrongAddress(
            "AVIV does not offer this at the address in use (404). Check the base URL.", status=404
        )
