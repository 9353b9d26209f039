"""The one call of AlterEstate's Leads API (dev.alterestate.com/leads). What an HTTP failure means is in
`integrations.rest`; told apart here, by HTTP code first and body second, is what an answer says became of the lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.alterestate.outcomes import ShapeError, read_outcome
from integrations.errors import CredentialsRefused, Refused, RemoteError, WrongAddress
from integrations.rest import RestClient
from integrations.verdicts import Submitted

__all__ = ["AlterEstateClient", "is_about_related"]


class AlterEstateClient:
    """AlterEstate for one API key. May be shared by threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout: float = 10.0,
        total: float = 30.0,
        **rest_options: Any,
    ) -> None:
        self._rest = RestClient(
            base_url,
            {"Authorization": f"Token {api_key.strip()}"},
            timeout=timeout,
            total=total,
            name="AlterEstate",
            **rest_options,
        )

    def create_lead(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Submitted:
        """Hand a lead over. A contact that was there already is an outcome (``is_duplicate``), no error.

        Raises a `RemoteError`. Not to be repeated after `OutcomeUnknown`: nothing can be read back, and where the
        account allows duplicates each call makes another deal. Docs: "Submit a Lead to AlterEstate".
        """
        try:
            answer = self._rest.call("POST", "/leads/", json=dict(payload), write_before=write_before)
        except RemoteError as error:
            _explain(error)
            raise
        try:
            return read_outcome(answer.status, answer.data)
        except ShapeError as strange:
            self._rest.refuse_answer(answer, is_write=True, detail=str(strange))


def is_about_related(error: RemoteError, payload: Mapping[str, Any]) -> bool:
    """Whether the lead was refused for the user named in ``related``: sent once more without it, it may be taken."""
    if not isinstance(error, Refused) or error.status != 400 or not payload.get("related"):
        return False
    if error.field:
        return error.field.lower() == "related"
    return "related" in error.excerpt.lower() or str(payload["related"]).lower() in error.excerpt.lower()


def _explain(error: RemoteError) -> None:
    """What a person can do about it."""
    if isinstance(error, CredentialsRefused):
        error.add("Enter the API key of AlterEstate's dashboard again; nothing is lost.")
    elif isinstance(error, WrongAddress) and error.status in (301, 302, 307, 308):
        error.add("AlterEstate's own address is https://secure.alterestate.com/api/v1.")
