"""No line of the log holds a person's contact details or a key."""

import io
import json
import logging
import logging.config

import pytest
import structlog
from django.conf import settings

from leadmirror.logging import build_logging, redact_text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("GET /person/leads?email=ada%40example.org&x=1 200", "GET /person/leads?[query] 200"),
        ("https://host.example/leads?phone=0770 sent", "https://host.example/leads?[query] sent"),
        ("POST /webhooks/abcDEF-123_x/ 202", "POST /webhooks/[secret]/ 202"),
        ("row (email)=(Ada.Lovelace+x@example.org) exists", "row (email)=([email]) exists"),
        ("called 07700 900123 twice", "called [phone] twice"),
        ("called +44 (0)7700 900123.", "called [phone]."),
        ("called 00441632960001", "called [phone]"),
        ("called 020 7946 0123", "called [phone]"),
        ("Excel made 7700900123", "Excel made [phone]"),
        ("x-api-key: abc123", "x-api-key: [key]"),
        ("Authorization: Bearer lm_abc", "Authorization: [key]"),
        ("{'X-Api-Key': 'abc123', 'a': 1}", "{'X-Api-Key': '[key]', 'a': 1}"),
        ("redis://user:word@host:6379/0 refused", "redis://[credentials]@host:6379/0 refused"),
        ("key lm_Dxt2oxK1kboJMIgkgTbk4q627CurV9Y4-lQR74E3o4k", "key [key]"),
        ("lead 28404506 read at 2026-02-25T08:25:47.038Z in 12 ms", None),
        ("run 12 of connection 3: 2400 of 2400, 0 failed", None),
        ("worker@host-1: 127.0.0.1:8100", None),
    ],
)
def test_what_reaches_a_person_or_opens_a_door_is_not_written(text, written):
    assert redact_text(text) == (text if written is None else written)


@pytest.fixture
def written():
    """What the logging of a production process writes, as parsed lines."""
    stream = io.StringIO()
    config = build_logging(debug=False, level="INFO", secrets=["a-very-secret-key"])
    config["handlers"]["console"]["stream"] = stream
    logging.config.dictConfig(config)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.config.dictConfig(settings.LOGGING)


def test_lines_are_json_with_the_request_id(written):
    with structlog.contextvars.bound_contextvars(request_id="01234567-1234-4abc-8def-0123456789ab"):
        logging.getLogger("leads.tasks").info("doorbell for %s", "ada@example.org")
    (line,) = written()
    assert line["event"] == "doorbell for [email]"
    assert line["request_id"] == "01234567-1234-4abc-8def-0123456789ab"
    assert (line["level"], line["logger"]) == ("info", "leads.tasks")


def test_a_traceback_is_redacted_too(written):
    try:
        raise ValueError("ada@example.org 07700 900123 a-very-secret-key")
    except ValueError:
        logging.getLogger("leads").exception("broke")
    (line,) = written()
    assert line["exception"].splitlines()[-1] == "ValueError: [email] [phone] [key]"


def test_values_with_telling_names_are_never_written(written):
    structlog.get_logger("leads").info("stored", payload={"id": 1}, inner={"phone": "1", "lead": 7}, lead=7)
    (line,) = written()
    assert (line["payload"], line["inner"], line["lead"]) == (
        "[redacted]",
        {"phone": "[redacted]", "lead": 7},
        7,
    )


def test_libraries_that_write_addresses_and_arguments_are_quiet(written):
    for name in ("urllib3.connectionpool", "requests", "celery.app.trace", "celery.worker.strategy", "kombu"):
        logging.getLogger(name).info("GET /person/leads?email=ada@example.org")
    assert written() == []
