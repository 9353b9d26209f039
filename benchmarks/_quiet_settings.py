"""The shipped settings on a queue of the benchmark's own, so that a server which others use, too, disturbs nobody."""

import os

from leadmirror.settings import *  # noqa: F403

CELERY_TASK_DEFAULT_QUEUE = os.environ["BENCH_QUEUE"]
