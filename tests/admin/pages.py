"""Addresses, and what stands on a page."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.urls import reverse

MODELS_FOR_ALL = ("lead", "push", "conflict", "run", "office", "status", "stage")
MODELS_FOR_ADMINS = ("connection", "delivery", "apikey", "access")


def list_of(model: str) -> str:
    return reverse(f"admin:leads_{model}_changelist")


def page_of(row: Any) -> str:
    return reverse(f"admin:leads_{row._meta.model_name}_change", args=[row.pk])


def text(answer: Any) -> str:
    return str(answer.content.decode())


def messages_of(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def form_of(answer: Any) -> Any:
    return answer.context["adminform"].form


def filled(answer: Any, **changes: Any) -> dict[str, Any]:
    """What a browser would post from this page, with some inputs changed."""
    form = form_of(answer)
    data: dict[str, Any] = {}
    for name in form.fields:
        bound = form[name]
        value = bound.value()
        if hasattr(bound.field.widget, "captions"):
            rows = bound.field.prepare_value(value) or []
            for column in range(len(bound.field.widget.captions)):
                data[f"{name}-{column}"] = [row[column] for row in rows] + [""]
            continue
        if hasattr(value, "strftime"):
            value = bound.field.widget.format_value(value)
        data[name] = "" if value is None else value
    return {**data, "_save": "1", **changes}


def bells_but_readers(rung: list[tuple[str, dict[str, int]]]) -> list[tuple[str, dict[str, int]]]:
    """The doorbells without those for leads that somebody had open."""
    return [bell for bell in rung if bell[0] != "leads.refresh_due"]
