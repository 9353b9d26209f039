"""Spans of ingestion time: side by side, never over seven days, nothing left out."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from leads.sync.spans import LONGEST, bounds, cut, find_span, move_head, next_second, whole_second

WEEK = 7 * 86400
OVERLAP, FIRST = timedelta(hours=48), timedelta(days=30)
instants = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
lengths = st.timedeltas(timedelta(seconds=1), timedelta(days=900))


@given(instants, lengths)
def test_cut_spans_lie_side_by_side_newest_first_and_ask_for_no_more_than_seven_days(since, length):
    spans = list(cut(since, since + length))
    assert spans[0][1] == whole_second(since + length)
    assert spans[-1][0] == whole_second(since)
    assert all(later[0] == earlier[1] for later, earlier in itertools.pairwise(spans))
    for span in spans:
        least, most = bounds(*span)
        assert 0 < most - least <= WEEK


@given(instants, lengths, st.floats(0, 1))
def test_every_second_between_is_asked_for_whether_the_ends_count_or_not(since, length, part):
    at = int((since + part * length).timestamp())
    first, behind = whole_second(since).timestamp(), whole_second(since + length).timestamp()
    if first <= at < behind:
        assert any(
            least < at < most for least, most in (bounds(*span) for span in cut(since, since + length))
        )


@given(instants)
def test_every_instant_lies_in_exactly_one_span_of_the_grid(at):
    begin, end = find_span(at)
    assert begin <= at < end
    assert end - begin == LONGEST
    assert find_span(begin) == find_span(end - timedelta(microseconds=1)) == (begin, end)
    assert find_span(end)[0] == end


@given(instants, st.timedeltas(timedelta(seconds=-60), timedelta(days=400)))
def test_the_head_always_comes_to_now_and_reads_the_overlap_again(until, rest):
    now = until + rest
    frontier, steps = until, 0
    while True:
        since, end = move_head(frontier, now, OVERLAP, FIRST)
        assert since < end <= next_second(now)
        assert since == min(whole_second(frontier) - OVERLAP, whole_second(now))
        assert bounds(since, end)[1] - bounds(since, end)[0] <= WEEK
        steps += 1
        assert steps < 200
        if end == next_second(now):
            break
        assert end > frontier
        frontier = end


def test_the_first_reading_begins_thirty_days_back():
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert move_head(None, now, OVERLAP, FIRST) == (now - FIRST, now - FIRST + LONGEST)
