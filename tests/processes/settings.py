"""The shipped settings with a sweep every two seconds, so that a test need not wait a quarter of a minute for one."""

from datetime import timedelta

from leadmirror.settings import *  # noqa: F403
from leadmirror.settings import CELERY_BEAT_SCHEDULE

SWEEP_SECONDS = 2.0
CELERY_BEAT_SCHEDULE = {
    name: {**entry, "schedule": timedelta(seconds=SWEEP_SECONDS)}
    for name, entry in CELERY_BEAT_SCHEDULE.items()
}
