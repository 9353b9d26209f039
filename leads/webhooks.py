"""The inbound HTTP face: store, answer, ring. Nothing is read or decided here."""

from __future__ import annotations

import json
import re
import time
from threading import Lock, Timer
from typing import Any, NoReturn

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations.cleaning import clean_json
from leads import tasks
from leads.models import Connection, Delivery
from leads.sync import receiving

MOST_BYTES = 256 * 1024
MOST_DEPTH = 50
BOM = b"\xef\xbb\xbf"
SECRET = re.compile(r"[\w-]+", re.ASCII)
#: After a doorbell the next ones of this process are one, so many seconds later: hints are gathered for longer anyway.
QUIET = 0.5
_lock = Lock()
_rung_at: dict[int, float] = {}


@csrf_exempt
@require_POST
def receive(request: HttpRequest, secret: str) -> HttpResponse:
    """POST /webhooks/{secret}/: 202 once stored, 404 unknown secret, 413 too large, 400 not a JSON object.

    401 where the remote's deliveries bear a key and this one bears another: it is stored, and nothing is read for it.
    """
    now = timezone.now()
    connection = Connection.objects.for_webhook(secret, now) if SECRET.fullmatch(secret) else None
    if connection is None:
        return JsonResponse({"detail": "Unknown address."}, status=404)
    body = _read_body(request)
    if body is None:
        return JsonResponse({"detail": "The body is over 256 KiB. Nothing was stored."}, status=413)
    data = _parse(body)
    if data is None:
        return JsonResponse({"detail": "The body is not a JSON object. Nothing was stored."}, status=400)
    delivery = receiving.keep(connection, body, data, now, {**request.headers, **request.GET.dict()})
    if delivery.state == Delivery.FAILED:
        return JsonResponse({"detail": delivery.problem}, status=401)
    if delivery.state == Delivery.WAITING:
        _ring(connection.pk)
    return JsonResponse({"detail": "Stored."}, status=202)


def _ring(connection_id: int) -> None:
    """A doorbell per delivery would cost more than storing it. A bell that is lost with its process costs a sweep."""
    now = time.monotonic()
    with _lock:
        wait = _rung_at.get(connection_id, 0.0) + QUIET - now
        if wait > QUIET:
            return
        _rung_at[connection_id] = now + max(0.0, wait)
    if wait <= 0:
        tasks.ring(tasks.process_deliveries, connection_id=connection_id)
        return
    later = Timer(wait, tasks.ring, [tasks.process_deliveries], {"connection_id": connection_id})
    later.daemon = True
    later.start()


def _read_body(request: HttpRequest) -> bytes | None:
    """The body, empty where it broke off; None where it is too large, whatever its declared length says."""
    if _declared_length(request) > MOST_BYTES:
        return None
    # Django gives an empty body where no length is declared; the web server knows where chunks end.
    is_chunked = "wsgi.input_terminated" in request.META and "HTTP_TRANSFER_ENCODING" in request.META
    source = request.META["wsgi.input"] if is_chunked else request
    try:
        body: bytes = source.read(MOST_BYTES + 1)
    except Exception:  # noqa: BLE001 - every web server has errors of its own for a body that broke off
        return b""
    return body if len(body) <= MOST_BYTES else None


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _parse(body: bytes) -> dict[str, Any] | None:
    """The object as the database takes it, or None. Half an emoji or a number beyond reason does not cost the hint."""
    body = body.removeprefix(BOM)
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = _parse_leniently(body)
    if not isinstance(data, dict) or _depth(data) > MOST_DEPTH:
        return None
    cleaned: dict[str, Any] = clean_json(data)
    return cleaned


def _parse_leniently(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _depth(value: Any, level: int = 0) -> int:
    if level > MOST_DEPTH or not isinstance(value, (dict, list)):
        return level
    children = value.values() if isinstance(value, dict) else value
    return max((_depth(child, level + 1) for child in children), default=level)
