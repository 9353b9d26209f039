"""A manager changes leads: each change is at Lead.pro within seconds, and the page says so by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Mirror
from tests.browser.pages import (
    CONFIRMED,
    expect_not_reloaded,
    field,
    mark,
    open_lead,
    save,
    search,
    story,
    tab,
)
from tests.processes.harness import House, wait_until

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]


def test_an_edited_status_reaches_lead_pro_and_the_page_confirms_it(
    house: House, page: Page, mirror: Mirror
) -> None:
    asked = [["Budget?", "300k"]]
    lead = mirror(first_name="Edna", last_name="Edited", status="New", questionnaire=asked)
    open_lead(page, lead)
    page.get_by_label("Status").select_option("Viewing booked")
    page.get_by_label("Next action").fill("2027-01-15T10:30")
    field(page, "questionnaire").get_by_label("Question").last.fill("Chain free?")
    field(page, "questionnaire").get_by_label("Answer").last.fill("Yes")
    save(page)
    mark(page)

    expect(story(page)).to_contain_text(CONFIRMED)
    expect(story(page).get_by_role("listitem")).to_have_text(["Saved", "Sent", "Confirmed"])
    expect_not_reloaded(page)
    there = house.box.lead(lead["id"])
    assert there["status"] == "Viewing booked"
    assert there["questionnaire"] == [*asked, ["Chain free?", "Yes"]]
    assert house.box.next_action(lead["id"]) == "2027-01-15T10:30:00.000Z"
    assert len(house.box.log("PATCH", f"/leads/{lead['id']}")) == 1

    expect(page.get_by_label("Status")).to_have_value("Viewing booked")
    expect(page.get_by_label("Next action")).to_have_value("2027-01-15T10:30")
    expect(page.locator("[data-shown=stage]")).to_have_text(there["stage"])
    newest = tab(page, "History").get_by_role("listitem").filter(has_text="by manager")
    expect(newest).to_contain_text(re.compile(r"Status\s*New\s*\S*\s*Viewing booked"))


def test_a_new_lead_gets_its_lead_pro_id_and_the_address_pair_follows_the_type(
    house: House, page: Page
) -> None:
    page.goto("/admin/leads/lead/")
    page.get_by_role("link", name="New lead").last.click()
    own, advert = field(page, "address"), field(page, "advert_address")
    page.get_by_label("Type").first.select_option("vendor")
    expect(own).to_be_visible()
    expect(advert).to_be_hidden()
    page.get_by_label("Type").first.select_option("sale")
    expect(own).to_be_hidden()
    expect(advert).to_be_visible()

    page.get_by_label("First name").fill("Nora")
    page.get_by_label("Last name").fill("New-Ünïcode O'Example")
    page.get_by_label("E-mail").fill("nora.new@example.org")
    page.get_by_label("Phone").fill("07700 900471")
    page.get_by_label("Advert address").fill("1 Test Lane")
    page.get_by_label("Advert postcode").fill("OX1 1AA")
    save(page)
    mark(page)
    expect(story(page)).to_contain_text(re.compile(rf"In Lead\.pro #\d+.*{CONFIRMED}", re.DOTALL))
    expect_not_reloaded(page)

    there = next(row for row in house.box.leads(limit=100_000) if row["email"] == "nora.new@example.org")
    expect(story(page)).to_contain_text(f"In Lead.pro #{there['id']}")
    assert (there["type"], there["last_name"], there["office_name"]) == (
        "sale", "New-Ünïcode O'Example", "Oxford",
    )  # fmt: skip
    assert len(house.box.log("POST", "/leads")) >= 1
    page.goto("/admin/leads/lead/")
    search(page, f"#{there['id']}")
    expect(page.get_by_role("row").filter(has_text="Nora New-Ünïcode O'Example")).to_have_count(1)


def test_a_double_click_and_a_way_back_make_no_second_lead(house: House, page: Page) -> None:
    page.goto("/admin/leads/lead/add/")
    page.get_by_label("Type").first.select_option("sale")
    values = {"First name": "Dora", "Last name": "Doubled", "E-mail": "dora@example.org"}
    values |= {"Phone": "07700 900473", "Advert address": "3 Test Lane", "Advert postcode": "OX1 1AA"}
    for label, value in values.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="and send").dblclick()
    expect(story(page)).to_contain_text(CONFIRMED)
    made = page.url
    page.go_back()
    page.get_by_label("Type").first.select_option("sale")
    for label, value in values.items():
        page.get_by_label(label).fill(value)
    save(page)
    expect(page.get_by_text("This form was already saved: this is its lead.")).to_be_visible()
    assert page.url == made
    rows = [row for row in house.box.leads(limit=100_000) if row["email"] == "dora@example.org"]
    assert len(rows) == 1


def test_an_instant_valuation_shows_its_six_figures(house: House, page: Page) -> None:
    page.goto("/admin/leads/lead/valuation/")
    expect(page.get_by_label("Type").first.get_by_role("option")).to_have_text(["—", "vendor", "landlord"])
    page.get_by_label("Type").first.select_option("vendor")
    page.get_by_label("First name").fill("Vera")
    page.get_by_label("Last name").fill("Valued")
    page.get_by_label("E-mail").fill("vera.valued@example.org")
    page.get_by_label("Phone").fill("07700 900472")
    field(page, "address").get_by_role("textbox").fill("2 Test Lane")
    field(page, "postcode").get_by_role("textbox").fill("OX1 1AA")
    page.get_by_label("Bedrooms").fill("3")
    save(page)
    mark(page)
    panel = page.locator("[data-part=aside]")
    expect(panel.get_by_role("heading", name="Valuation")).to_be_visible()
    expect(story(page)).to_contain_text(CONFIRMED)
    expect_not_reloaded(page)

    there = next(row for row in house.box.leads(limit=100_000) if row["email"] == "vera.valued@example.org")
    names = [
        f"{size}_{kind}_estimation" for kind in ("sale", "rent") for size in ("minimum", "average", "maximum")
    ]
    assert all(there[name] for name in names)
    shown = panel.locator(".lm-figures div > span")
    expect(shown).to_have_text([f"£{there[name]:,}" for name in names])


def test_wrong_values_are_named_at_their_fields_and_what_was_typed_stays(
    house: House, page: Page, mirror: Mirror
) -> None:
    page.goto("/admin/leads/lead/add/")
    page.get_by_label("Type").first.select_option("sale")
    page.get_by_label("First name").fill("A" * 51)
    page.get_by_label("Last name").fill("Wrong")
    page.get_by_label("E-mail").fill("no-address")
    page.get_by_label("Advert postcode").fill("X" * 11)
    field(page, "meta").get_by_label("Name").first.fill("leadmirror")
    field(page, "meta").get_by_label("Value").first.fill("mine")
    before = len(house.box.log("POST", "/leads"))
    save(page)

    expect(error(page, "first_name")).to_contain_text("50")
    expect(error(page, "email")).to_be_visible()
    expect(error(page, "phone")).to_be_visible()
    expect(error(page, "advert_postcode")).to_contain_text("10")
    expect(error(page, "meta")).to_contain_text("leadmirror")
    expect(error(page, "last_name")).to_have_count(0)
    expect(page.get_by_label("First name")).to_have_value("A" * 51)
    expect(page.get_by_label("Last name")).to_have_value("Wrong")
    expect(page.get_by_label("E-mail")).to_have_value("no-address")
    expect(page.get_by_label("Type").first).to_have_value("sale")
    expect(field(page, "meta").get_by_label("Value").first).to_have_value("mine")
    assert len(house.box.log("POST", "/leads")) == before

    lead = mirror(first_name="Ed", last_name="Tolong")
    open_lead(page, lead)
    page.get_by_label("Last name").fill("B" * 51)
    page.get_by_label("UTM source").fill("kept")
    save(page)
    expect(error(page, "last_name")).to_contain_text("50")
    expect(page.get_by_label("Last name")).to_have_value("B" * 51)
    expect(page.get_by_label("UTM source")).to_have_value("kept")
    page.get_by_label("Last name").fill("Fitting")
    save(page)
    expect(story(page)).to_contain_text(CONFIRMED)
    wait_until(lambda: house.box.lead(lead["id"])["last_name"] == "Fitting", "Lead.pro has it")
    assert house.box.lead(lead["id"])["utm_source"] == "kept"


def error(page: Page, name: str):
    return field(page, name).get_by_role("alert")


def test_a_status_is_set_for_many_leads_at_once(house: House, page: Page, mirror: Mirror) -> None:
    leads = [mirror(first_name=name, last_name="Manyset", status="New") for name in ("Ali", "Bea")]
    mirror(first_name="Cleo", last_name="Manyset", status="Lost")
    page.goto("/admin/leads/lead/")
    search(page, "Manyset")
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(label="Set status…")
    page.get_by_role("button", name="Run").click()
    page.get_by_label("Status").select_option("Lost")
    save(page)
    expect(page.get_by_text("Saved for 2 leads. Sending to Lead.pro…")).to_be_visible()
    expect(page.get_by_text("1 lead had this status already.")).to_be_visible()
    for lead in leads:
        open_lead(page, lead)
        expect(story(page)).to_contain_text(CONFIRMED)
        assert house.box.lead(lead["id"])["status"] == "Lost"
