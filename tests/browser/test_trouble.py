"""What a manager sees and does when Lead.pro refuses, when a key is refused, and when both sides changed a field."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Mirror, log_in
from tests.browser.pages import CONFIRMED, expect_not_reloaded, field, mark, open_lead, save, story, tab
from tests.browser.watching import Watch
from tests.conftest import SANDBOX_KEY
from tests.processes.harness import House, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]

REFUSAL = "The status is locked by <b>head office</b>."


def test_a_refusal_is_shown_in_lead_pros_words_and_tried_again_with_one_click(
    house: House, page: Page, mirror: Mirror
) -> None:
    lead = mirror(first_name="Rita", last_name="Refused", status="New")
    path = f"/leads/{lead['id']}"
    house.box.fault("status", "PATCH", path, status=422, body={"message": REFUSAL}, times=None)
    open_lead(page, lead)
    page.get_by_label("Status").select_option("Contacted")
    save(page)
    mark(page)
    expect(story(page)).to_contain_text(REFUSAL)
    expect(page.get_by_text("needs attention").first).to_be_visible()
    expect_not_reloaded(page)
    page.goto("/admin/leads/lead/?state=needs_attention")
    expect(page.get_by_role("link", name="Rita Refused")).to_be_visible()
    page.get_by_role("link", name="Rita Refused").click()
    expect(page.get_by_label("Status")).to_have_value("Contacted")
    assert house.box.lead(lead["id"])["status"] == "New"

    house.box.clear_faults()
    page.get_by_role("button", name="Try again").click()
    mark(page)
    expect(story(page)).to_contain_text(CONFIRMED)
    expect_not_reloaded(page)
    assert house.box.lead(lead["id"])["status"] == "Contacted"


def test_a_refused_update_can_be_discarded_and_lead_pros_value_comes_back(
    house: House, page: Page, mirror: Mirror, watch: Watch
) -> None:
    lead = mirror(first_name="Dora", last_name="Discarded", status="New")
    house.box.fault(
        "status", "PATCH", f"/leads/{lead['id']}", status=422, body={"message": "No."}, times=None
    )
    open_lead(page, lead)
    page.get_by_label("Status").select_option("Contacted")
    save(page)
    watch.questions.add("Discard this change? Lead.pro's values come back.")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Status")).to_have_value("New")
    expect(page.get_by_text("in sync").first).to_be_visible()


def test_a_refused_key_is_a_banner_on_every_page_until_a_new_one_is_entered(
    bare_house: House, open_browser: Callable[[House], BrowserContext], watch: Watch
) -> None:
    house = bare_house
    page = open_browser(house).new_page()
    log_in(page)
    connect(page, house)
    lead_page = create_lead(page, "Kay", "07700 900481")
    expect(story(page)).to_contain_text(CONFIRMED)

    house.box.set_api_key("another-key")
    page.get_by_label("UTM source").fill("waits")
    save(page)
    mark(page)
    expect(story(page)).to_contain_text("Saved here, waiting.")
    expect_not_reloaded(page)
    for path in ("/admin/", "/admin/leads/lead/", lead_page, "/admin/leads/push/", "/admin/leads/run/"):
        page.goto(path)
        banner = page.get_by_role("alert").filter(has_text="Second brand")
        expect(banner).to_contain_text(re.compile("refuse", re.IGNORECASE))
        expect(banner).to_contain_text("1 lead waits here, none is lost.")

    page.get_by_role("link", name="Open the connection").last.click()
    page.get_by_label("API key").fill("another-key")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Second brand")).to_have_count(0)
    page.goto(lead_page)
    mark(page)
    expect(story(page)).to_contain_text(CONFIRMED)
    expect_not_reloaded(page)
    (there,) = house.box.leads()
    assert there["utm_source"] == "waits"
    page.goto("/admin/leads/connection/")
    page.get_by_role("link", name="Second brand").click()
    assert "another-key" not in page.content()


def connect(page: Page, house: House) -> None:
    """A connection of the admin's own: address and key typed by an administrator."""
    page.goto("/admin/")
    expect(page.get_by_role("alert")).to_contain_text("Lead.pro is not connected: no API key is set.")
    page.goto("/admin/leads/connection/add/")
    page.get_by_label("Remote").select_option("leadpro")
    page.get_by_label("Name").fill("Second brand")
    page.get_by_label("Base url").fill(house.env["LEADPRO_BASE_URL"])
    page.get_by_label("API key").fill(SANDBOX_KEY)
    page.get_by_label("Requests per minute").fill("6000")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    wait_until(lambda: all(house.ask("reference_counts")), "offices and statuses are known")


def create_lead(page: Page, first_name: str, phone: str) -> str:
    page.goto("/admin/leads/lead/add/")
    page.get_by_label("Connection").select_option("Second brand")
    page.get_by_label("Type").first.select_option("sale")
    page.get_by_label("First name").fill(first_name)
    page.get_by_label("Last name").fill("Example")
    page.get_by_label("E-mail").fill(f"{first_name.lower()}@example.org")
    page.get_by_label("Phone").fill(phone)
    page.get_by_label("Advert postcode").fill("OX1 1AA")
    save(page)
    expect(story(page)).to_be_visible()
    return page.url


def test_a_conflict_shows_before_mine_and_theirs_and_mine_is_sent_once_chosen(
    house: House, page: Page, mirror: Mirror
) -> None:
    lead = mirror(first_name="Connie", last_name="Conflict", status="New", utm_source="before")
    path = f"/leads/{lead['id']}"
    house.box.fault("drop", "*", path, times=None)
    open_lead(page, lead)
    page.get_by_label("Status").select_option("Contacted")
    page.get_by_label("UTM source").fill("unrivalled")
    save(page)
    expect(story(page)).to_contain_text(re.compile("Saved"))
    house.box.staff_edit(lead["id"], status="Offer made", utm_medium="theirs alone")
    house.box.clear_faults()

    mark(page)
    expect(story(page)).to_contain_text("Changed here and in Lead.pro: Status.", timeout=60_000)
    expect_not_reloaded(page)
    assert house.box.lead(lead["id"])["status"] == "Offer made"
    page.goto("/admin/leads/conflict/")
    row = page.get_by_role("row").filter(has_text="Connie Conflict")
    for value in ("New", "Contacted", "Offer made"):
        expect(row).to_contain_text(value)
    row.get_by_role("link", name="Connie Conflict").click()
    card = page.locator(".lm-conflict")
    expect(card).to_be_visible()
    expect(card.locator(".lm-value")).to_have_text(["New", "Contacted", "Offer made"])

    card.get_by_role("button", name="Keep mine").click()
    mark(page)
    expect(story(page)).to_contain_text(CONFIRMED)
    expect_not_reloaded(page)
    there = house.box.lead(lead["id"])
    assert (there["status"], there["utm_source"], there["utm_medium"]) == (
        "Contacted", "unrivalled", "theirs alone",
    )  # fmt: skip
    expect(page.get_by_label("Status")).to_have_value("Contacted")
    expect(field(page, "utm_medium").get_by_role("textbox")).to_have_value("theirs alone")
    expect(tab(page, "History")).to_contain_text("theirs alone")
