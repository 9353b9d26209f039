"""One imitated company at AlterEstate: leads can be put in, and nothing can be read back."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import Any
from uuid import uuid4

from integrations.sandbox.wire import Reply, Request, json_reply

from . import answers, rules
from .readings import Readings
from .rules import Body, Invalid
from .store import AlterEstateStore, Row, fold_email, fold_phone

#: The company's people: e-mail and uid.
USERS = {
    "rosa@example.org": "USRROSA001",
    "luis@example.org": "USRLUIS002",
    "ines@example.org": "USRINES003",
}
COMPANY_OWNER = "rosa@example.org"
KEY_OWNER = "luis@example.org"
#: Round-robin rules by uid, and who takes turns in each.
RULES = {"RRVENTAS01": ("luis@example.org", "ines@example.org"), "RRALQUILER": ("ines@example.org",)}
WEB_CHANNEL = 104


class AlterEstate:
    """``POST /alterestate/api/v1/leads/``. Every method may be called from any thread."""

    name = "alterestate"
    prefix = "/alterestate/api/v1"

    def __init__(self, *, api_key: str, readings: Readings, state: str = "") -> None:
        self.api_keys = {api_key}
        self.readings = readings
        self.store = AlterEstateStore(state)
        self._turns = itertools.count()
        self._calls_at: deque[float] = deque()

    def answer(self, request: Request, path: str) -> Reply:
        """The reply to one request."""
        if self.readings.latency:
            time.sleep(self.readings.latency)
        if path == "/leads":
            return answers.render_without_slash(self.readings.without_slash, request.path)
        if path != "/leads/":
            return Reply(404, answers.NOT_FOUND, answers.PAGE)
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Token" or key not in self.api_keys:
            return answers.render_stranger(self.readings, key_sent=scheme == "Token")
        if self.readings.requests_per_minute and not self._has_room(time.monotonic()):
            return json_reply(429, {"detail": "Request was throttled."})
        if request.method != "POST":
            return json_reply(405, {"detail": f'Method "{request.method}" not allowed.'})
        return self._take_lead(request)

    def _has_room(self, now: float) -> bool:
        with self.store.lock:
            while self._calls_at and self._calls_at[0] <= now - 60:
                self._calls_at.popleft()
            if len(self._calls_at) >= self.readings.requests_per_minute:
                return False
            self._calls_at.append(now)
            return True

    def _take_lead(self, request: Request) -> Reply:
        try:
            body = _read_object(request)
            rules.check(body, self.readings)
            with self.store.lock:
                return self._keep(body)
        except Invalid as problem:
            return answers.render_invalid(problem, self.readings.error_body)

    def _keep(self, body: Body) -> Reply:
        owner = self._find_owner(body)
        known = self.store.find_contact(body["email"], body["phone"])
        if known is not None and self.readings.duplicates == "refuse":
            return self._refuse_duplicate(known, body)
        contact = self.add_contact(owner=owner, **body)
        deal = {"uid": _make_uid(), "contact_id": contact["id"], "owner": owner, "request": body}
        entry = self._write_entry("created")
        return answers.render_created(contact, self.store.add("deal", deal), entry, self.readings.answer_form)

    def _refuse_duplicate(self, known: Row, body: Body) -> Reply:
        """Its owner is told, and the contact's own fields follow."""
        entry = self._write_entry("duplicate")
        notice = {"owner": known["owner"], "contact_id": known["id"], "log_id": entry["log_id"]}
        self.store.add("notice", notice)
        if isinstance(body.get("custom_fields"), dict):
            fields = {**known["custom_fields"], **body["custom_fields"]}
            self.store.replace_contact({**known, "custom_fields": fields})
        return answers.render_duplicate(entry, self.readings.duplicate_status)

    def _write_entry(self, outcome: str) -> Row:
        entry = self.store.add("entry", {"outcome": outcome})
        return entry | {"log_id": f"LOG{123_455 + int(entry['id'])}"}

    def add_contact(
        self, *, full_name: str, phone: str, email: str, owner: str = COMPANY_OWNER, **more: Any
    ) -> Row:
        """Keep a contact, as somebody in the office does, or a request; returns it with its id and uid."""
        if self.readings.normalises:
            phone, email = fold_phone(phone), fold_email(email)
        via = str(more.get("via") or "")
        contact: Row = {
            "uid": _make_uid(),
            "full_name": full_name,
            "phone": phone,
            "email": email,
            "owner": owner,
            "via": int(via) if via.isdecimal() else WEB_CHANNEL,
            "description": answers.describe({"full_name": full_name, "phone": phone, "email": email, **more}),
            "custom_fields": more.get("custom_fields") or {},
        }
        return self.store.add_contact(contact)

    def _find_owner(self, body: Body) -> str:
        """A round-robin rule beats a named user, who beats the company's own logic."""
        rule, related = body.get("round_robin"), body.get("related")
        if rule in RULES:
            return RULES[rule][next(self._turns) % len(RULES[rule])]
        if rule and self.readings.unknown_rule == "refuse":
            raise Invalid("round_robin", "Round robin rule not found", "Round robin rule not found.")
        if related:
            return self._find_user(related)
        return KEY_OWNER if self.readings.default_owner == "key_owner" else COMPANY_OWNER

    def _find_user(self, related: str) -> str:
        if fold_email(related) in USERS:
            return fold_email(related)
        uids = {uid: email for email, uid in USERS.items()} if self.readings.related_by == "both" else {}
        if related in uids:
            return uids[related]
        raise Invalid("related", f"User not found: {related}", "User not found.")

    def close(self) -> None:
        """Let go of the state file."""
        self.store.close()


def _read_object(request: Request) -> Body:
    try:
        body = request.json()
    except ValueError:
        raise Invalid("", "Invalid JSON", "JSON parse error") from None
    if not isinstance(body, dict):
        raise Invalid("", "Invalid data", "Invalid data. Expected a dictionary.")
    return body


def _make_uid() -> str:
    return uuid4().hex[:10].upper()
