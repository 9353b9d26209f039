"""The seven calls of the Lead.pro Lead API (lead.pro/api-guide). Shapes only: what a lead's values mean is in
`payloads`, what an HTTP failure means in `integrations.rest`, when to call in `leads.sync`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.leadpro.payloads import same_token, token_of
from integrations.leadpro.probing import Look, look
from integrations.leadpro.shapes import (
    OfficeRow,
    ShapeError,
    StatusRow,
    find_lead,
    find_lead_list,
    parse_office_rows,
    parse_status_rows,
    refuse_failure,
)
from integrations.rest import MIB, Answer, RestClient

#: One person's leads, in full. Above this the caller asks again with a last name.
LOOKUP_BODY = 16 * MIB

__all__ = ["LOOKUP_BODY", "LeadProClient", "OfficeRow", "StatusRow"]


class LeadProClient:
    """Lead.pro for one API key. May be shared by threads; holds no state but kept-alive connections.

    Every method raises a `RemoteError`; reads may be repeated, writes only as the error's class says.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        statuses_path: str = "/statuses",
        empty_object_is_nobody: bool = False,
        timeout: float = 10.0,
        total: float = 30.0,
        **rest_options: Any,
    ) -> None:
        self._statuses_path = "/" + statuses_path.strip().lstrip("/")
        self._empty_object_is_nobody = empty_object_is_nobody
        self._rest = RestClient(
            base_url,
            {"x-api-key": api_key.strip()},
            timeout=timeout,
            total=total,
            name="Lead.pro",
            **rest_options,
        )

    def create_lead(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Answer:
        """Create a lead. ``.data`` is the lead as Lead.pro shows it, with an integer ``id``.

        Not to be repeated after `OutcomeUnknown`: look for the token first. Guide: "Create Lead".
        """
        return self._create("/leads", payload, write_before)

    def create_valuation(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Answer:
        """Create a vendor or landlord lead and get its estimates. Otherwise as `create_lead`.

        Guide: "Create Instant Valuation Lead".
        """
        return self._create("/leads/valuation", payload, write_before)

    def _create(self, path: str, payload: Mapping[str, Any], write_before: float | None) -> Answer:
        answer = self._rest.call("POST", path, json=payload, write_before=write_before)
        try:
            answer.data = find_lead(answer.data, is_whole=False)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=True, detail=str(strange))
        sent, shown = token_of(payload), token_of(answer.data)
        if sent is not None and shown is not None and not same_token(sent, shown):
            self._rest.refuse_answer(answer, is_write=True, detail="it shows another lead than the one sent")
        return answer

    def update_lead(
        self, lead_id: int, payload: Mapping[str, Any], *, write_before: float | None = None
    ) -> None:
        """Change a lead. The answer only echoes the request (sometimes as invalid JSON): read the lead again.

        Never to be repeated blindly: ``questionnaire`` is appended each time. A 202, or an error in a 2xx, leaves open
        what happened. Guide: "Update Lead".
        """
        answer = self._rest.call(
            "PATCH",
            f"/leads/{lead_id:d}",
            json=payload,
            write_before=write_before,
            names_one=True,
            parse=False,
        )
        if answer.status == 202:
            self._rest.refuse_answer(answer, is_write=True, detail="it was taken in, and is not done yet")
        try:
            refuse_failure(answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=True, detail=str(strange))

    def get_lead(self, lead_id: int) -> Answer:
        """One lead. Raises `NotFound` on 404. Guide: "Get lead by ID"."""
        answer = self._rest.call("GET", f"/leads/{lead_id:d}", names_one=True)
        try:
            answer.data = find_lead(answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=False, detail=str(strange))
        if answer.data["id"] != lead_id:
            self._rest.refuse_answer(answer, is_write=False, detail="it shows another lead")
        return answer

    def find_leads(
        self,
        *,
        email: str | None = None,
        phone: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Answer:
        """The leads of a person, by e-mail or phone, optionally narrowed by name. ``.data`` is a list of
        leads.

        A 404 with a JSON body means nobody: an empty list with ``.status`` 404; so does ``{}`` where a probe
        has learnt that. Anything that is not certainly a complete list raises, and so says nothing about
        absence. Guide: "Get leads by contact details".
        """
        if not email and not phone:
            raise ValueError("Lead.pro looks people up by e-mail or phone; a name alone is not enough.")
        named = {"email": email, "phone": phone, "firstName": first_name, "lastName": last_name}
        params = {name: value for name, value in named.items() if value}
        answer = self._rest.call("GET", "/person/leads", params=params, max_body=LOOKUP_BODY, accept=(404,))
        if answer.status == 404 or (self._empty_object_is_nobody and answer.data == {}):
            answer.data = []
            return answer
        try:
            answer.data = find_lead_list(answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=False, detail=str(strange))
        return answer

    def get_offices(self) -> list[OfficeRow]:
        """The account's offices. Guide: "Get Offices"."""
        answer = self._rest.call("GET", "/offices")
        try:
            return parse_office_rows(answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=False, detail=str(strange))

    def get_statuses(self) -> list[StatusRow]:
        """The account's statuses. Guide: "Get Statuses"; the guide does not give the path, so a setting
        does.
        """
        answer = self._rest.call("GET", self._statuses_path)
        try:
            return parse_status_rows(answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=False, detail=str(strange))

    def look(self, method: str, path: str, **request: Any) -> Look:
        """A raw look for `leads.sync.probing`; arguments and errors as in `integrations.leadpro.probing.look`."""
        return look(self._rest, method, path, max_body=LOOKUP_BODY, **request)
