"""AVIV: pause, token, one of ten slots, then the call."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from integrations.aviv.client import AuditTrail, AvivClient, Subscription, is_bad_scope
from integrations.errors import (
    CredentialsRefused,
    NotFound,
    Refused,
    RemoteError,
    RemoteFailing,
    TransientError,
    UnexpectedPayload,
)
from integrations.rest import Answer
from integrations.verdicts import Submitted
from leads.models import Connection
from leads.models.slot import release_slot, take_slot
from leads.remotes.doors import (
    BudgetSpent,
    Clients,
    ConnectionPaused,
    guard_of,
    note_failure,
    note_works,
    refuse_inside_transaction,
    refuse_when_shut,
    taking_notes,
)
from leads.remotes.tokens import bearer_of, renew_bearer

T = TypeVar("T")

#: What tells a refused key from one refused thing: a page of one lead from the last minute.
_PROBE_SECONDS = 60

_clients: Clients[AvivClient] = Clients()


class StartLost(UnexpectedPayload):
    """The lead that a page was to go on from is no longer there: read the window again from its beginning."""


def _client(connection: Connection, token: str) -> AvivClient:
    base_url = connection.setting("base_url")
    timeout, total = settings.HTTP_TIMEOUT_SECONDS, settings.HTTP_TOTAL_SECONDS
    return _clients.get(
        connection,
        (base_url, token, timeout, total),
        lambda: AvivClient(
            base_url,
            lambda: token,
            timeout=timeout,
            total=total,
            address_guard=guard_of(connection, base_url),
        ),
    )


@dataclass(slots=True)
class Aviv:
    """An AVIV client that keeps the rate rule, the token and the health of its connection. Raises RemoteError only.

    ``patience``: seconds it may wait in all for a slot before it raises BudgetSpent.
    """

    connection: Connection
    lane: str
    patience: float = 0.0

    def get_leads(
        self,
        min_date: int,
        max_date: int,
        *,
        start: str | None = None,
        limit: int = 100,
        walked: Collection[str] = (),
    ) -> Answer:
        """One page of a window; see `AvivClient.get_leads`. Raises StartLost where ``start`` is gone."""
        try:
            answer = self._call(
                lambda c: c.get_leads(min_date, max_date, start=start, limit=limit, walked=walked)
            )
        except Refused:
            self._refuse_lost(start)
            raise
        if not answer.data.items:
            self._refuse_lost(start)
        return answer

    def _refuse_lost(self, start: str | None) -> None:
        """Nothing after the first page: is that the end, or does AVIV no longer have the lead to go on from?"""
        if not start:
            return
        try:
            self.get_lead(start)
        except NotFound:
            raise StartLost(
                "AVIV no longer knows the lead that the next page was to go on from. This part is read again from"
                " its beginning."
            ) from None

    def get_lead(self, lead_id: str) -> Answer:
        """GET /leads/{id}."""
        return self._call(lambda c: c.get_lead(lead_id))

    def create_lead(self, payload: Mapping[str, Any], *, write_before: float | None = None) -> Submitted:
        """POST /leads. Not repeatable."""
        return self._call(lambda c: c.create_lead(payload, write_before=write_before))

    def list_subscriptions(self) -> list[Subscription]:
        """GET /webhook/subscriptions."""
        return self._call(lambda c: c.list_subscriptions())

    def create_subscription(self, url: str, api_key: str, *, status: str = "ACTIVE") -> Subscription:
        """POST /webhook/subscriptions. Not repeatable."""
        return self._call(lambda c: c.create_subscription(url, api_key, status=status))

    def update_subscription(
        self, subscription_id: str, *, api_key: str | None = None, status: str | None = None
    ) -> Subscription:
        """PUT /webhook/subscriptions/{id}."""
        return self._call(lambda c: c.update_subscription(subscription_id, api_key=api_key, status=status))

    def delete_subscription(self, subscription_id: str) -> None:
        """DELETE /webhook/subscriptions/{id}."""
        return self._call(lambda c: c.delete_subscription(subscription_id))

    def audit_subscription(self, subscription_id: str, *, limit: int = 10) -> AuditTrail:
        """GET /webhook/subscriptions/{id}/audit."""
        return self._call(lambda c: c.audit_subscription(subscription_id, limit=limit))

    def _call(self, send: Callable[[AvivClient], T]) -> T:
        refuse_inside_transaction()
        refuse_when_shut(self.connection)
        try:
            answer = self._send_signed(send)
        except (BudgetSpent, ConnectionPaused):
            raise
        except RemoteError as error:
            with taking_notes():
                note_failure(self.connection, error, timezone.now())
            raise
        with taking_notes():
            self.connection.note_success(timezone.now())
        return answer

    def _send_signed(self, send: Callable[[AvivClient], T]) -> T:
        """Send with the token in use; where that is refused, once more with another: a refused call was not applied."""
        token = self._sign_in(lambda: bearer_of(self.connection))
        try:
            return self._send(send, token)
        except CredentialsRefused as error:
            why = "scope" if is_bad_scope(error) else str(error.status)
            renewed = ""
            if why in ("scope", "401"):
                renewed = self._sign_in(lambda: renew_bearer(self.connection, token, why))
            if renewed:
                try:
                    return self._send(send, renewed)
                except CredentialsRefused as again:
                    error = again
            with taking_notes():
                self._pause_where_shut_out(error, renewed or token)
            raise error from None

    def _sign_in(self, get: Callable[[], str]) -> str:
        """A token, or an error that says that nothing was sent. Who is refused here is shut out of everything."""
        try:
            return get()
        except (RemoteFailing, UnexpectedPayload) as error:
            raise TransientError(
                f"{error.summary} Nothing was sent.",
                status=error.status,
                excerpt=error.excerpt,
                trace_id=error.trace_id,
            ) from None
        except CredentialsRefused as error:
            with taking_notes():
                self.connection.pause("credentials", error.summary, timezone.now())
            raise

    def _send(self, send: Callable[[AvivClient], T], token: str) -> T:
        with self._slot():
            return send(_client(self.connection, token))

    @contextmanager
    def _slot(self) -> Iterator[None]:
        lease = settings.HTTP_TOTAL_SECONDS + 10
        while True:
            holder, wait = take_slot(self.connection, lease, timezone.now())
            if holder:
                break
            if wait > self.patience:
                raise BudgetSpent(wait)
            self.patience -= wait
            time.sleep(wait)
        try:
            yield
        finally:
            # One that could not be given back is free again when its lease ends.
            with taking_notes():
                release_slot(holder, timezone.now())

    def _pause_where_shut_out(self, error: CredentialsRefused, token: str) -> None:
        """One more call tells a refused key from one refused thing."""
        try:
            self._send(_probe, token)
        except CredentialsRefused:
            now = timezone.now()
            since = timezone.localtime(now).strftime("%H:%M")
            self.connection.pause(
                "credentials", f"{error.summary} Since {since}; nothing is lost: what waits is kept.", now
            )
        except RemoteError:
            return
        else:
            error.add("Reading leads works, so it is only this that AVIV does not allow to the client.")


def _probe(client: AvivClient) -> Answer:
    now = int(time.time())
    return client.get_leads(now - _PROBE_SECONDS, now, limit=1)


def open_aviv(connection: Connection, lane: str, *, patience: float = 0.0) -> Aviv:
    """A client for this connection. Lanes are for people to see: all of them take from the same ten slots."""
    return Aviv(connection, str(lane), patience)


def check_connection(connection: Connection, now: datetime) -> tuple[bool | None, str]:
    """One read past any pause: (works, a sentence). A connection paused for key or address resumes when it works."""
    refuse_inside_transaction()
    door = Aviv(connection, "person", patience=5.0)
    try:
        door._send_signed(_probe)
    except RemoteError as error:
        connection.note_problem(error.summary, now)
        return False, error.summary
    note_works(connection, now)
    return True, "Works: signed in, and leads can be read."
