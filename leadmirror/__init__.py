"""Wiring: settings, URLs, the Celery app."""

from leadmirror.celery import app as celery_app

__all__ = ["celery_app"]
