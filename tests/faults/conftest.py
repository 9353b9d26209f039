"""Small times, so that what takes minutes in life takes a moment here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _small_times(settings):
    settings.HTTP_TIMEOUT_SECONDS, settings.HTTP_TOTAL_SECONDS = 0.4, 0.7
    settings.PUSH_SEND_WINDOW_SECONDS, settings.PUSH_SETTLE_SECONDS, settings.PUSH_LEASE_SECONDS = (
        0.6,
        0.5,
        30,
    )
