"""Structured logs with a request or task id in every line, and nothing in them that names or reaches a person."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import structlog

#: Values under these names are never written, whatever they hold.
SECRET_NAMES = frozenset(
    {
        "address",
        "advert_address",
        "api_key",
        "args",
        "authorization",
        "body",
        "cookie",
        "email",
        "excerpt",
        "first_name",
    }
    | {
        "full_name",
        "json",
        "kwargs",
        "last_name",
        "meta",
        "params",
        "password",
        "payload",
        "phone",
        "postcode",
        "raw",
    }
    | {"result", "secret", "token"}
)
#: Made by ourselves; a long number in them is no phone number.
OWN_NAMES = frozenset(
    {"request_id", "task_id", "parent_task_id", "child_task_id", "correlation_id", "level", "logger", "task"}
)

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://)[^/\s@'\"]+@"), r"\1[credentials]@"),
    (re.compile(r"(/webhooks/)[^/\s?'\"]+"), r"\1[secret]"),
    (re.compile(r"((?:https?://|/)[^\s?'\"]*)\?[^\s'\"]*"), r"\1?[query]"),
    (re.compile(r"(?i)\b(x-api-key|authorization|bearer|cookie)(['\"]?\s*[:= ]\s*['\"]?)(bearer\s+)?[^\s'\",}]+"),
     r"\1\2[key]"),
    (re.compile(r"[^\s@<>\"'=:,;()\[\]{}]+@[^\s@<>\"'=:,;()\[\]{}]+\.[^\W\d_]{2,}"), "[email]"),
    (re.compile(r"(?<![\w.])[A-Za-z0-9_-]{40,}(?![\w])"), "[key]"),
    (re.compile(r"(?<![\w.:/-])(?:\+|00|\(?0)(?:[ ().-]*\d){8,14}(?![\w])|(?<![\w.:/-])\d{10,15}(?![\w.])"), "[phone]"),
)  # fmt: skip

Processor = Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]


def redact_text(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without query strings, webhook secrets, keys, e-mail addresses and what looks like phone numbers."""
    for secret in secrets:
        text = text.replace(secret, "[key]")
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def build_redactor(secrets: Iterable[str]) -> Processor:
    """The last processor before rendering. ``secrets`` are keys known by their exact text."""
    known = sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True)

    def redact(value: Any) -> Any:
        if isinstance(value, str):
            return redact_text(value, known)
        if isinstance(value, dict):
            return {key: "[redacted]" if _is_secret(key) else redact(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [redact(inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return redact_text(str(value), known)

    def processor(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if _is_secret(name):
                event[name] = "[redacted]"
            elif name not in OWN_NAMES and not name.startswith("_"):
                event[name] = redact(value)
        return event

    return processor


def _is_secret(name: object) -> bool:
    return str(name).lower() in SECRET_NAMES


def drop_lone_arguments(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop what a library's record carries beside its message: it may be a whole request."""
    event.pop("positional_args", None)
    return event


def build_logging(*, debug: bool, level: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """The dictionary for Django's LOGGING. Also makes structlog's own loggers go the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    ending: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        drop_lone_arguments,
        structlog.processors.format_exc_info,
        build_redactor(secrets),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer(colors=False) if debug else structlog.processors.JSONRenderer(),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": ending,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: _quiet(least, level) for name, least in _QUIET.items()},
    }


#: Libraries whose lower levels would hold addresses, arguments or bodies, or repeat what we write ourselves.
_QUIET = {
    "celery.app.trace": "ERROR",
    "celery.worker.strategy": "WARNING",
    "amqp": "WARNING",
    "kombu": "WARNING",
    "kombu.connection": "ERROR",
    "urllib3": "ERROR",
    "requests": "ERROR",
    "django.db.backends": "WARNING",
    "django.request": "CRITICAL",
    "django.server": "WARNING",
    "django": "INFO",
    "gunicorn": "INFO",
    "gunicorn.error": "INFO",
}


def _quiet(least: str, level: str) -> dict[str, Any]:
    numbers = logging.getLevelNamesMapping()
    return {"handlers": [], "level": max(least, level, key=lambda name: numbers[name]), "propagate": True}
