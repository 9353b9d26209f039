"""AVIV's webhook subscriptions, and what is sent to them."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from integrations.sandbox import Sandbox
from tests.sandbox.api import wait_until
from tests.sandbox.avivapi import AvivApi, id_of

KEY = "hook-key"


class Ear:
    """A subscriber's address: keeps path, headers and body of what it is sent."""

    def __init__(self, status: int = 200) -> None:
        heard = []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                heard.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
                self.send_response(ear.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.status = status
        self.heard = heard
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/aviv/?a=1"

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["metadata"]["leadId"] for _, _, body in self.heard]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api(box) -> AvivApi:
    return AvivApi(box)


@pytest.fixture
def ear():
    listening = Ear()
    threading.Thread(target=listening._server.serve_forever, args=(0.02,), daemon=True).start()
    yield listening
    listening.close()


def audit(api, subscription_id, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return api.call("GET", f"/webhook/subscriptions/{subscription_id}/audit?{asked}")


def test_a_subscription_is_made_listed_changed_and_deleted_and_never_shows_its_key(api, ear):
    made = api.subscribe(ear.url)
    assert made.status == 200
    assert sorted(made.data) == ["createdAt", "status", "subscriptionId", "updatedAt", "url"]
    assert (made.data["url"], made.data["status"], len(made.data["subscriptionId"])) == (
        ear.url,
        "ACTIVE",
        21,
    )
    assert api.call("GET", "/webhook/subscriptions").data == {"items": [made.data]}
    path = f"/webhook/subscriptions/{made.data['subscriptionId']}"
    changed = api.call("PUT", path, {"status": "INACTIVE", "apiKey": "other"})
    assert (changed.data["status"], changed.data["createdAt"]) == ("INACTIVE", made.data["createdAt"])
    gone = api.call("DELETE", path)
    assert gone.status == 200
    assert gone.data == changed.data | {"message": "Subscription deleted successfully"}
    assert api.call("GET", "/webhook/subscriptions").data == {"items": []}
    assert [api.call(method, path, {}).status for method in ("PUT", "DELETE")] == [404, 404]


@pytest.mark.parametrize(
    ("fields", "pointer", "reason"),
    [
        ({"url": "not a url"}, "/url", "must be a URL"),
        ({"url": ""}, "/url", "is required"),
        ({"apiKey": ""}, "/apiKey", "is required"),
        ({"apiKey": 7}, "/apiKey", "must be a string"),
        ({"status": "ON"}, "/status", "must be one of ACTIVE, INACTIVE"),
    ],
)
def test_a_wrong_subscription_is_400(api, fields, pointer, reason):
    body = {"url": "https://mirror.example.org/hooks/", "apiKey": KEY} | fields
    answer = api.call("POST", "/webhook/subscriptions", body)
    assert (answer.status, answer.data["errors"]) == (400, [{"name": pointer, "reason": reason}])


def test_the_url_of_a_subscription_cannot_be_changed(api, ear):
    path = f"/webhook/subscriptions/{api.subscribe(ear.url).data['subscriptionId']}"
    answer = api.call("PUT", path, {"url": "https://elsewhere.example.org/"})
    assert (answer.status, answer.data["errors"]) == (400, [{"name": "/url", "reason": "cannot be changed"}])


def test_each_new_lead_is_told_once_and_those_of_before_are_not(box, api, ear):
    box.add_aviv_lead()
    api.subscribe(ear.url)
    quiet = box.add_aviv_lead(hook=False)
    told = box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    assert ear.heard[0][0] == "/hooks/aviv/?a=1"
    assert ear.heard[0][1]["x-api-key"] == KEY
    assert json.loads(ear.heard[0][2]) == told
    wait_until(lambda: box.stats()["aviv"]["webhooks"] == {"sent": 1, "failed": 0, "lost": 0})
    assert id_of(quiet) not in ear.ids


def test_a_late_and_a_submitted_lead_are_told_when_they_appear(box, api, ear):
    api.subscribe(ear.url)
    late = box.add_aviv_lead(ingested_at=box.clock.now() - 3600, appears_in=50)
    api.submit()
    box.clock.advance(6)
    wait_until(lambda: len(ear.heard) == 1)
    assert id_of(late) not in ear.ids
    box.clock.advance(50)
    wait_until(lambda: len(ear.heard) == 2)
    assert ear.ids[1] == id_of(late)


def test_a_new_key_counts_at_once_and_an_inactive_subscription_is_silent(box, api, ear):
    path = f"/webhook/subscriptions/{api.subscribe(ear.url).data['subscriptionId']}"
    api.call("PUT", path, {"apiKey": "second"})
    box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    assert ear.heard[0][1]["x-api-key"] == "second"
    api.call("PUT", path, {"status": "INACTIVE"})
    box.add_aviv_lead()
    api.call("PUT", path, {"status": "ACTIVE"})
    box.add_aviv_lead(firstName="Bo")
    wait_until(lambda: len(ear.heard) == 2)
    assert json.loads(ear.heard[1][2])["contactRequest"]["firstName"] == "Bo"


@pytest.mark.parametrize(
    ("form", "header", "value"),
    [
        ("x-api-key", "x-api-key", KEY),
        ("apikey", "apikey", KEY),
        ("authorization", "authorization", KEY),
        ("bearer", "authorization", f"Bearer {KEY}"),
        ("apikey_scheme", "authorization", f"ApiKey {KEY}"),
        ("none", "authorization", None),
    ],
)
def test_the_key_may_stand_in_several_headers(box, api, ear, form, header, value):
    box.set_aviv_readings(hook_key=form)
    api.subscribe(ear.url)
    box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    assert ear.heard[0][1].get(header) == value


def test_the_key_may_sign_the_body(box, api, ear):
    box.set_aviv_readings(hook_key="signature")
    api.subscribe(ear.url)
    box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    _, headers, body = ear.heard[0]
    assert headers["x-signature"] == hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


def test_the_key_may_stand_in_the_query(box, api, ear):
    box.set_aviv_readings(hook_key="query")
    api.subscribe(ear.url)
    box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    assert ear.heard[0][0] == f"/hooks/aviv/?a=1&apiKey={KEY}"


@pytest.mark.parametrize("form", ["items", "id", "event", "empty"])
def test_a_webhook_may_have_another_body(box, api, ear, form):
    box.set_aviv_readings(hook_form=form)
    api.subscribe(ear.url)
    lead = box.add_aviv_lead()
    wait_until(lambda: ear.heard)
    expected = {
        "items": {"items": [lead]},
        "id": {"leadId": id_of(lead)},
        "event": {"event": "LEAD_CREATED", "data": lead},
    }
    body = ear.heard[0][2]
    assert body == b"" if form == "empty" else json.loads(body) == expected[form]


def test_webhooks_may_be_lost_or_sent_twice(box, api, ear):
    api.subscribe(ear.url)
    box.set_aviv_readings(hook_loss=1)
    box.add_aviv_lead()
    wait_until(lambda: box.stats()["aviv"]["webhooks"]["lost"] == 1)
    box.set_aviv_readings(hook_loss=0, hook_twice=1)
    lead = box.add_aviv_lead()
    wait_until(lambda: len(ear.heard) == 2)
    assert ear.ids == [id_of(lead)] * 2


def test_the_audit_tells_of_deliveries_newest_first(box, api, ear):
    subscription_id = api.subscribe(ear.url).data["subscriptionId"]
    assert audit(api, subscription_id).data["lastSuccessTimestamp"] is None
    box.add_aviv_lead()
    wait_until(lambda: box.stats()["aviv"]["webhooks"]["sent"] == 1)
    ear.status = 500
    box.add_aviv_lead()
    wait_until(lambda: len(audit(api, subscription_id).data["recentEvents"]) == 2)
    told = audit(api, subscription_id).data
    assert [event["status"] for event in told["recentEvents"]] == ["FAILURE", "SUCCESS"]
    assert [event["httpStatus"] for event in told["recentEvents"]] == [500, 200]
    assert told["lastSuccessTimestamp"] == told["recentEvents"][1]["timestamp"]
    assert len(audit(api, subscription_id, limit=1).data["recentEvents"]) == 1
    assert [audit(api, subscription_id, limit=limit).status for limit in (0, 101, "x")] == [400, 400, 400]
    assert audit(api, "nothing").status == 404


def test_a_failed_webhook_may_be_sent_again_until_the_subscription_is_given_up(box, api, ear):
    box.set_aviv_readings(hook_retries=5, hook_retry_seconds=0, hook_gives_up=3)
    ear.status = 500
    subscription_id = api.subscribe(ear.url).data["subscriptionId"]
    lead = box.add_aviv_lead()
    wait_until(lambda: audit(api, subscription_id).data["status"] == "INACTIVE")
    assert ear.ids == [id_of(lead)] * 3
    assert [event["attempt"] for event in audit(api, subscription_id).data["recentEvents"]] == [3, 2, 1]


def test_nobody_is_called_at_an_address_that_is_not_of_this_machine(box, api):
    subscription_id = api.subscribe("https://mirror.example.org/hooks/").data["subscriptionId"]
    box.add_aviv_lead()
    wait_until(lambda: audit(api, subscription_id).data["recentEvents"])
    assert audit(api, subscription_id).data["recentEvents"][0]["httpStatus"] is None


def test_a_subscription_outlives_the_sandbox_where_a_state_file_is_kept(tmp_path, ear):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state) as box:
        AvivApi(box).subscribe(ear.url)
    with Sandbox(state=state) as box:
        lead = box.add_aviv_lead()
        wait_until(lambda: ear.heard)
    assert ear.ids == [id_of(lead)]
