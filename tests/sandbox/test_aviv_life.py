"""AVIV's invented leads: seeded, living, kept across runs, and driven from another process."""

from collections import Counter

import pytest

from integrations.sandbox import Sandbox, SandboxControl, StateInUse
from integrations.sandbox.__main__ import build_parser, main
from integrations.sandbox.aviv.readings import CHOICES, Readings
from integrations.sandbox.switches import parse_readings
from tests.sandbox.api import wait_until
from tests.sandbox.avivapi import DAY, AvivApi, id_of


def test_seeding_gives_ties_a_crowd_in_one_second_erasures_and_every_category(box):
    now = box.clock.now()
    assert box.seed_aviv(days=30, leads=3000) == 3000
    leads = box.aviv_leads
    assert len({id_of(lead) for lead in leads}) == len(leads) == 3000
    instants = Counter(lead["metadata"]["ingestionDate"] for lead in leads)
    assert now - 30 * DAY <= min(instants) <= max(instants) <= now
    assert instants.most_common(1)[0][1] == 130
    assert sum(count > 1 for count in instants.values()) > 50
    categories = Counter(lead["metadata"]["leadCategory"] for lead in leads)
    assert set(categories) == {"CLASSIFIED", "AGENCY", "PROPERTY_SEARCH", "CALL_TRACKING", "VIDEO_VISIT"}
    erased = [
        lead for lead in leads if lead["contactRequest"]["message"] is None and "callDetails" not in lead
    ]
    assert 10 <= len(erased) <= 60
    assert all(lead["contactRequest"]["phoneNumbers"] == [] for lead in erased)
    owners = Counter(lead["contactRequest"].get("isOwner", "unsaid") for lead in leads)
    assert set(owners) == {True, False, "unsaid"}


def test_seeding_is_the_same_for_the_same_seed(box):
    with Sandbox() as other:
        for sandbox in (box, other):
            sandbox.seed_aviv(days=5, leads=50, seed=3)
        assert [id_of(lead) for lead in box.aviv_leads] == [id_of(lead) for lead in other.aviv_leads]
        assert box.aviv_leads[7]["contactRequest"] == other.aviv_leads[7]["contactRequest"]


def test_some_seeded_leads_may_appear_late_inside_the_last_two_days(box):
    box.seed_aviv(days=1, leads=40, late=10)
    api = AvivApi(box)
    now = box.clock.now()
    assert len(api.ids(now - 2 * DAY, now)) == 30
    box.clock.advance(61)
    assert len(api.ids(now - 2 * DAY, now)) == 40


def test_life_brings_leads_late_ones_and_erasures(box):
    counts = box.aviv_life.counts
    while min(counts.values()) == 0:
        box.aviv_life.step()
    leads = box.aviv_leads
    assert len(leads) == counts["leads"] + counts["late"]
    assert sum(lead["metadata"]["ingestionDate"] < box.clock.now() - 59 for lead in leads) == counts["late"]


def test_life_invents_other_people_than_were_seeded(box):
    box.seed_aviv(days=2, leads=60)
    seeded = {lead["contactRequest"]["email"] for lead in box.aviv_leads} - {None}
    lived = set()
    while len(lived) < 20:
        lived.add(box.aviv_life.step()["contactRequest"]["email"])
    numbers = [int("".join(filter(str.isdigit, email.split("@")[0]))) for email in lived - {None}]
    assert min(numbers) > max(int("".join(filter(str.isdigit, email.split("@")[0]))) for email in seeded)


@pytest.mark.serial
def test_life_goes_on_by_itself_at_the_rate_that_is_set():
    with Sandbox(aviv_life=6000) as box:
        wait_until(lambda: len(box.aviv_leads) >= 5)


def test_a_second_run_has_the_same_leads_and_new_ids(tmp_path):
    state = str(tmp_path / "state.sqlite3")
    with Sandbox(state=state, aviv_leads=30, aviv_days=3) as box:
        box.erase_aviv(id_of(box.add_aviv_lead()))
        before = box.aviv_leads
    with Sandbox(state=state, aviv_leads=500) as box:
        assert box.aviv_leads == before
        assert id_of(box.add_aviv_lead()) not in {id_of(lead) for lead in before}


def test_a_state_file_that_is_none_is_refused_and_the_others_let_go(tmp_path):
    state = tmp_path / "state.sqlite3"
    (tmp_path / "state.sqlite3.aviv").write_text(
        "this is not a database, and it is long enough to be one " * 50
    )
    with pytest.raises(StateInUse):
        Sandbox(state=str(state))
    (tmp_path / "state.sqlite3.aviv").unlink()
    with Sandbox(state=str(state)) as box:
        assert box.aviv_leads == []


def test_a_reset_forgets_leads_tokens_subscriptions_and_readings(box):
    api = AvivApi(box)
    api.subscribe("http://127.0.0.1:9/")
    box.add_aviv_lead()
    box.set_aviv_readings(order="by_id")
    box.reset()
    assert box.aviv_leads == []
    assert api.recent().status == 401
    assert box.aviv.readings == Readings()
    assert box.aviv.store.subscriptions() == []
    assert box.stats()["aviv"]["tokens_issued"] == 0


def test_the_control_plane_does_what_the_sandbox_does(box):
    control, api = SandboxControl(box.url), AvivApi(box)
    assert (control.aviv_url, control.aviv_token_url) == (box.aviv_url, box.aviv_token_url)
    lead = control.add_aviv_lead("AGENCY", firstName="Bo", ingested_at=box.clock.now() - 60)
    assert control.aviv_lead(id_of(lead)) == lead == box.aviv_lead(id_of(lead))
    assert control.erase_aviv(id_of(lead))["contactRequest"]["firstName"] is None
    assert control.seed_aviv(days=2, leads=5, late=0) == 5
    assert control.aviv_leads == box.aviv_leads
    assert control.delete_aviv(id_of(lead)) is True
    assert control.aviv_lead(id_of(lead)) is None
    control.set_aviv_readings(order="by_id")
    assert control.aviv_readings()["order"] == box.aviv.readings.order == "by_id"
    api.recent()
    control.unscope_aviv_tokens()
    assert api.recent().status == 403
    control.expire_aviv_tokens()
    assert api.recent().status == 401
    control.set_aviv_right(granted=False)
    assert box.aviv.desk.has_right is False
    control.set_aviv_client("other", "secret")
    assert box.aviv.desk.clients == {"other": "secret"}
    control.set_aviv_bearer("fixed")
    api.use_token("fixed")
    assert api.page(1, 2, limit=7).status == 200
    row = control.log("GET", "/leads", remote="aviv")[-1]
    assert row["values"] == {"minDate": "1", "maxDate": "2", "limit": "7"}
    assert (row["in_flight"], row["key_sent"], row["remote"]) == (1, True, "aviv")
    assert control.count(remote="aviv") == 4
    assert id_of(control.step_aviv_life()) in [id_of(lead) for lead in box.aviv_leads]
    control.set_aviv_life(600)
    assert box.aviv_life.rate == 600
    control.set_aviv_life(0)
    assert control.stats()["aviv"]["tokens_issued"] == 1


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ("aviv.colour=1", "unknown reading 'colour'"),
        ("alterestate.duplicates=maybe", "reading duplicates is one of allow, refuse; got 'maybe'"),
        ("zoopla.order=1", "unknown reading 'zoopla'"),
        ("aviv=by_id", "readings of a remote are given by name, as aviv.order=by_id; got 'by_id'"),
    ],
)
def test_a_wrong_reading_of_a_remote_is_one_line_on_stderr(capsys, reading, words):
    assert main(["--port", "0", "--reading", reading]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"sandbox: cannot start: {words}")
    assert told.count("\n") == 1


def test_the_command_line_takes_readings_of_each_remote(capsys):
    options = build_parser().parse_args(
        ["--aviv-leads", "5", "--aviv-life", "3", "--reading", "aviv.order=by_id"]
    )
    assert (options.aviv_leads, options.aviv_life, options.aviv_days) == (5, 3.0, 120)
    assert parse_readings(options.reading) == {"aviv": {"order": "by_id"}}


@pytest.mark.parametrize("name", list(CHOICES))
def test_every_choice_may_be_set_and_no_other(box, name):
    for value in CHOICES[name]:
        box.set_aviv_readings(**{name: value})
        assert box.aviv.readings.as_dict()[name] == value
    with pytest.raises(ValueError, match=f"reading {name} is one of"):
        box.set_aviv_readings(**{name: "colour"})
