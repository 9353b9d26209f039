"""What every request gets before anything else: a client address that can be believed, and an id on its answer."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import cached_property

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Answer = Callable[[HttpRequest], HttpResponse]

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED")


class TrustProxies:
    """REMOTE_ADDR becomes the client's where the peer is in TRUSTED_PROXIES; others' forwarded headers are dropped."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    @cached_property
    def trusted(self) -> list[Network]:
        """The proxies' networks."""
        return [ipaddress.ip_network(text, strict=False) for text in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = str(request.META.get("REMOTE_ADDR", ""))
        if is_within(peer, self.trusted):
            hops = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
            request.META["REMOTE_ADDR"] = find_client(peer, hops, self.trusted)
        else:
            for name in FORWARDED:
                request.META.pop(name, None)
        return self.get_response(request)


def find_client(peer: str, hops: Sequence[str], trusted: Sequence[Network]) -> str:
    """The last hop that is no proxy of ours: what stands before it was written by the client itself."""
    client = peer
    for hop in reversed(hops):
        address = hop.strip()
        if not is_address(address):
            break
        client = address
        if not is_within(address, trusted):
            break
    return client


def is_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks."""
    return is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)


class NameRequests:
    """X-Request-Id on every answer; it is also in each log line of that request. Stands inside django-structlog's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        structlog.contextvars.bind_contextvars(ip=request.META.get("REMOTE_ADDR", ""))
        response = self.get_response(request)
        bound = structlog.contextvars.get_contextvars()
        if "request_id" in bound:
            response["X-Request-Id"] = bound["request_id"]
        # Only where it was looked up anyway: a health page must not need the database for its log line.
        user = getattr(request, "_cached_user", None)
        if user is not None and user.pk:
            structlog.contextvars.bind_contextvars(user_id=user.pk)
        return response
