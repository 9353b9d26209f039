"""A fresh sandbox for each test, and Lead.pro's calls on it."""

from collections.abc import Iterator

import pytest

from integrations.sandbox import Sandbox
from tests.sandbox.api import Api


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def api(box: Sandbox) -> Api:
    return Api(box)
