from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from leads.models import Attempt, Change, Conflict, Lead, Push, Run
from tests.admin.conftest import HOSTILE
from tests.admin.pages import form_of, messages_of, page_of, text


@pytest.fixture
def push_of(account):
    def make(lead, state, kind="update", **fields):
        now = timezone.now()
        return Push.objects.create(
            lead=lead, connection=account, kind=kind, state=state, created_at=now, **{"due_at": now, **fields}
        )

    return make


def live_url(lead, **query):
    return reverse("admin:leads_lead_live", args=[lead.pk], query=query or None)


def test_the_page_is_valid_with_nothing_known(manager, account):
    now = timezone.now()
    lead = Lead.objects.create(listed_at=now, first_seen_at=now, changed_at=now)
    page = text(manager.get(page_of(lead)))
    assert "No name" in page
    assert "Only here: Lead.pro does not have this lead." in page


def test_hostile_text_stays_text_everywhere_on_the_page(manager, mirror, push_of, account):
    fields = dict.fromkeys(
        [
            "full_name",
            "first_name",
            "last_name",
            "email",
            "phone",
            "type",
            "status",
            "stage",
            "source",
            "office_name",
            "message",
            "address",
            "host",
            "valuation_status",
            "title",
            "utm_source",
        ],
        HOSTILE,
    )
    lead = mirror(
        **fields,
        meta={HOSTILE: HOSTILE},
        questionnaire=[[HOSTILE, HOSTILE]],
        unknown_key=HOSTILE,
        appointment_availability={"x": [HOSTILE]},
        comparable_props=[{"a": HOSTILE}],
    )
    push = push_of(
        lead,
        "needs_attention",
        problem=HOSTILE,
        problem_field="postcode",
        actor=HOSTILE,
        edits={"status": {"base": HOSTILE, "mine": HOSTILE}},
    )
    now = timezone.now()
    Attempt.objects.create(
        push=push, number=1, fence=1, started_at=now, ended_at=now, outcome="refused", excerpt=HOSTILE
    )
    Change.objects.create(
        at=now, lead=lead, cause="user", actor=HOSTILE, fields={"status": [HOSTILE, HOSTILE]}
    )
    Conflict.objects.create(
        lead=lead, push=push, field="status", base=HOSTILE, mine=HOSTILE, theirs=HOSTILE, opened_at=now
    )
    Lead.objects.update(warnings=[HOSTILE], pending={"status": HOSTILE}, problem=HOSTILE)
    answers = [text(manager.get(page_of(lead))), text(manager.get(page_of(push)))]
    answers += manager.get(live_url(lead)).json()["parts"].values()
    answers.append(text(manager.get("/admin/")))
    for page in answers:
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", " JaVaScRiPt:x", "//evil.example.org"]
)
def test_only_web_addresses_become_links(manager, mirror, address):
    page = text(manager.get(page_of(mirror(advert_url=address, host="https://ok.example.org/a?b=1&c=2"))))
    assert f'href="{address}"' not in page
    assert "javascript:alert" not in page.replace(">javascript:alert", "").replace(
        "&quot;javascript:alert", ""
    )
    assert 'href="https://ok.example.org/a?b=1&amp;c=2"' in page


def test_pages_hold_no_script_of_their_own(manager, mirror):
    import re

    for url in ("/admin/", page_of(mirror()), reverse("admin:leads_lead_add")):
        for attributes, body in re.findall(
            r"<script([^>]*)>(.*?)</script>", text(manager.get(url)), re.DOTALL
        ):
            assert "src=" in attributes, url
            assert not body.strip(), url


STORIES = [
    ({"state": "waiting"}, "Saved. Sending to Lead.pro…"),
    ({"state": "sending"}, "Saved. Sending to Lead.pro…"),
    ({"state": "unclear"}, "Sent, no answer yet. We are checking whether it arrived. Do not enter it again."),
    (
        {"state": "needs_attention", "problem": "Lead.pro refused: no.", "problem_field": "postcode"},
        "Postcode: Lead.pro refused: no.",
    ),
    ({"state": "done", "remote_id": "18376", "settled_at": timezone.now()}, "In Lead.pro #18376"),
    (
        {"state": "duplicate", "problem": "Twice in Lead.pro: #1 #2. Merge there."},
        "Twice in Lead.pro: #1 #2.",
    ),
]


@pytest.mark.parametrize(("facts", "words"), STORIES)
def test_the_head_tells_how_far_it_got(manager, mirror, push_of, facts, words):
    lead = mirror()
    push_of(lead, **facts)
    assert words in text(manager.get(page_of(lead)))


def test_a_busy_remote_is_named_with_the_next_try(manager, mirror, push_of):
    lead = mirror()
    push_of(lead, "waiting", due_at=timezone.now() + timedelta(minutes=5))
    page = text(manager.get(page_of(lead)))
    assert "Saved. Lead.pro is busy, next try" in page
    assert "Try now" in page


def test_a_paused_connection_is_said_on_every_page(manager, mirror, push_of, account):
    lead = mirror()
    push_of(lead, "waiting")
    account.pause("credentials", "Lead.pro refuses our key since 09:12.", timezone.now())
    for url in ("/admin/", page_of(lead), reverse("admin:leads_office_changelist")):
        page = text(manager.get(url))
        assert "Lead.pro refuses our key since 09:12. 1 lead waits here, none is lost." in page
    assert "Saved here, waiting." in text(manager.get(page_of(lead)))


def test_a_connection_without_a_key_is_said_plainly(manager, account):
    account.set_secret("")
    account.save()
    assert "Lead.pro is not connected: no API key is set." in text(manager.get("/admin/"))


def test_the_live_answer_is_empty_until_something_moves(manager, mirror):
    lead = mirror()
    first = manager.get(live_url(lead)).json()
    assert set(first["parts"]) == {"head", "tabs", "aside", "history", "copies", "pushes", "conflicts"}
    again = manager.get(live_url(lead, stamp=first["stamp"]))
    assert again.json() == {"stamp": first["stamp"], "busy": False}
    assert "no-store" in again.headers["Cache-Control"] or "no-cache" in again.headers["Cache-Control"]
    mirror(at=timezone.now(), status="Contacted")
    moved = manager.get(live_url(lead, stamp=first["stamp"])).json()
    assert moved["stamp"] != first["stamp"]
    assert (moved["inputs"]["status"], moved["base"]["status"]) == ("Contacted", "Contacted")


def test_the_live_base_is_the_base_of_the_page(manager, mirror):
    import json

    lead = mirror(meta={"a": "b"}, gdpr_checkbox=True, address="1  x\ny")
    Lead.objects.update(next_action_date=timezone.now())
    page_base = json.loads(form_of(manager.get(page_of(lead))).initial["base"])
    assert manager.get(live_url(lead)).json()["base"] == page_base


def test_a_refresh_starts_a_run_and_the_page_waits_for_it(manager, mirror, rung):
    lead = mirror()
    answer = manager.post(reverse("admin:leads_lead_refresh", args=[lead.pk]))
    run = Run.objects.get()
    assert answer.url == f"{page_of(lead)}?run={run.pk}"
    assert (run.kind, run.lane, run.actor, run.items.get().key) == (
        "refresh",
        "person",
        "admin-",
        {"lead": lead.pk},
    )
    assert rung == [("leads.continue_run", {"run_id": run.pk})]
    assert "Asking Lead.pro for this lead…" in text(manager.get(answer.url))
    assert manager.get(live_url(lead, run=run.pk)).json()["busy"]
    run.items.update(state="done", found=1)
    Run.objects.update(state="done", done=1)
    assert (
        "Nothing had changed in Lead.pro." in manager.get(live_url(lead, run=run.pk)).json()["parts"]["head"]
    )
    run.items.update(state="failed", problem="Lead.pro does not answer.")
    assert "Lead.pro does not answer." in manager.get(live_url(lead, run=run.pk)).json()["parts"]["head"]


def test_a_person_is_looked_up_by_what_the_lead_has(manager, mirror):
    by_mail, by_phone, nobody = mirror(1), mirror(2, email=None), mirror(3, email=None, phone=None)
    for lead in (by_mail, by_phone):
        manager.post(reverse("admin:leads_lead_look_up", args=[lead.pk]))
    answer = manager.post(reverse("admin:leads_lead_look_up", args=[nobody.pk]), follow=True)
    assert [run.items.get().key for run in Run.objects.order_by("id")] == [
        {"email": "ada@example.org"},
        {"phone": "07700 900123"},
    ]
    assert "There is no e-mail address" in messages_of(answer)[0]


def test_nothing_happens_on_get(manager, mirror, push_of, account):
    lead = mirror()
    push = push_of(lead, "needs_attention", edits={"status": {"base": "New", "mine": "Contacted"}})
    conflict = Conflict.objects.create(lead=lead, push=push, field="status", opened_at=timezone.now())
    run = Run.objects.create(
        kind="refresh", connection=account, created_at=timezone.now(), due_at=timezone.now()
    )
    urls = [reverse(f"admin:leads_lead_{n}", args=[lead.pk]) for n in ("refresh", "look_up")]
    urls += [reverse(f"admin:leads_push_{n}", args=[push.pk]) for n in ("retry", "discard", "found")]
    urls += [reverse(f"admin:leads_run_{n}", args=[run.pk]) for n in ("pause", "resume", "cancel")]
    urls += [
        reverse(f"admin:leads_connection_{n}", args=[account.pk])
        for n in ("test", "pause", "resume", "rotate")
    ]
    urls.append(reverse("admin:leads_conflict_resolve", args=[conflict.pk]))
    before = list(Push.objects.values()), list(Run.objects.values()), list(Conflict.objects.values())
    for url in urls:
        assert manager.get(url).status_code == 405, url
    for name in ("refresh_row", "look_up_row", "status_row"):
        assert manager.get(reverse(f"admin:leads_lead_{name}", args=[lead.pk])).status_code == 200
    assert manager.get(reverse("admin:leads_lead_look_up_contact")).status_code == 200
    assert before == (
        list(Push.objects.values()),
        list(Run.objects.values()),
        list(Conflict.objects.values()),
    )
    account.refresh_from_db()
    assert account.state == "ok"


def test_the_raw_payload_is_shown_but_not_the_token_of_a_push(manager, mirror, push_of, account):
    lead = mirror(strange_key="kept")
    push = push_of(
        lead,
        "waiting",
        kind="create",
        payload={"first_name": "Ada", "meta": {"leadmirror": "t0ken", "a": "b"}},
    )
    assert "strange_key" in text(manager.get(page_of(lead)))
    page = text(manager.get(page_of(push)))
    assert "first_name" in page
    assert "t0ken" not in page
