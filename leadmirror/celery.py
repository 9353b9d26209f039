"""The Celery app. Tasks are doorbells: losing one loses nothing, the sweep finds what is due."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

from leadmirror import filebroker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadmirror.settings")

filebroker.install()
app = Celery("leadmirror")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_logging(**_: object) -> None:
    """Leave the logs as settings made them: Celery's own would hold arguments."""
