"""Connections to the sandbox's AVIV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leads.models import Connection, Remote
from leads.remotes import aviv as door

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _forget_clients() -> None:
    """A test that is rolled back hands out the same ids again."""
    door._clients.clear()


@pytest.fixture
def account(db: Any, sandbox: Sandbox) -> Connection:
    """AVIV by client credentials."""
    connection = Connection(
        remote=Remote.AVIV,
        name="AVIV",
        base_url=sandbox.aviv_url,
        options={
            "client_id": sandbox.aviv_client_id,
            "token_url": sandbox.aviv_token_url,
            "audience": sandbox.aviv_url,
        },
    )
    connection.set_secret(sandbox.aviv_client_secret)
    connection.save()
    return connection
