"""The OpenAPI description and its browser, for keys and for people logged in to the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.staticfiles.storage import staticfiles_storage
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.response import Response

from leads.api.keys import BearerKey, HasKeyOrIsStaff, StaffSession
from leads.api.problems import answer_problem

SETTINGS = {
    "TITLE": "leadmirror",
    "VERSION": "1",
    "DESCRIPTION": "An agency's own copy of its Lead.pro leads, and the way to change them.",
    "OAS_VERSION": "3.1.0",
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
}


class _Documentation:
    """Problems and headers as in every other answer."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """Problems, as everywhere."""
        return answer_problem

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Not for caches, like every answer here."""
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        response.headers["Cache-Control"] = "no-store"
        return response


class Schema(_Documentation, SpectacularJSONAPIView):
    """OpenAPI 3.1, made from the views and the table of fields."""

    authentication_classes = [BearerKey, StaffSession]
    permission_classes = [HasKeyOrIsStaff]
    custom_settings = SETTINGS


class Docs(_Documentation, SpectacularSwaggerSplitView):
    """The description in a browser; scripts and styles come from this server."""

    authentication_classes = [BearerKey, StaffSession]
    permission_classes = [HasKeyOrIsStaff]
    title = "leadmirror API"
    url_name = "api:schema"

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        return str(staticfiles_storage.url(f"drf_spectacular_sidecar/swagger-ui-dist/{filename}"))

    @staticmethod
    def _swagger_ui_favicon() -> str:
        return str(staticfiles_storage.url("drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png"))
