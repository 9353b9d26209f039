"""What a connection is set to, remote by remote: the fields of its form, and what the environment calls them."""

from __future__ import annotations

from leads.models import Connection, Remote
from leads.models.connection import SECRETS

#: Kept in ``Connection.options``: never secret, and meant for one remote only.
OPTIONS: dict[str, tuple[str, ...]] = {
    Remote.LEADPRO: (),
    Remote.AVIV: ("client_id", "intermediary_id", "audience", "token_url"),
    Remote.ALTERESTATE: ("refuses_duplicates",),
}
ALL_OPTIONS = tuple(name for names in OPTIONS.values() for name in names)
#: What a person may still set where everything else comes from the environment.
BESIDE_ENVIRONMENT = {Remote.ALTERESTATE: ("refuses_duplicates",)}
_LEADPRO_ONLY = ("statuses_path", "status_by", "lead_url", "leaders_see_officeless")
_ENVIRONMENT: dict[str, tuple[tuple[str, str], ...]] = {
    Remote.LEADPRO: (
        ("Address", "base_url"),
        ("Statuses path", "statuses_path"),
        ("Statuses by", "status_by"),
        ("Requests a minute", "requests_per_minute"),
        ("Link to a lead", "lead_url"),
    ),
    Remote.AVIV: (
        ("Address", "base_url"),
        ("Sign-in", "token_url"),
        ("Audience", "audience"),
        ("Client id", "client_id"),
        ("Intermediary", "intermediary_id"),
    ),
    Remote.ALTERESTATE: (("Address", "base_url"),),
}


def fields_for(connection: Connection | None) -> list[str]:
    """The form's fields, in order. A new connection shows those of every remote: which one it is at is still open."""
    if connection is None:
        options = ["client_id", "api_key", "intermediary_id", "audience", "token_url", "refuses_duplicates"]
        return ["remote", "name", "base_url", *options, "requests_per_minute", *_LEADPRO_ONLY]
    options = list(OPTIONS[connection.remote])
    if connection.from_environment:
        beside = BESIDE_ENVIRONMENT.get(Remote(connection.remote), ())
        return ["name", *beside, *(["leaders_see_officeless"] if connection.remote == Remote.LEADPRO else [])]
    fields = ["remote", "name", "base_url", "api_key", *options]
    if connection.remote != Remote.AVIV:
        fields.append("requests_per_minute")
    return [*fields, *(_LEADPRO_ONLY if connection.remote == Remote.LEADPRO else ())]


def environment_of(connection: Connection) -> list[tuple[str, str, str]]:
    """What the environment says of its connection: words, value, variable."""
    return [
        (words, str(connection.setting(name)), f"{connection.remote}_{name}".upper())
        for words, name in _ENVIRONMENT[connection.remote]
    ]


def secret_variables(connection: Connection) -> str:
    """The environment's names for its credentials, for people."""
    return " or ".join(f"{connection.remote}_{name}".upper() for name in SECRETS[Remote(connection.remote)])


def find_secret(connection: Connection) -> str:
    """The credential in use, or nothing. Never to be shown."""
    found = (str(connection.setting(name) or "") for name in SECRETS[Remote(connection.remote)])
    return next((text for text in found if text), "")
