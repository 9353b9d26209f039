"""The alternative that `push_latency` is compared with: a Celery task that posts what it is given, and no more."""

from __future__ import annotations

import os
from typing import Any

import requests
from celery import Celery
from django.conf import settings

from leadmirror import filebroker

filebroker.install()
app = Celery("bare", broker=settings.CELERY_BROKER_URL)
app.conf.update(
    broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS,
    task_default_queue=f"{os.environ['BENCH_QUEUE']}-bare",
    task_ignore_result=True,
    worker_pool=settings.CELERY_WORKER_POOL,
    worker_concurrency=settings.CELERY_WORKER_CONCURRENCY,
)


@app.task
def post_lead(*, payload: dict[str, Any]) -> None:
    """POST it, once; where that fails, it is lost."""
    answer = requests.post(
        f"{os.environ['LEADPRO_BASE_URL']}/leads",
        json=payload,
        headers={"x-api-key": os.environ["LEADPRO_API_KEY"]},
        timeout=10,
    )
    answer.raise_for_status()
