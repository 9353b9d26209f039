"""AVIV's token endpoint, its firewall, and who is let in."""

import pytest

from integrations.sandbox import Sandbox
from tests.sandbox.avivapi import AvivApi


@pytest.fixture
def api(box) -> AvivApi:
    return AvivApi(box)


def test_a_token_lasts_a_day_and_opens_the_api(box, api):
    answer = api.ask_token()
    assert answer.status == 200
    assert sorted(answer.data) == ["access_token", "expires_in", "token_type"]
    assert (answer.data["expires_in"], answer.data["token_type"]) == (86_400, "Bearer")
    api.use_token(answer.data["access_token"])
    assert api.recent().status == 200
    box.clock.advance(86_399)
    assert api.recent().status == 200
    box.clock.advance(2)
    assert api.recent().status == 401


def test_each_token_is_another_and_each_is_counted(box, api):
    tokens = {api.ask_token().data["access_token"] for _ in range(3)}
    assert len(tokens) == 3
    assert box.stats()["aviv"]["tokens_issued"] == 3
    assert [entry.status for entry in box.requests("POST", "/token", remote="aviv-auth")] == [200, 200, 200]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_id": "nobody"}, 403, "access_denied"),
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"audience": "https://api.example.org/other/v1"}, 403, "access_denied"),
        ({"audience": None}, 403, "access_denied"),
        ({"grant_type": "password"}, 403, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_gets_no_token(box, api, fields, status, error):
    answer = api.ask_token(**fields)
    assert (answer.status, answer.data["error"]) == (status, error)
    assert box.stats()["aviv"]["tokens_refused"] == 1
    assert box.stats()["aviv"]["tokens_issued"] == 0


@pytest.mark.parametrize("host", ["https://api.aviv-group.com", "http://localhost:8100"])
def test_the_audience_is_the_api_whatever_its_host(api, host):
    assert api.ask_token(audience=f"{host}/sandbox/seeker-leads/v1/").status == 200


def test_credentials_come_as_json_and_not_as_a_form(api):
    answer = api.ask_token({"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status, answer.data["error"]) == (400, "invalid_request")


def test_a_client_without_a_grant_gets_no_token(box, api):
    box.set_aviv_readings(client_grant=False)
    answer = api.ask_token()
    assert (answer.status, answer.data["error"]) == (403, "access_denied")


def test_an_intermediary_may_be_required(box, api):
    box.set_aviv_readings(intermediary="required")
    assert api.ask_token().status == 400
    assert api.ask_token(intermediary_id="agency-1").status == 200


@pytest.mark.parametrize("agent", ["", "Mozilla", "Mirror/", "App/1.0 (compatible)"])
def test_without_a_proper_user_agent_the_firewall_answers_with_a_page(box, api, agent):
    for answer in (
        api.ask_token({"User-Agent": agent}),
        api.send("GET", box.aviv_url, None, {"User-Agent": agent}),
    ):
        assert (answer.status, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert b"Request blocked" in answer.body
        assert "traceparent" not in answer.headers


@pytest.mark.parametrize("agent", ["App/1.0", "leadmirror/0.1 Django/5.2 Python/3.11"])
def test_a_user_agent_names_application_platform_and_runtime(api, agent):
    assert api.ask_token({"User-Agent": agent}).status == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer 123", "Basic abc"])
def test_without_a_known_token_every_call_is_401(box, api, header):
    answer = api.send("GET", f"{box.aviv_url}/leads", None, {"Authorization": header})
    assert (answer.status, answer.data["title"]) == (401, "Unauthorized")


def test_tokens_may_be_ended_at_once(box, api):
    assert api.recent().status == 200
    box.expire_aviv_tokens()
    assert api.recent().status == 401
    api.use_token(api.ask_token().data["access_token"])
    assert api.recent().status == 200


def test_a_token_from_before_the_right_has_a_bad_scope_until_a_new_one_is_fetched(box, api):
    box.set_aviv_right(granted=False)
    answer = api.recent()
    assert (answer.status, answer.data["title"]) == (403, "Bad Scope")
    box.set_aviv_right(granted=True)
    assert api.recent().status == 403
    api.use_token(api.ask_token().data["access_token"])
    assert api.recent().status == 200
    box.unscope_aviv_tokens()
    assert api.recent().status == 403


def test_a_fixed_bearer_token_is_accepted_where_it_is_known(box, api):
    api.use_token("fixed-token")
    assert api.recent().status == 401
    box.set_aviv_bearer("fixed-token")
    assert api.recent().status == 200
    assert box.stats()["aviv"]["tokens_issued"] == 0


def test_another_client_may_be_the_known_one(box, api):
    box.set_aviv_client("other", "other-secret")
    assert api.ask_token().status == 403
    assert api.ask_token(client_id="other", client_secret="other-secret").status == 200


def test_an_agency_sees_its_own_leads_and_those_of_nobody(box, api):
    ours, theirs, anyones = (box.add_aviv_lead(agency=name)["metadata"]["leadId"] for name in ("a", "b", ""))
    api.use_token(api.ask_token(intermediary_id="a").data["access_token"])
    found = [item["metadata"]["leadId"] for item in api.recent().data["items"]]
    assert sorted(found) == sorted([ours, anyones])
    assert api.call("GET", f"/leads/{theirs}").status == 404
    api.use_token(api.ask_token().data["access_token"])
    assert len(api.recent().data["items"]) == 3


def test_tokens_outlive_the_sandbox_where_a_state_file_is_kept(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state) as box:
        token = AvivApi(box).ask_token().data["access_token"]
    with Sandbox(state=state) as box:
        api = AvivApi(box)
        api.use_token(token)
        assert api.recent().status == 200
