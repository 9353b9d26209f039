"""What every view here has in common: keys, limits, strict parameters and bodies, problems, headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leads.api import limits
from leads.api.bodies import StrictJSON, clean_name
from leads.api.keys import READ, WRITE, BearerKey, HasScope
from leads.api.problems import answer_problem, invalid
from leads.api.rendering import JSON, Negotiation
from leads.models import ApiKey, Scope


class ApiView(APIView):
    """One address. ``scopes`` says what a key needs for each method, ``parameters`` which query names are known."""

    authentication_classes = [BearerKey]
    permission_classes = [HasScope]
    parser_classes = [StrictJSON]
    renderer_classes = [JSON]
    throttle_classes = []
    content_negotiation_class = Negotiation
    http_method_names = ["get", "post", "patch", "head"]

    scopes: ClassVar[Mapping[str, str]] = {"GET": READ, "HEAD": READ, "POST": WRITE, "PATCH": WRITE}
    parameters: ClassVar[Collection[str]] = ()
    allowance: limits.Allowance | None = None

    def perform_authentication(self, request: Request) -> None:
        """Find the key, then count the request against its minute."""
        super().perform_authentication(request)
        if isinstance(request.auth, ApiKey):
            self.allowance = limits.take(request.auth, timezone.now())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse parameters that nothing would look at."""
        super().initial(request, *args, **kwargs)
        if (request.method or "").lower() in self.http_method_names:
            refuse_unknown(request.query_params, self.parameters, "parameter")
        for name, values in request.query_params.lists():
            if len(values) > 1:
                raise invalid(
                    [(name, "repeated", f"The parameter {name} is given twice; use commas instead.")]
                )
            if "\x00" in values[0]:
                raise invalid([(name, "invalid", f"{name} holds a character that cannot be stored (NUL).")])

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        """Problems, whatever the settings say."""
        return answer_problem

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Headers of every answer. Nothing here may be kept by a cache: it is about people."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        if self.allowance is not None:
            for name, value in self.allowance.headers.items():
                response.headers.setdefault(name, value)
        return response

    @property
    def key(self) -> ApiKey:
        """The key that called."""
        assert isinstance(self.request.auth, ApiKey)
        return self.request.auth

    @property
    def scope(self) -> Scope:
        """The leads that the key may see."""
        return self.key.scope

    @property
    def actor(self) -> str:
        """How this key is named in histories."""
        return f"API key {self.key.name}"

    def read_body(self, allowed: Collection[str] = ()) -> dict[str, Any]:
        """The body's members, all of them known; an absent body has none."""
        body: dict[str, Any] = dict(self.request.data)
        refuse_unknown(body, allowed, "field")
        return body


def refuse_unknown(given: Collection[str], allowed: Collection[str], what: str) -> None:
    """Raises a 400 that names what is not known: silence would hide a typing mistake."""
    unknown = [clean_name(name) for name in given if name not in allowed]
    if unknown:
        raise invalid((name, "unknown", f"There is no {what} {name} here.") for name in unknown)
