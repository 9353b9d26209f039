"""A manager looks at leads: finds one, reads it again, sees what changed. Runs over many show how far they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD, Mirror, log_in
from tests.browser.pages import expect_not_reloaded, mark, open_lead, search, tab
from tests.browser.watching import Watch
from tests.processes.harness import House

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]

MANY = 300


def test_a_manager_logs_in_finds_a_lead_by_phone_and_sees_what_an_agent_changed(
    house: House, open_browser: Callable[[House], BrowserContext], mirror: Mirror, watch: Watch
) -> None:
    lead = mirror(first_name="Fatima", last_name="Findable", phone="07700 900451", status="New")
    mirror(first_name="Olu", last_name="Other", phone="07700 900452")
    page = open_browser(house).new_page()

    page.goto("/")
    expect(page).to_have_url(re.compile("/admin/login/"))
    page.get_by_label("Username").fill("manager")
    page.get_by_label("Password").fill("wrong-password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation").get_by_role("link", name="group Leads").click()
    expect(page.get_by_role("link", name="Fatima Findable")).to_be_visible()
    expect(page.get_by_role("link", name="Olu Other")).to_be_visible()

    search(page, "+44 (0)7700 900 451")
    expect(page.get_by_role("link", name="Olu Other")).to_have_count(0)
    page.get_by_role("link", name="Fatima Findable").click()
    expect(page.get_by_label("Status")).to_have_value("New")

    house.ask("rest_schedule")
    house.box.staff_edit(lead["id"], status="Viewing booked")
    page.get_by_role("button", name="Refresh").click()
    mark(page)
    expect(page.get_by_text("Refreshed. Changed in Lead.pro: Stage, Status.")).to_be_visible()
    expect(page.get_by_label("Status")).to_have_value("Viewing booked")
    newest = tab(page, "History").get_by_role("listitem").first
    expect(newest).to_contain_text("refresh")
    expect(newest.get_by_role("row", name="Status")).to_have_text(
        re.compile(r"Status\s*New\s*\S*\s*Viewing booked")
    )
    expect_not_reloaded(page)
    assert any("/leads/admin." in url for url in watch.static_files)


def test_bulk_refresh_and_look_up_show_their_progress_and_their_outcome(
    house: House, page: Page, mirror: Mirror
) -> None:
    leads = [
        mirror(
            first_name=name, last_name="Bulkley", email=f"{name.lower()}.bulkley@example.org", status="New"
        )
        for name in ("Ann", "Ben", "Cas")
    ]
    house.ask("rest_schedule")
    for lead in leads:
        house.box.staff_edit(lead["id"], status="Contacted")
    unseen = house.box.add_lead(
        first_name="Ann", last_name="Bulkley", email="ann.bulkley@example.org", type="let"
    )

    act_on_all(page, "Bulkley", "Refresh from Lead.pro")
    expect(page.get_by_text("Started for 3 leads.")).to_be_visible()
    mark(page)
    expect(page.get_by_text("Finished: all 3 items done.")).to_be_visible()
    expect(page.get_by_text("100 %").first).to_be_visible()
    expect_not_reloaded(page)

    page.goto("/admin/leads/lead/")
    search(page, "Bulkley")
    expect(page.get_by_role("row").filter(has_text="Bulkley").filter(has_text="Contacted")).to_have_count(3)

    act_on_all(page, "Bulkley", "Look up by contact")
    mark(page)
    expect(page.get_by_text("Finished: all 3 items done.")).to_be_visible()
    found = page.get_by_role("link", name="Ann Bulkley")
    expect(found).to_have_count(2)
    expect_not_reloaded(page)
    assert house.ask("find_lead", leadpro_id=unseen["id"]) is not None


def act_on_all(page: Page, text: str, action: str) -> None:
    page.goto("/admin/leads/lead/")
    search(page, text)
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label=action)
    page.get_by_role("button", name="Run").click()
    expect(page).to_have_url(re.compile(r"/admin/leads/run/\d+/change/"))


def test_an_import_shows_its_progress_and_can_be_paused_resumed_and_cancelled(
    house: House, page: Page, watch: Watch, tmp_path: Path
) -> None:
    ids = [house.box.add_lead(last_name=f"Imported{number}")["id"] for number in range(MANY)]
    file = tmp_path / "leads.csv"
    file.write_text("leadpro_id\n" + "".join(f"{number}\n" for number in ids))
    house.box.set_readings(latency=0.1)
    house.command("import_leads", str(file), "--background")

    page.goto("/admin/leads/run/")
    page.get_by_role("row").filter(has_text="leads.csv").get_by_role("link").first.click()
    mark(page)
    counts = page.get_by_text(re.compile(r"\d+ done.*300 in all"))
    expect(counts).to_contain_text(re.compile(r"\b([2-9]|\d\d+) done"))
    before = done_in(counts.inner_text())
    expect(counts).not_to_contain_text(re.compile(rf"\b{before} done"))
    expect_not_reloaded(page)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused. What was done is kept; resume to go on.")).to_be_visible()
    paused_at = done_in(counts.inner_text())
    page.get_by_role("button", name="Resume").click()
    mark(page)
    expect(counts).not_to_contain_text(
        re.compile(rf"\b({'|'.join(str(paused_at + n) for n in range(3))}) done")
    )
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect_not_reloaded(page)

    watch.questions.add("Cancel this run? What was done is kept.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. What was done is kept.")).to_be_visible()
    assert paused_at < done_in(counts.inner_text()) < MANY
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)


def done_in(text: str) -> int:
    found = re.search(r"(\d+) done", text)
    assert found
    return int(found[1])


HOSTILE = '<script>window.attacked = 1</script>"><img src=x onerror="window.attacked = 1">\'{{7*7}}'


def test_hostile_text_from_a_remote_is_shown_as_text_and_runs_nowhere(
    house: House, page: Page, mirror: Mirror
) -> None:
    lead = mirror(
        first_name="Hattie", last_name=HOSTILE, email="hattie@example.org", phone=HOSTILE, source=HOSTILE,
        title=HOSTILE, address=HOSTILE, message=HOSTILE, advert_url=f"javascript:window.attacked=1//{HOSTILE}",
        questionnaire=[[HOSTILE, HOSTILE]], meta={HOSTILE: HOSTILE}, utm_source=HOSTILE,
    )  # fmt: skip
    house.ask("rest_schedule")
    house.box.staff_edit(lead["id"], property_reference=HOSTILE, status="Contacted")

    page.goto("/admin/leads/lead/")
    search(page, "Hattie")
    expect(page.get_by_role("row").filter(has_text="<script>window.attacked")).to_have_count(1)
    assert page.evaluate("window.attacked") is None

    page.get_by_role("link", name="Hattie").click()
    expect(page.get_by_role("heading", name="<script>window.attacked", level=2)).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(page.get_by_text("Refreshed. Changed in Lead.pro")).to_be_visible()
    for name in ("message", "questionnaire", "title"):
        expect(page.locator(f"[data-shown={name}]")).to_contain_text('"><img src=x onerror=')
    expect(page.locator("[name=address]")).to_have_value(HOSTILE)
    for name in ("History", "Copies"):
        expect(tab(page, name)).to_contain_text("<script>window.attacked")
    assert page.locator("a[href^=javascript]").count() == 0
    assert page.evaluate("window.attacked") is None

    page.goto("/admin/")
    expect(page.get_by_text("<script>window.attacked").first).to_be_visible()
    assert page.evaluate("window.attacked") is None


def test_an_agent_of_one_office_sees_its_leads_and_no_others(
    house: House, page: Page, open_browser: Callable[[House], BrowserContext], mirror: Mirror
) -> None:
    ours = mirror(first_name="Una", last_name="Ours", office_id=42, postcode=None, phone="07700 900461")
    theirs = mirror(first_name="Theo", last_name="Theirs", office_id=1311, phone="07700 900462")
    make_agent(page, "banbury-agent", "Banbury")
    agent = open_browser(house).new_page()
    log_in(agent, "banbury-agent")

    expect(agent.get_by_role("link", name="Connections")).to_have_count(0)
    agent.goto("/admin/leads/lead/")
    expect(agent.get_by_role("link", name="Una Ours")).to_be_visible()
    offices = agent.get_by_role("row").locator("td.field-office")
    assert set(offices.all_inner_texts()) == {"Banbury"}
    search(agent, "07700 900462")
    expect(agent.get_by_text("No results found")).to_be_visible()
    open_lead(agent, ours)

    hidden = f"/admin/leads/lead/{theirs['mirror_id']}"
    agent.goto(f"{hidden}/change/")
    expect(agent.get_by_text("doesn’t exist. Perhaps it was deleted?")).to_be_visible()
    for verb, url in (("GET", "live"), ("POST", "refresh"), ("POST", "look-up")):
        answer = agent.request.fetch(f"{hidden}/{url}/", method=verb, headers=csrf(agent, house))
        assert answer.status == 404
        assert "Theirs" not in answer.text()


def csrf(page: Page, house: House) -> dict[str, str]:
    token = next(c["value"] for c in page.context.cookies() if c["name"] == "csrftoken")
    return {"X-CSRFToken": token, "Referer": f"http://127.0.0.1:{house.port}/admin/"}


def make_agent(page: Page, name: str, office: str) -> None:
    """As an administrator does: a user, then the role on the user's page."""
    page.goto("/admin/auth/user/add/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_label("Staff status").check()
    page.get_by_role("link", name="Add another Role and offices").click()
    page.get_by_role("combobox", name="Role").select_option("agent")
    page.get_by_role("checkbox", name=office).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def test_somebody_unknown_here_is_looked_up_by_phone_from_the_list(house: House, page: Page) -> None:
    house.box.add_lead(
        first_name="Lola", last_name="Lookedup", phone="07700 900491", email="lola@example.org"
    )
    page.goto("/admin/leads/lead/")
    page.get_by_role("link", name="Look up by contact").click()
    page.get_by_role("button", name="Look up", exact=True).click()
    expect(page.get_by_text("Enter an e-mail address or a phone number.")).to_be_visible()
    page.get_by_label("Phone", exact=True).fill("07700 900491")
    page.get_by_role("button", name="Look up", exact=True).click()
    expect(page).to_have_url(re.compile(r"/admin/leads/run/\d+/change/"))
    mark(page)
    expect(page.get_by_text("Lead.pro has 1 lead of this person.")).to_be_visible()
    expect_not_reloaded(page)
    page.get_by_role("link", name="Lola Lookedup").click()
    expect(page.get_by_role("heading", name="Lola Lookedup", level=2)).to_be_visible()
