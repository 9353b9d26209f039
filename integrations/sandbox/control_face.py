"""The control plane under ``/_sandbox``: JSON for tests and demos in another process.
No product code calls it.

It moves leads about and writes files, so it answers only to a loopback ``Host``, and a body must be JSON: a
web page that happens to be open on the same machine can do neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from .alterestate.methods import build_alterestate_routes
from .aviv.methods import build_aviv_routes
from .wire import Reply, Request, json_reply

if TYPE_CHECKING:
    from .box import Sandbox

Body = dict[str, Any]
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
#: Marks a request as the control client's own, where a followed redirect may come to the same path.
CONTROL_HEADER = "x-sandbox-control"


class Ask(NamedTuple):
    """What a control request asks for."""

    body: Body
    query: dict[str, str]


class ControlFace:
    """Routes control requests to the methods of a sandbox."""

    name = "control"
    prefix = "/_sandbox"

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._elsewhere: list[dict[str, Any]] = []
        self._fixed: dict[str, Callable[[Ask], Any]] = {
            "GET /stats": lambda _: box.stats(),
            "GET /log": self._show_log,
            "DELETE /log": lambda _: box.clear_log(),
            "GET /faults": lambda _: box.fault_rows(),
            "POST /faults": lambda ask: asdict(box.fault(**ask.body)),
            "DELETE /faults": lambda _: box.clear_faults(),
            "POST /reset": lambda ask: box.reset(**ask.body),
            "POST /clock": lambda ask: {"now": box.clock.advance(float(ask.body["advance"]))},
            "PUT /life": lambda ask: box.life.set_rate(float(ask.body["rate"])),
            "POST /life/step": lambda _: box.life.step(),
            "GET /elsewhere": lambda _: self._elsewhere,
        }
        self._fixed |= _build_leadpro(box) | build_aviv_routes(box) | build_alterestate_routes(box)

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to one control request: 200 with JSON, or 4xx with ``{"error"}``."""
        if path == "/elsewhere" and CONTROL_HEADER not in request.headers:
            return self._note_elsewhere(request)
        if request.headers.get("host", "").rsplit(":", 1)[0] not in LOOPBACK:
            return json_reply(403, {"error": "the control plane answers to a loopback host only"})
        try:
            return json_reply(200, self._route(request, path, _read_body(request)))
        except LookupError as problem:
            return json_reply(404, {"error": f"not found: {problem}"})
        except (ValueError, TypeError, OSError) as problem:
            return json_reply(400, {"error": str(problem)})

    def _route(self, request: Request, path: str, body: Body) -> Any:
        call = self._fixed.get(f"{request.method} {path}")
        if call is not None:
            return call(Ask(body, request.query))
        lead_id = path.removeprefix("/leadpro/leads/")
        if path.startswith("/leadpro/leads/") and lead_id.isdecimal():
            return self._work_lead(request.method, int(lead_id), body)
        raise LookupError(f"{request.method} {path}")

    def _work_lead(self, method: str, lead_id: int, body: Body) -> Any:
        if method == "GET" and (lead := self._box.lead(lead_id)) is not None:
            return {"lead": lead, "next_action_date": self._box.next_action(lead_id)}
        if method == "PATCH":
            return self._box.staff_edit(lead_id, **body)
        if method == "DELETE" and self._box.delete_lead(lead_id):
            return None
        raise LookupError(f"{method} lead {lead_id}")

    def _show_log(self, ask: Ask) -> Any:
        method, path, remote = (ask.query.get(name, "*") for name in ("method", "path", "remote"))
        entries = self._box.requests(method, path, remote=remote)
        since = int(ask.query.get("after", "0"))
        rows = [entry.as_row() for entry in entries if entry.number > since]
        return {"count": len(rows), "requests": rows[-int(ask.query.get("limit", "1000")) :]}

    def _note_elsewhere(self, request: Request) -> Reply:
        """The other host of a redirect: remembers who came, and whether they brought a key."""
        key_sent = "x-api-key" in request.headers or "authorization" in request.headers
        self._elsewhere.append({"method": request.method, "key_sent": key_sent})
        return json_reply(200, {"message": "This is another host"})


def _build_leadpro(box: Sandbox) -> dict[str, Callable[[Ask], Any]]:
    def show_leads(ask: Ask) -> Any:
        after, limit = int(ask.query.get("after", "0")), int(ask.query.get("limit", "1000"))
        return {
            "count": box.leadpro.store.count(),
            "leads": box.leadpro.store.find_page(after=after, limit=limit),
        }

    return {
        "GET /leadpro/leads": show_leads,
        "POST /leadpro/leads": lambda ask: box.add_lead(**ask.body),
        "POST /leadpro/statuses": lambda ask: {"id": box.add_status(**ask.body)},
        "GET /leadpro/readings": lambda _: box.leadpro.readings.as_dict(),
        "PATCH /leadpro/readings": lambda ask: box.set_readings(**ask.body),
        "PUT /leadpro/webhook": lambda ask: box.set_webhook(ask.body["url"]),
        "DELETE /leadpro/webhook": lambda _: box.set_webhook(""),
        "PUT /leadpro/api-keys": lambda ask: box.set_api_key(*ask.body["keys"]),
        "POST /leadpro/export": lambda ask: {"rows": box.write_export(ask.body.get("path", ""))},
    }


def _read_body(request: Request) -> Body:
    if not request.body:
        return {}
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise ValueError("send JSON as application/json")
    body = request.json()
    if not isinstance(body, dict):
        raise ValueError("send a JSON object")
    return body
