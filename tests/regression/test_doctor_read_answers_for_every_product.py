"""The doctor put the list of all answers together anew for every product: minutes for ten thousand products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.doctor.shops import shop_rows, write_shop

from shelfwise import Catalog, Recipe
from shelfwise.doctor.labels import all_suspects, describe_categories, describe_labels, examine_labels
from shelfwise.progress import Silent


class _Counting(list[Any]):
    """A list that counts how often something is taken from it."""

    taken = 0

    def __getitem__(self, place: Any) -> Any:
        self.taken += 1
        return super().__getitem__(place)


def test_answers_are_put_together_once(tmp_path: Path) -> None:
    catalog = Catalog.read(write_shop(tmp_path, shop_rows(120)))
    recipe = Recipe(target="category", preset="fast", training={"threads": 1})
    found = examine_labels(recipe, catalog, Silent())
    counting = _Counting(found.task.truth.values)
    object.__setattr__(found.task.truth, "values", counting)
    describe_labels(found, all_suspects(found, catalog))
    describe_categories(found)
    assert counting.taken == len(found.doubts.rows)
