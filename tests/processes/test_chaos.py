"""A short cut of ``make chaos``: nothing lost, nothing doubled, nothing overwritten."""

from __future__ import annotations

import os

import pytest

from tests.processes.chaos import Chaos, render
from tests.processes.harness import House

pytestmark = [pytest.mark.serial, pytest.mark.timeout(900)]


#: ``make chaos`` sets these higher.
SECONDS, LEADS = float(os.environ.get("CHAOS_SECONDS", "20")), int(os.environ.get("CHAOS_LEADS", "100"))


def test_kills_and_faults_lose_and_double_nothing(small_house: House) -> None:
    found = Chaos(small_house, SECONDS, LEADS).run()
    print(render(found))
    assert (found.missing, found.doubled, found.not_done) == (0, 0, 0)
    assert (found.answers_doubled, found.answers_missing, found.edits_lost) == (0, 0, 0)
    assert found.staff_edits_overwritten == 0
    assert found.intents == found.remote_leads == LEADS
    assert found.kills >= 2 and found.faults_struck > 10
