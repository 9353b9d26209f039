"""The control client's methods about AlterEstate, named as those of a sandbox in the same process."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


class AlterEstateControl:
    """Mixed into the control client, which makes the calls."""

    url: str

    @property
    def alterestate_url(self) -> str:
        """The base URL of the imitated AlterEstate."""
        return f"{self.url}/alterestate/api/v1"

    def _call(self, method: str, path: str, body: Row | None = None) -> Any:
        # SandboxControl, which this is mixed into, has the wire.
        raise NotImplementedError

    @property
    def alterestate_contacts(self) -> list[Row]:
        """Every contact, oldest first."""
        return list(self._call("GET", "/alterestate/contacts"))

    @property
    def alterestate_deals(self) -> list[Row]:
        """Every deal, oldest first."""
        return list(self._call("GET", "/alterestate/deals"))

    @property
    def alterestate_notices(self) -> list[Row]:
        """Whom it notified of a duplicate."""
        return list(self._call("GET", "/alterestate/notices"))

    def add_alterestate_contact(self, full_name: str, phone: str, email: str, **owner: str) -> Row:
        """A contact that is there without our doing."""
        body = {"full_name": full_name, "phone": phone, "email": email, **owner}
        return dict(self._call("POST", "/alterestate/contacts", body))

    def alterestate_readings(self) -> Row:
        """How the pages are read now."""
        return dict(self._call("GET", "/alterestate/readings"))

    def set_alterestate_readings(self, **readings: Any) -> None:
        """Read the pages differently."""
        self._call("PATCH", "/alterestate/readings", readings)

    def set_alterestate_key(self, *keys: str) -> None:
        """Accept these keys and no others."""
        self._call("PUT", "/alterestate/api-keys", {"keys": keys})
