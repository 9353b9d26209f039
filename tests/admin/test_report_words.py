"""The report's figures in words: no more than is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from leads.admin.report_words import at_most, compare, percent, tell_coldest, tell_reads


def test_shares_are_never_rounded_to_certainty():
    assert [percent(s) for s in (0, 0.0004, 0.5, 0.9994, 0.99951, 1)] == [
        "0 %",
        "under 0.1 %",
        "50.0 %",
        "99.9 %",
        "over 99.9 %",
        "100 %",
    ]


def test_lengths_of_time_are_rounded_up():
    assert [at_most(m) for m in (0.25, 64, 128, 4096, 8192)] == [
        "1 min",
        "64 min",
        "2.2 h",
        "2.9 days",
        "5.7 days",
    ]


@pytest.mark.parametrize(
    ("believed", "tone", "words"),
    [
        (0.99, "amber", "Audits found fewer leads up to date than the 99.0 % believed of them"),
        (0.9, "green", "Audits agree with the belief"),
        (0.5, "green", "Audits found more leads up to date than the 50.0 % believed of them."),
    ],
)
def test_a_belief_that_audits_contradict_is_said_to_be_wrong(believed, tone, words):
    found = compare({"n": 100, "low": 0.82, "high": 0.95, "believed": believed})
    assert found[0] == tone
    assert found[1].startswith(words)
    assert compare({"n": 29, "low": 0.82, "high": 0.95, "believed": believed})[0] == "grey"


def test_a_budget_that_cannot_pay_for_the_limit_says_so():
    now = timezone.now()
    coldest = {"days": 180.0, "needed_a_day": 5555.6, "possible_a_day": 2880, "days_at_best": 347.2}
    tone, figure, words = tell_coldest(coldest, now - timedelta(days=20), now)
    assert (tone, figure) == ("red", "20 days ago")
    assert words == (
        "The budget cannot look at every lead and person once in 180 days: that takes 5,556 calls a day and "
        "2,880 are allowed. At best a round takes 347 days."
    )
    coldest["needed_a_day"] = 288
    assert tell_coldest(coldest, now - timedelta(days=20), now)[::2] == (
        "green",
        "The limit is 180 days; keeping it takes 10.0 % of the budget.",
    )


def test_pitfall_failure_of_many_reads_is_a_warning():
    reads = {"unchanged": 80, "changed": 10, "failed": 10, "discovered": 0}
    assert tell_reads(reads) == ("grey", "100", "88.9 % found nothing new · 10 failed")
    assert tell_reads({**reads, "failed": 11})[0] == "amber"
    assert tell_reads(dict.fromkeys(reads, 0)) == ("grey", "0", "none was answered")
