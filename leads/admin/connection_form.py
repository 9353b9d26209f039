"""The form of a connection. Secrets go in and never come out; URLs typed here must be https and public."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations.addresses import AddressRefused, refuse_metadata
from leads.admin.connection_remotes import ALL_OPTIONS, OPTIONS, find_secret
from leads.models import Connection, Remote
from leads.models.encryption import UnreadableSecret

SHORTEST_HINTED = 12


def describe_secret(connection: Connection) -> str:
    """Whether a key is set, and its last four characters where that gives little away."""
    try:
        key = find_secret(connection)
    except UnreadableSecret as problem:
        return str(problem)
    if not key:
        return "Not set: this connection is not connected."
    return f"Set, ends in …{key[-4:]}" if len(key) >= SHORTEST_HINTED else "Set."


def check_url(text: str) -> str:
    """A URL a person may point a key at. Names are checked again on the address connected to."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        _port = parts.port
    except ValueError:
        raise forms.ValidationError("This is not a URL.", code="invalid") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise forms.ValidationError("Leave out names, passwords and anything after ? or #.", code="invalid")
    is_allowed = _is_allowed_private(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_allowed):
        raise forms.ValidationError("The address must begin with https://.", code="invalid")
    try:
        refuse_metadata(host)
    except AddressRefused as reason:
        raise forms.ValidationError(str(reason), code="invalid") from None
    if not host or (_is_private(host) and not is_allowed):
        raise forms.ValidationError(
            "This address is not public. The operator can allow it with ALLOWED_PRIVATE_NETWORKS.",
            code="invalid",
        )
    return text.rstrip("/")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return not address.is_global
    return host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host


def _is_allowed_private(host: str) -> bool:
    address = _address("127.0.0.1" if host == "localhost" else host)
    networks = [ipaddress.ip_network(text, strict=False) for text in settings.ALLOWED_PRIVATE_NETWORKS]
    return address is not None and any(address in n for n in networks if n.version == address.version)


MOVED = (
    "{known:,} of the leads here have their numbers from the account at the old address. Another account needs a"
    " connection of its own. If it is the same account, switch on “Same account” and save again."
)


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Settings of one connection; the environment's are only shown."""

    api_key = forms.CharField(
        label="API key",
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password", "placeholder": "Leave empty to keep"}
        ),
    )
    client_id = forms.CharField(
        label="Client id (AVIV)",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="With a client id the key is its secret; without one it is a fixed bearer token.",
    )
    intermediary_id = forms.CharField(
        label="Intermediary (AVIV)",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="The agency on whose behalf AVIV is asked, where AVIV wants it. One connection for each agency.",
    )
    audience = forms.CharField(
        label="Audience (AVIV)",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Empty: the address above.",
    )
    token_url = forms.CharField(
        label="Sign-in address (AVIV)",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Empty: AVIV's own.",
    )
    refuses_duplicates = forms.BooleanField(
        label="It refuses duplicates (AlterEstate)",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Only where the account is set so: then a lead whose sending is unclear goes out again by itself.",
    )

    same_account = forms.BooleanField(
        label="Same account",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Only where the address changes: it is the same account there, so its leads keep their numbers.",
    )

    class Meta:
        model = Connection
        fields = (
            "remote",
            "name",
            "base_url",
            "statuses_path",
            "status_by",
            "requests_per_minute",
            "lead_url",
            "leaders_see_officeless",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ALL_OPTIONS if self.instance.pk else ():
            if name not in OPTIONS[self.instance.remote]:
                del self.fields[name]
            else:
                self.initial[name] = self.instance.options.get(name, "")
        if self.instance.from_environment or not self.instance.pk:
            del self.fields["same_account"]
        if self.instance.from_environment:
            for name in ("api_key", *OPTIONS[Remote.AVIV]):
                self.fields.pop(name, None)
        else:
            if not self.instance.pk:
                self.fields["base_url"].help_text = "Empty: the remote's own."
            self.fields["api_key"].help_text = (
                describe_secret(self.instance) if self.instance.pk else "Write-only."
            )

    def clean_base_url(self) -> str:
        """Https and public. A new connection is at the remote's own address unless one is given."""
        text = str(self.cleaned_data["base_url"] or "").strip()
        if not text and not self.instance.pk and self.cleaned_data.get("remote"):
            text = str(getattr(settings, f"{self.cleaned_data['remote']}_base_url".upper()))
        if not text:
            raise forms.ValidationError("Enter the address of the API.", code="required")
        return check_url(text)

    def clean(self) -> dict[str, Any]:
        """The numbers of leads are an account's own: at another one they would be other people's."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.instance.pk and "base_url" in self.changed_data and not data.get("same_account"):
            known = self.instance.copies.count()
            if known and "base_url" not in self.errors:
                self.add_error("base_url", MOVED.format(known=known))
        return data

    def clean_lead_url(self) -> str:
        """A web address with {id} in it, or nothing."""
        text = str(self.cleaned_data["lead_url"] or "").strip()
        if text and (not text.startswith(("https://", "http://")) or "{id}" not in text):
            raise forms.ValidationError("A web address that contains {id}, or nothing.", code="invalid")
        return text

    def clean_api_key(self) -> str:
        """A key travels in a header: plain characters, no space."""
        text = str(self.cleaned_data["api_key"] or "")
        if text and (not text.isascii() or not text.isprintable() or " " in text):
            raise forms.ValidationError(
                "A key has plain letters, digits and signs only, and no space.", code="invalid"
            )
        return text

    def clean_token_url(self) -> str:
        """Https and public, or nothing."""
        text = str(self.cleaned_data["token_url"] or "").strip()
        return check_url(text) if text else ""

    def save(self, commit: bool = True) -> Connection:
        """The key goes in encrypted; what only this remote needs, among its options."""
        for name in OPTIONS[self.instance.remote]:
            if name in self.fields:
                self.instance.options[name] = self.cleaned_data[name]
        if self.cleaned_data.get("api_key"):
            self.instance.set_secret(self.cleaned_data["api_key"])
        is_new = self.instance.pk is None
        connection: Connection = super().save(commit=commit and is_new)
        if commit and not is_new:
            self.write()
        return connection

    def write(self) -> None:
        """Save what was typed and nothing else: a pause or a new webhook address may have come meanwhile."""
        changed = set(self.changed_data)
        columns = changed.intersection(ConnectionForm.Meta.fields)
        columns |= {"options"} if changed.intersection(ALL_OPTIONS) else set()
        columns |= {"secret"} if self.cleaned_data.get("api_key") else set()
        self.instance.save(update_fields=columns)
        self.instance.refresh_from_db()
        if "secret" in columns:
            self.instance.resume("credentials")
