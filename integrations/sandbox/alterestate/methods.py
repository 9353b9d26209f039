"""What a sandbox offers tests and demos about AlterEstate: what it holds, which no call of its API shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .readings import Readings
from .remote import COMPANY_OWNER, AlterEstate
from .store import Row

if TYPE_CHECKING:
    from integrations.sandbox.box import Sandbox


class AlterEstateMethods:
    """The part of a sandbox that is about AlterEstate."""

    alterestate: AlterEstate
    alterestate_api_key = "sandbox-alterestate-key"

    @property
    def url(self) -> str:
        """The root of the sandbox's server."""
        # Sandbox, which this is mixed into, has the server.
        raise NotImplementedError

    def build_alterestate(self, *, state: str, readings: Readings) -> None:
        """Set it up; its state file lies beside that of Lead.pro."""
        state = f"{state}.alterestate" if state else ""
        self.alterestate = AlterEstate(api_key=self.alterestate_api_key, readings=readings, state=state)

    @property
    def alterestate_url(self) -> str:
        """The base URL of the imitated AlterEstate; leads go to ``/leads/`` below it."""
        return self.url + self.alterestate.prefix

    @property
    def alterestate_contacts(self) -> list[Row]:
        """Every contact, oldest first."""
        return self.alterestate.store.rows("contact")

    @property
    def alterestate_deals(self) -> list[Row]:
        """Every deal, oldest first, each with ``contact_id``, ``owner`` and the ``request`` that made it."""
        return self.alterestate.store.rows("deal")

    @property
    def alterestate_notices(self) -> list[Row]:
        """Whom it notified of a duplicate: ``owner``, ``contact_id``, ``log_id``."""
        return self.alterestate.store.rows("notice")

    def add_alterestate_contact(
        self, full_name: str, phone: str, email: str, owner: str = COMPANY_OWNER
    ) -> Row:
        """A contact that is there without our doing."""
        return self.alterestate.add_contact(full_name=full_name, phone=phone, email=email, owner=owner)

    def set_alterestate_key(self, *keys: str) -> None:
        """From now on these keys are accepted and no others."""
        self.alterestate.api_keys = set(keys)

    def set_alterestate_readings(self, **readings: Any) -> None:
        """Change how its pages are read, and whether the company refuses duplicates."""
        self.alterestate.readings.change(**readings)

    def reset_alterestate(self) -> None:
        """As new: nothing kept, key and readings by default."""
        self.alterestate.store.clear()
        self.alterestate.readings.change(**Readings().as_dict())
        self.set_alterestate_key(self.alterestate_api_key)

    def alterestate_stats(self) -> dict[str, int]:
        """How many contacts, deals, notices and entries of its log there are."""
        tables = {"contacts": "contact", "deals": "deal", "notices": "notice", "entries": "entry"}
        return {name: self.alterestate.store.count(table) for name, table in tables.items()}


def build_alterestate_routes(box: Sandbox) -> dict[str, Callable[[Any], Any]]:
    """The control plane's routes about AlterEstate."""
    return {
        "GET /alterestate/contacts": lambda _: box.alterestate_contacts,
        "POST /alterestate/contacts": lambda ask: box.add_alterestate_contact(**ask.body),
        "GET /alterestate/deals": lambda _: box.alterestate_deals,
        "GET /alterestate/notices": lambda _: box.alterestate_notices,
        "GET /alterestate/readings": lambda _: box.alterestate.readings.as_dict(),
        "PATCH /alterestate/readings": lambda ask: box.set_alterestate_readings(**ask.body),
        "PUT /alterestate/api-keys": lambda ask: box.set_alterestate_key(*ask.body["keys"]),
    }
