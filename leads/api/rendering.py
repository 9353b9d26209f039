"""JSON out, fast, and the one media type that can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ACCEPTED = {"", "*/*", "application/*", "application/json", "application/problem+json"}
MOST_ACCEPT = 8192


class JSON(BaseRenderer):
    """Compact UTF-8 JSON."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Bytes; none for no data. What orjson refuses (a lone surrogate kept from a remote) is escaped instead."""
        if data is None:
            return b""
        try:
            return orjson.dumps(data)
        except TypeError:
            return json.dumps(data, separators=(",", ":")).encode()


class Negotiation(BaseContentNegotiation):
    """There is one renderer, so the question is only whether the caller takes JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The JSON parser, where the body says that it is JSON."""
        media_type = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer; raises NotAcceptable where the Accept header rules it out."""
        renderer = next(iter(renderers))
        accept = request.META.get("HTTP_ACCEPT", "")[:MOST_ACCEPT]
        wanted = {part.split(";")[0].strip().lower() for part in accept.split(",")}
        if not wanted & (ACCEPTED | {renderer.media_type}):
            raise exceptions.NotAcceptable(available_renderers=list(renderers))
        return renderer, str(renderer.media_type)
