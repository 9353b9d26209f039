"""The control client's methods about AVIV, named as those of a sandbox in the same process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

Row = dict[str, Any]


class AvivControl:
    """Mixed into the control client, which makes the calls."""

    url: str

    @property
    def aviv_url(self) -> str:
        """The base URL of the imitated AVIV."""
        return f"{self.url}/sandbox/seeker-leads/v1"

    @property
    def aviv_token_url(self) -> str:
        """Where tokens are handed out."""
        return f"{self.url}/oauth/token"

    def _call(self, method: str, path: str, body: Row | None = None) -> Any:
        # SandboxControl, which this is mixed into, has the wire.
        raise NotImplementedError

    @property
    def aviv_leads(self) -> list[Row]:
        """Every lead, in order of arrival."""
        leads: list[Row] = []
        page = self._call("GET", "/aviv/leads?limit=2000")
        while page["leads"]:
            leads += page["leads"]
            page = self._call("GET", f"/aviv/leads?limit=2000&after={page['after']}")
        return leads

    def aviv_lead(self, lead_id: str) -> Row | None:
        """One lead, or None."""
        try:
            return dict(self._call("GET", f"/aviv/lead?{urlencode({'id': lead_id})}"))
        except LookupError:
            return None

    def add_aviv_lead(self, category: str = "CLASSIFIED", **fields: Any) -> Row:
        """A new lead as a portal delivers it."""
        return dict(self._call("POST", "/aviv/leads", {"category": category, **fields}))

    def erase_aviv(self, lead_id: str) -> Row:
        """Null the person's fields."""
        return dict(self._call("POST", "/aviv/erasures", {"lead_id": lead_id}))

    def delete_aviv(self, lead_id: str) -> bool:
        """Let a lead be gone."""
        return bool(self._call("DELETE", f"/aviv/lead?{urlencode({'id': lead_id})}")["deleted"])

    def seed_aviv(self, days: int = 120, leads: int = 25_000, seed: int = 1, *, late: int = 0) -> int:
        """Add that many leads of the last ``days``."""
        body = {"days": days, "leads": leads, "seed": seed, "late": late}
        return int(self._call("POST", "/aviv/seed", body)["leads"])

    def aviv_readings(self) -> Row:
        """How the pages are read now."""
        return dict(self._call("GET", "/aviv/readings"))

    def set_aviv_readings(self, **readings: Any) -> None:
        """Read the pages differently."""
        self._call("PATCH", "/aviv/readings", readings)

    def expire_aviv_tokens(self) -> None:
        """Every token so far answers 401."""
        self._call("POST", "/aviv/tokens/expire")

    def unscope_aviv_tokens(self) -> None:
        """Every token so far answers 403 "Bad Scope"."""
        self._call("POST", "/aviv/tokens/unscope")

    def set_aviv_right(self, *, granted: bool) -> None:
        """Whether new tokens have the right."""
        self._call("PUT", "/aviv/right", {"granted": granted})

    def set_aviv_client(self, client_id: str, client_secret: str) -> None:
        """This client gets tokens and no other."""
        self._call("PUT", "/aviv/client", {"client_id": client_id, "client_secret": client_secret})

    def set_aviv_bearer(self, *tokens: str) -> None:
        """Accept these without anybody having fetched them."""
        self._call("PUT", "/aviv/bearer", {"tokens": list(tokens)})

    def set_aviv_life(self, rate: float) -> None:
        """Events a minute."""
        self._call("PUT", "/aviv/life", {"rate": rate})

    def step_aviv_life(self) -> Row:
        """One event now; the lead it was about."""
        return dict(self._call("POST", "/aviv/life/step"))
