"""How each fault looks on the wire. Which request it strikes is decided in ``faults``."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from time import time
from typing import Any

from .faults import Fault
from .wire import Reply, Wire, json_bytes, render_head

Apply = Callable[[], Reply]
#: Runs the first argument after so many seconds, unless the sandbox stops or is reset before.
Later = Callable[[Apply, float], None]

PAGE = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"


def perform(fault: Fault, wire: Wire, apply: Apply, later: Later) -> None:
    """Answer, or fail to answer, as ``fault`` says."""
    if fault.action == "apply_late":
        later(apply, fault.seconds)
        if fault.when == "hang":
            wire.hold(fault.seconds)
        wire.drop(fault.how)
    elif fault.action in SILENT:
        SILENT[fault.action](fault, wire, apply)
    else:
        _answer(fault, wire, apply() if fault.applied else Reply(200, b"{}"))


def _answer(fault: Fault, wire: Wire, reply: Reply) -> None:
    if fault.action in ALTERED:
        altered = ALTERED[fault.action](fault, reply)
        altered.headers.update(fault.headers)
        wire.send(altered)
    elif fault.action == "truncated":
        wire.send_truncated(reply, len(reply.body) // 2)
    elif fault.action == "drip_body":
        head = render_head(reply, keep_alive=False, length=len(reply.body))
        wire.drip(head, reply.body, every=fault.seconds or 0.5, status=reply.status)
    else:
        head = render_head(reply, keep_alive=False, length=len(reply.body)) + reply.body
        wire.drip(b"", head, every=fault.seconds or 0.5, status=reply.status)


def _delay(fault: Fault, wire: Wire, apply: Apply) -> None:
    reply = apply() if fault.when == "after" else None
    wire.hold(fault.seconds)
    wire.send(reply or apply())


def _hang(fault: Fault, wire: Wire, apply: Apply) -> None:
    if fault.applied:
        apply()
    wire.hold(fault.seconds or 60.0)
    wire.drop("close")


def _drop(fault: Fault, wire: Wire, apply: Apply) -> None:
    if fault.applied:
        apply()
    wire.hold(fault.seconds)
    wire.drop(fault.how)


def _status(fault: Fault, reply: Reply) -> Reply:
    body: Any = {"message": "Something went wrong"} if fault.body is None else fault.body
    content = body.encode("utf-8") if isinstance(body, str) else json_bytes(body)
    return Reply(fault.status, content, fault.content_type, _retry_after(fault), reply.lead_id)


def _retry_after(fault: Fault) -> dict[str, str]:
    if fault.retry_after is None:
        return {}
    if fault.as_date:
        return {"Retry-After": formatdate(time() + float(fault.retry_after), usegmt=True)}
    return {"Retry-After": str(fault.retry_after)}


def _rate_limit(fault: Fault, _reply: Reply) -> Reply:
    fault_body = {"message": "Too Many Requests"} if fault.body is None else fault.body
    return Reply(429, json_bytes(fault_body), "application/json", _retry_after(fault))


def _unavailable(fault: Fault, _reply: Reply) -> Reply:
    if fault.content_type == "text/html":
        return Reply(503, PAGE, "text/html; charset=utf-8", _retry_after(fault))
    return Reply(503, json_bytes({"message": "Service Unavailable"}), "application/json", _retry_after(fault))


def _html(_fault: Fault, reply: Reply) -> Reply:
    return Reply(200, PAGE, "text/html; charset=utf-8", lead_id=reply.lead_id)


def _empty(_fault: Fault, reply: Reply) -> Reply:
    return Reply(200, b"", lead_id=reply.lead_id)


def _wrong_shape(fault: Fault, reply: Reply) -> Reply:
    default = {"result": "ok"} if reply.body[:1] == b"[" else ["ok"]
    return Reply(200, json_bytes(default if fault.body is None else fault.body), lead_id=reply.lead_id)


def _bad_json(_fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body[:-1] + b",}", lead_id=reply.lead_id)


def _bad_utf8(_fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body[:-1] + b',"note":"\xff\xfe"}', lead_id=reply.lead_id)


def _wrong_type(_fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body, "text/html; charset=utf-8", lead_id=reply.lead_id)


def _huge(fault: Fault, reply: Reply) -> Reply:
    return Reply(reply.status, reply.body + b" " * fault.size, lead_id=reply.lead_id)


def _redirect(fault: Fault, reply: Reply) -> Reply:
    status = fault.status if 300 <= fault.status < 400 else 302
    return Reply(status, b"", "", {"Location": fault.location}, reply.lead_id)


SILENT: dict[str, Callable[[Fault, Wire, Apply], None]] = {
    "delay": _delay,
    "hang": _hang,
    "drop": _drop,
    "drop_after": _drop,
    "drop_reading": _drop,
}
ALTERED: dict[str, Callable[[Fault, Reply], Reply]] = {
    "status": _status,
    "rate_limit": _rate_limit,
    "unavailable": _unavailable,
    "html": _html,
    "empty": _empty,
    "wrong_shape": _wrong_shape,
    "bad_json": _bad_json,
    "bad_utf8": _bad_utf8,
    "wrong_type": _wrong_type,
    "huge": _huge,
    "redirect": _redirect,
}
