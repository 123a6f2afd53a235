"""A model that gave sets of categories and was fitted anew went on giving them by the rule of the categories it had before."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Categorizer


def test_a_new_training_gives_no_sets_by_the_old_rule(tmp_path: Path) -> None:
    shop = read(tmp_path / "shop.csv", tiny_rows(160))
    toys = [row for row in tiny_rows(160, seed=2) if row["category"].startswith("Toys")]
    model = Categorizer(title_recipe()).fit(shop).with_sets(0.8)
    assert model.predict(shop)[0].set is not None
    again = model.fit(read(tmp_path / "toys.csv", toys))
    assert [one.set for one in again.predict(shop)] == [None] * len(shop)
