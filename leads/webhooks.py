"""The inbound HTTP face: store, answer, ring. Nothing is read or decided here."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from leads import tasks
from leads.models import Connection
from leads.models.values import storable
from leads.sync import receiving

MOST_BYTES = 256 * 1024
MOST_DEPTH = 50


@csrf_exempt
@require_POST
def receive(request: HttpRequest, secret: str) -> HttpResponse:
    """POST /webhooks/{secret}/: 202 once stored, 404 unknown secret, 413 too large, 400 not a JSON object."""
    now = timezone.now()
    connection = Connection.objects.for_webhook(secret, now)
    if connection is None:
        return JsonResponse({"detail": "Unknown address."}, status=404)
    if _declared_length(request) > MOST_BYTES:
        return JsonResponse({"detail": "The body is over 256 KiB. Nothing was stored."}, status=413)
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return JsonResponse({"detail": "The body is over 256 KiB. Nothing was stored."}, status=413)
    try:
        data = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict) or _depth(data) > MOST_DEPTH:
        return JsonResponse({"detail": "The body is not a JSON object. Nothing was stored."}, status=400)
    receiving.keep(connection, body, storable(data), now)
    tasks.ring(tasks.process_deliveries, connection_id=connection.pk)
    return JsonResponse({"detail": "Stored."}, status=202)


def _declared_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _depth(value: Any, level: int = 0) -> int:
    if level > MOST_DEPTH or not isinstance(value, (dict, list)):
        return level
    children = value.values() if isinstance(value, dict) else value
    return max((_depth(child, level + 1) for child in children), default=level)
