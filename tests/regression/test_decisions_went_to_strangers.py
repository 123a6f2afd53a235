"""Decisions on a catalog without ids were laid on whatever product had the same row number in another one, and `next` wrote
selections of products that an id does not tell apart."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.tiny_catalog import read, text_recipe, tiny_rows, title_recipe

from shelfwise import Catalog, Categorizer
from shelfwise.errors import CatalogError, DecisionsError
from shelfwise.labelling.next_labels import next_labels
from shelfwise.learning.task import read_task
from shelfwise.progress import Silent
from shelfwise.taxonomy.decisions import Decision, Decisions
from shelfwise.taxonomy.whose_decisions import about

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MONDAY = ["A red lamp", "A blue lamp", "A long chair " + "with arms and cushions " * 20]
TUESDAY = ["A green pot", "A BLUE  lamp", "A short chair"]


def shop(file: Path, titles: list[str], ids: bool = False) -> Catalog:
    head = "sku,title,category" if ids else "title,category"
    lines = [f"{'p' + str(n) + ',' if ids else ''}{title},Home > Old" for n, title in enumerate(titles)]
    file.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return Catalog.read(str(file), id="sku") if ids else Catalog.read(str(file))


def decided(catalog: Catalog, titles: list[str]) -> Decisions:
    rows = zip(catalog.ids, titles, strict=True)
    return Decisions({(name, 0): Decision(("Home", "New"), NOON, title[:300]) for name, title in rows}, False)


def test_row_numbers_alone_do_not_make_a_product(tmp_path: Path) -> None:
    monday, tuesday = shop(tmp_path / "mon.csv", MONDAY), shop(tmp_path / "tue.csv", TUESDAY)
    decisions = decided(monday, MONDAY)
    assert about(monday, decisions) == (decisions, 0)
    mine, others = about(tuesday, decisions)
    assert (list(mine.by_product), others) == ([(tuesday.ids[1], 0)], 2)
    both = Catalog.read(str(tmp_path / "tue.csv"), str(tmp_path / "mon.csv"))
    mine, others = about(both, decisions)
    assert (list(mine.by_product), others) == ([(both.ids[1], 0)], 2)


def test_with_ids_titles_may_change(tmp_path: Path) -> None:
    decisions = decided(shop(tmp_path / "mon.csv", MONDAY, ids=True), MONDAY)
    assert about(shop(tmp_path / "tue.csv", TUESDAY, ids=True), decisions) == (decisions, 0)


def test_decisions_without_titles_are_refused(tmp_path: Path) -> None:
    monday = shop(tmp_path / "mon.csv", MONDAY)
    with pytest.raises(DecisionsError, match="export them again"):
        about(monday, decided(monday, [""] * 3))


def test_training_leaves_them_out_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{key: value for key, value in row.items() if key != "id"} for row in tiny_rows(40)]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    catalog = Catalog.read(str(tmp_path / "a.csv"))
    titles = [row["title"] for row in rows]
    said: list[str] = []
    reporter = Silent()
    monkeypatch.setattr(reporter, "say", said.append)
    task = read_task(text_recipe(), catalog, reporter, decided(catalog, [*titles[:10], *["Another"] * 30]))
    known = [bool(title) and row < 10 for row, title in enumerate(titles)]
    assert [value == ("Home", "New") for value in task.truth.values] == known
    assert any(line.startswith(f"{40 - sum(known)} of the decisions are not used") for line in said)


def test_what_an_id_does_not_tell_apart_is_not_chosen(tmp_path: Path) -> None:
    model = Categorizer(title_recipe()).fit(read(tmp_path / "a.csv", tiny_rows(60)))
    rows = [{**row, "category": ""} for row in tiny_rows(40, seed=1)]
    for row in rows[10:]:
        row["id"] = "same"
    found = next_labels(model, read(tmp_path / "b.csv", rows), 20, reporter=Silent())
    assert (set(found.rows.tolist()) <= set(range(10)), found.repeated) == (True, 30)
    for row in rows:
        row["id"] = "same"
    with pytest.raises(CatalogError, match="--id"):
        next_labels(model, read(tmp_path / "c.csv", rows), 20, reporter=Silent())
