"""Files as agencies really have them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.utils import timezone

from integrations.sandbox import Sandbox
from leads.models import Connection, Lead, Run, RunItem
from leads.sync import bulk, importing
from leads.sync.importing import UnusableFile, read_rows, start_import


def keys(text: str, **mapping: str) -> list[dict[str, object]]:
    return [row.key for row in read_rows(text, mapping)]


def problems(text: str) -> list[tuple[int, str]]:
    return [(row.line, row.problem) for row in read_rows(text, {}) if row.problem]


@pytest.mark.parametrize("header", ["leadpro_id", "Lead ID", "LEAD-ID", "id", "Lead.pro ID", '"Lead id"'])
def test_headers_in_any_spelling(header: str) -> None:
    assert keys(f"name,{header}\nAda,17\n") == [{"leadpro_id": 17}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_usual_delimiter(delimiter: str) -> None:
    assert keys(f"email{delimiter}name\nada@example.org{delimiter}Ada\n") == [{"email": "ada@example.org"}]


def test_the_id_is_preferred_to_the_email_and_that_to_the_phone() -> None:
    text = "id,email,phone\n17,ada@example.org,07700 900123\n,ada@example.org,07700 900123\n,,07700 900123\n"
    assert keys(text) == [{"leadpro_id": 17}, {"email": "ada@example.org"}, {"phone": "07700 900123"}]


def test_names_narrow_a_look_up() -> None:
    assert keys("phone,First name,Surname\n07700 900123,Ada,Example\n") == [
        {"phone": "07700 900123", "first_name": "Ada", "last_name": "Example"}
    ]


def test_a_map_names_the_column() -> None:
    assert keys("ref,id\n5,6\n", leadpro_id="Ref") == [{"leadpro_id": 5}]


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("4.47701E+11", "power of ten"),
        ("4,47701E+11", "power of ten"),
        ("7700900123", "leading 0"),
        ("not a number", "not a phone number"),
    ],
)
def test_a_phone_that_excel_has_mangled_is_reported_not_guessed(cell: str, word: str) -> None:
    (line, problem), *rest = problems(f'phone\n"{cell}"\n')
    assert (line, rest) == (2, []) and word in problem


def test_line_numbers_are_those_of_an_editor_also_after_a_text_with_line_breaks() -> None:
    text = 'id,message\n1,"two\nlines"\n\nx,bad\n2,ok\n'
    assert problems(text) == [(5, "leadpro_id: not a whole number.")]


def test_a_line_with_too_many_cells_and_a_repeated_line_are_reported() -> None:
    assert problems("id,name\n1,Ada\n2,Ada, of Example\n1,Ada\n") == [
        (3, "The line has 3 cells, the header 2. Is a text not quoted?"),
        (4, "The same as line 2."),
    ]


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n", ",,,\n"])
def test_an_empty_file_is_said(text: str) -> None:
    with pytest.raises(UnusableFile, match="empty"):
        list(read_rows(text, {}))


def test_a_file_without_a_usable_column_names_the_columns_it_has() -> None:
    with pytest.raises(UnusableFile, match="The columns are: name, town"):
        list(read_rows("name,town\nAda,Leeds\n", {}))


def real_file(good: list[int]) -> bytes:
    """5,000 rows of which 37 are bad: a mark, semicolons, Windows-1252, phones that Excel mangled."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(["Lead ID", "Name", "Telephone"])
    bad = dict.fromkeys(range(0, 5000, 250), ("", "Zoë Beispiel", "4.47701E+11"))
    bad |= {n: (f"#{n}", "Façade", "") for n in range(7, 5000, 300)}
    ids = iter(good)
    for n in range(5000):
        writer.writerow(bad.get(n) or (next(ids), "Renée Exemple", "07700 900123"))
    assert len(bad) == 37
    return out.getvalue().encode("cp1252")


@pytest.mark.django_db(transaction=True)
def test_5000_rows_of_which_37_are_bad(sandbox: Sandbox, leadpro: Connection, tmp_path: Path) -> None:
    made = [sandbox.add_lead(email=f"p{n}@example.org", hook=False)["id"] for n in range(60)]
    made += list(range(10_000_000, 10_000_000 + 4963 - 60))
    path = tmp_path / "export.csv"
    path.write_bytes(real_file(made))
    imported = start_import(path, leadpro, actor="test", now=timezone.now())
    assert (imported.total, imported.bad_rows, imported.resumed) == (5000, 37, False)
    again = start_import(path, leadpro, actor="test", now=timezone.now())
    assert (again.run.pk, again.resumed) == (imported.run.pk, True)
    RunItem.objects.filter(run=imported.run, state="waiting", number__gt=80).update(state="done")
    run = bulk.continue_run(imported.run.pk)
    assert run.state == Run.DONE
    assert Lead.objects.count() == 60
    assert set(Lead.objects.values_list("origin", flat=True)) == {"import"}
    rows = importing.write_errors(run, path)
    with (tmp_path / "export.errors.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert rows == len(written) == run.failed
    assert written[0] == {
        "line": "2",
        "problem": "phone: Excel has turned the number into a power of ten; its digits are lost. Export it as text.",
    }


@pytest.mark.django_db(transaction=True)
def test_a_small_file_ends_with_exact_counts(sandbox: Sandbox, leadpro: Connection, tmp_path: Path) -> None:
    there = sandbox.add_lead()["id"]
    path = tmp_path / "leads.csv"
    path.write_text(f"id,email\n{there},\n,ada@example.org\n4444444,\n,nobody@example.org\nx,\n")
    run = start_import(path, leadpro, now=timezone.now()).run
    run = bulk.continue_run(run.pk)
    assert (run.state, run.total, run.done, run.failed) == ("done", 5, 2, 3)
    assert list(run.items.filter(state="failed").order_by("number").values_list("number", "problem")) == [
        (4, "Lead.pro has no lead with this id."),
        (5, "Lead.pro knows nobody by this contact."),
        (6, "leadpro_id: not a whole number."),
    ]
    assert Lead.objects.count() == 1


def test_the_newest_lead_is_fetched_first_and_people_last(
    sandbox: Sandbox, leadpro: Connection, tmp_path: Path
) -> None:
    ids = [sandbox.add_lead(email=f"p{n}@example.org")["id"] for n in range(3)]
    sandbox.add_lead(email="ada@example.org")
    path = tmp_path / "leads.csv"
    rows = [("", "ada@example.org"), (ids[1], ""), (ids[0], ""), (ids[2], "")]
    path.write_text("id,email\n" + "".join(f"{n},{email}\n" for n, email in rows))
    run = bulk.continue_run(start_import(path, leadpro, now=timezone.now()).run.pk)
    assert (run.state, run.done) == ("done", 4)
    expected = [*(f"/leads/{n}" for n in sorted(ids, reverse=True)), "/person/leads"]
    assert [entry.path for entry in sandbox.log] == expected
