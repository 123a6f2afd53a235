"""Rules out of the desk, and into `shelfwise predict`."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.conftest import Shelfwise
from tests.review.desk_maker import PATHS, label_card, labelled, make_desk, path_card, predicted

from shelfwise import Catalog
from shelfwise.demo import StoreFiles
from shelfwise.errors import RulesError
from shelfwise.review.desk import Desk
from shelfwise.review.errors import DatabaseError
from shelfwise.review.rule_source import rules_in_force
from shelfwise.review.rules import read_rule, save_rule, switch_rule
from shelfwise.review.rules_out import export_rules


@pytest.fixture
def desk(tmp_path: Path, database_url: str) -> Desk:
    """A desk with one rule in force and one switched off."""
    desk = make_desk(tmp_path, 6, database=database_url)
    with desk.database.write() as connection:
        save_rule(connection, read_rule("brand", "Brand 0", "", PATHS[3], desk.categories), "Ann")
        off = save_rule(connection, read_rule("", "", "gnome", PATHS[4], desk.categories), "Ann")
        switch_rule(connection, off, False, "Ann")
    return desk


def test_a_file_and_the_database_say_the_same(desk: Desk, tmp_path: Path, database_url: str) -> None:
    done = export_rules(desk.database, tmp_path / "rules.json")
    assert (done.in_force, done.switched_off) == (1, 1)
    from_file = rules_in_force(str(tmp_path / "rules.json"), multilabel=False)
    assert from_file == rules_in_force(database_url, multilabel=False)
    (rule,) = from_file
    assert (rule.number, rule.text.field, rule.text.target) == (1, "brand", PATHS[3])
    for multilabel in (str(tmp_path / "rules.json"), database_url):
        with pytest.raises(RulesError, match="path"):
            rules_in_force(multilabel, multilabel=True)


def test_only_json_and_only_databases_that_are_there(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"ends in \.json"):
        export_rules(desk.database, tmp_path / "rules.csv")
    with pytest.raises(DatabaseError):
        rules_in_force(str(tmp_path / "nowhere.db"), multilabel=False)


def test_label_sets(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, card=label_card(), predictions=[labelled(number) for number in range(4)])
    with desk.database.write() as connection:
        save_rule(connection, read_rule("", "", "kind", ("soft",), desk.categories), "Ann")
    export_rules(desk.database, tmp_path / "rules.json")
    (rule,) = rules_in_force(str(tmp_path / "rules.json"), multilabel=True)
    assert rule.text.target == ("soft",)


def test_the_desk_and_predict_agree_on_which_products_a_rule_has(tmp_path: Path) -> None:
    """One implementation: the rule column of the desk's products is what `Ruling.apply` marks."""
    from shelfwise.decision.ruling import Ruling

    desk = make_desk(tmp_path, 30)
    with desk.database.write() as connection:
        save_rule(connection, read_rule("brand", "brand 1", "", PATHS[0], desk.categories), "Ann")
        from sqlalchemy import select

        from shelfwise.review.schema import products

        ruled = dict(connection.execute(select(products.c.id, products.c.rule)).all())  # type: ignore[arg-type]
    rules = rules_in_force(str(tmp_path / "review.db"), multilabel=False)
    catalog = Catalog.read(str(tmp_path / "catalog.csv"), id="id")
    after = Ruling(rules, False, 0.95).apply(catalog, [predicted(number) for number in range(30)])
    assert {one.id: one.rule for one in after} == ruled
    assert set(ruled.values()) == {1, None}


def test_through_the_command_line(
    model_folder: Path, store: StoreFiles, shelfwise: Shelfwise, tmp_path: Path
) -> None:
    stored = json.loads((model_folder / "model.json").read_text(encoding="utf-8"))
    target = stored["target"]["outcomes"][0]
    catalog = Catalog.read(str(store.new_products))
    brand = next(text for text in catalog.column("brand").to_pylist() if text)
    (tmp_path / "made").mkdir()
    desk = make_desk(tmp_path / "made", 3, card=path_card(paths=[tuple(target), *PATHS]))
    with desk.database.write() as connection:
        save_rule(connection, read_rule("brand", brand, "", tuple(target), desk.categories), "Ann")
        save_rule(connection, read_rule("", "", "zeppelin", PATHS[0], desk.categories), "Ann")
    database, rules = tmp_path / "made" / "review.db", tmp_path / "rules.json"
    assert shelfwise("rules", database, "-o", rules).status == 0
    for given in (rules, database):
        out = tmp_path / "predictions.parquet"
        done = shelfwise("predict", model_folder, store.new_products, "-o", out, "--rules", given)
        assert done.status == 0, done.err
        assert "rule 2 is left out" in done.err
        rows = pq.read_table(out).to_pylist()
        mine = {
            name
            for name, text in zip(catalog.ids, catalog.column("brand").to_pylist(), strict=True)
            if text == brand
        }
        assert {row["id"] for row in rows if row["rule"] == 1} == mine
        assert f"under a rule  {len(mine)}" in " ".join(done.out.split("\n")).replace("   ", "  ")
        assert all(
            row["path"] == target and row["reason"].startswith("rule 1: ") for row in rows if row["rule"]
        )
        assert len(rows) == len(catalog)


def test_wrong_rules_are_one_line(
    model_folder: Path, store: StoreFiles, shelfwise: Shelfwise, tmp_path: Path
) -> None:
    bad = tmp_path / "rules.json"
    bad.write_text("{}")
    out = tmp_path / "p.csv"
    done = shelfwise("predict", model_folder, store.new_products, "-o", out, "--rules", bad)
    assert (done.status, "does not hold rules" in done.err, out.exists()) == (1, True, False)
