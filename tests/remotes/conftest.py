"""Connections to the sandbox's AVIV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from leads.remotes import aviv as door
from tests.sync.avivs import sandbox_connection

if TYPE_CHECKING:
    from integrations.sandbox import Sandbox
    from leads.models import Connection


@pytest.fixture(autouse=True)
def _forget_clients() -> None:
    """A test that is rolled back hands out the same ids again."""
    door._clients.clear()


@pytest.fixture
def account(db: Any, sandbox: Sandbox) -> Connection:
    """AVIV by client credentials."""
    return sandbox_connection(sandbox)
