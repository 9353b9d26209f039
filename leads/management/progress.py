"""A progress bar for people at a terminal; silent anywhere else."""

from __future__ import annotations

import time
from typing import TextIO

from leads.models import Run

WIDTH = 30
EVERY_SECONDS = 0.2


class Progress:
    """One bar over a known total."""

    def __init__(self, total: int, stream: TextIO, words: str = "") -> None:
        self.total, self.stream, self.words = total, stream, words
        self.is_shown = bool(getattr(stream, "isatty", lambda: False)()) and total > 0
        self._drawn_at = 0.0

    def show(self, done: int, *, last: bool = False) -> None:
        """Draw the bar, not more often than an eye can follow."""
        if not self.is_shown or (not last and time.monotonic() - self._drawn_at < EVERY_SECONDS):
            return
        self._drawn_at = time.monotonic()
        filled = WIDTH * min(done, self.total) // self.total
        bar = "#" * filled + "." * (WIDTH - filled)
        self.stream.write(f"\r{self.words}[{bar}] {done}/{self.total}" + ("\n" if last else ""))
        self.stream.flush()

    def show_run(self, run: Run, *, last: bool = False) -> None:
        """Draw where a run stands."""
        if self.is_shown and (last or time.monotonic() - self._drawn_at >= EVERY_SECONDS):
            counts = Run.objects.filter(pk=run.pk).values_list("done", "failed").get()
            self.show(sum(counts), last=last)
