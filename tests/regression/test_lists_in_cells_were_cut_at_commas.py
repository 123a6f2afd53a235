"""Label sets that a program had written as lists, ["Bra", "Sale"], became the labels '["Bra"' and '"Sale"]', in silence."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tiny_catalog import read, tiny_rows, write

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.catalog.giveaway import find_giveaways
from shelfwise.catalog.inspect import inspect_catalog
from shelfwise.learning.task import read_task
from shelfwise.progress import Silent
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.targets import LabelTarget
from shelfwise.taxonomy.truth import Truth, read_truth

SETS = [["Bra, black", "Ladies' wear"], ['5" disk', "A|B"], [], ["Größe > M", "A;B", "Ladies' wear"]]
NOTATIONS: dict[str, Callable[[list[str]], str]] = {
    "json": json.dumps,
    "json as it is": lambda labels: json.dumps(labels, ensure_ascii=False),
    "python": str,
    "tuple": lambda labels: str(tuple(labels)) if labels else "",
    "numpy": lambda labels: str(np.array(labels, dtype=object)),
}


def truth(folder: Path, cells: list[str], known: tuple[tuple[str, ...], ...] = (), **target: object) -> Truth:
    with (folder / "c.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("id", "c"), *enumerate(cells)])
    return read_truth(Catalog.read(folder / "c.csv"), TargetRecipe(columns=["c"], **target), known)  # type: ignore[arg-type]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_labels_are_those_of_a_list_column(tmp_path: Path, notation: str) -> None:
    found = truth(tmp_path, [NOTATIONS[notation](labels) for labels in SETS] + ["", "nan"], multilabel=True)
    pq.write_table(pa.table({"id": list("abcdef"), "c": [*SETS, None, []]}), tmp_path / "c.parquet")
    column = read_truth(Catalog.read(tmp_path / "c.parquet"), TargetRecipe(columns=["c"], multilabel=True))
    assert found.values == column.values == [*map(tuple, SETS), (), ()]
    assert found.separator == column.separator == "[]"


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_list_is_a_path_from_the_root_down(tmp_path: Path, notation: str) -> None:
    paths = [["Home", "Lamps, small"], ["Home", "Pots / pans"], ["Toys"]]
    assert truth(tmp_path, [NOTATIONS[notation](path) for path in paths]).values == list(map(tuple, paths))


def test_lists_of_one_path_each_are_the_paths(tmp_path: Path) -> None:
    found = truth(tmp_path, ['["Home >> Lamps"]', '["Home >> Pots, pans"]', '["Toys"]', "[]"])
    assert found.values == [("Home", "Lamps"), ("Home", "Pots, pans"), ("Toys",), ()]
    # A model of lists of levels keeps to those.
    known = (("Home >> Lamps", "Small"), ("Toys",))
    assert truth(tmp_path, ['["Home >> Lamps"]'], known, separator="[]").values == [("Home >> Lamps",)]


def test_what_cannot_be_read_is_no_label_and_is_told(tmp_path: Path) -> None:
    cells = ['["a", "b"]', '["a", "c', '["a", ["b"]]', '["b"]', '["a"]', "plain, name"]
    found = truth(tmp_path, cells, multilabel=True)
    assert found.values == [("a", "b"), (), (), ("b",), ("a",), ("plain, name",)]
    [note] = found.notes
    assert note.startswith(
        """2 cells of 'c' seem to hold a list that cannot be read (["a", "c): taken as having none"""
    )


def test_few_lists_among_names_stay_as_they_are_and_are_told(tmp_path: Path) -> None:
    cells = ["a", "b", "c", '["a"]', "[Sale] d"]
    found = truth(tmp_path, cells, multilabel=True)
    assert found.values == [(cell,) for cell in cells]
    [note] = found.notes
    assert note.startswith("""1 cell of 'c' seems to hold a list (["a"])""")
    assert truth(tmp_path, cells, multilabel=True, separator="[]").values[3] == ("a",)


def test_an_empty_list_among_names_is_no_label(tmp_path: Path) -> None:
    assert truth(tmp_path, ["a|b", "[]", "b"], multilabel=True).values == [("a", "b"), (), ("b",)]


def test_a_person_can_have_cells_as_they_are_written(tmp_path: Path) -> None:
    found = truth(tmp_path, ["[Sale]", "['x']"], separator="")
    assert found.values == [("[Sale]",), ("['x']",)]
    assert found.notes == ()
    # A model of such names keeps them; one of a list column, or of names that need no taking apart, reads lists.
    assert truth(tmp_path, ["[Sale]"], (("[Sale]",),), separator="").values == [("[Sale]",)]
    assert truth(tmp_path, ["['x']"], (("x",),), separator="").values == [("x",)]


@pytest.mark.parametrize("learned", ["json", "python", "bars"])
def test_a_model_reads_every_notation(tmp_path: Path, learned: str) -> None:
    ways: dict[str, Callable[[list[str]], str]] = {**NOTATIONS, "bars": "|".join}
    rows = [
        {**row, "tags": ways[learned](row["tags"].split("|")), "made of": str(["wool", row["brand"]])}
        for row in tiny_rows(120)
    ]
    shop = Catalog.read(write(tmp_path / "shop.csv", rows), id="id", text="title", category="made of")
    recipe = Recipe(
        target=TargetRecipe(columns=["tags"], multilabel=True),
        inputs=[{"name": "title"}, {"name": "made of"}],
        classifiers=[{"name": "all", "inputs": ["title", "made of"], "epochs": 3}],
    )
    model = Categorizer(recipe).fit(shop)
    assert isinstance(model.target_, LabelTarget)
    assert set(model.target_.labels) == {"gift", "glass", "indoor", "soft", "steel"}
    micro, answers = set(), set()
    for notation, way in ways.items():
        listed = json.dumps if notation.startswith("json") else str
        new = [
            {**row, "tags": way(row["tags"].split("|")), "made of": listed(["wool", row["brand"]])}
            for row in tiny_rows(40, seed=1)
        ]
        catalog = Catalog.read(write(tmp_path / "new.csv", new), id="id")
        evaluation = model.evaluate(catalog)
        assert not any("does not know" in note for note in evaluation.data.notes)
        micro.add(str(evaluation.fused))
        answers.add(tuple(one.answer for one in model.predict(catalog)))
    assert len(answers) == 1
    assert len(micro) == 1


def test_inspect_tells(tmp_path: Path) -> None:
    rows = [{**row, "tags": json.dumps(row["tags"].split("|"))} for row in tiny_rows(60)]
    shop = Catalog.read(write(tmp_path / "shop.csv", rows), id="id")
    assert shop.fields["tags"].why == "lists of words"
    found = inspect_catalog(shop, target=["tags"], multilabel=True)
    assert found.target is not None
    assert found.target.categories == 5
    assert "Target tags: label sets, written as lists" in found.to_text()
    assert "60 of 60 products have labels, written as lists." in found.to_html()
    [suggested] = [one for one in inspect_catalog(shop).suggestions if one.columns == ["tags"]]
    assert suggested.multilabel
    assert "5 different ones" in suggested.why


def test_a_list_of_the_answers_gives_them_away(tmp_path: Path) -> None:
    answers = [tuple(row["category"].split(" > ")) for row in tiny_rows(80)]
    column = pa.array([str(["new", *path, str(row)]) for row, path in enumerate(answers)])
    assert set(find_giveaways({"facets": column}, answers, multilabel=False)) == {"facets"}


def test_the_recipe_remembers_lists(tmp_path: Path) -> None:
    rows = [{**row, "category": str(row["category"].split(" > "))} for row in tiny_rows(60)]
    shop = read(tmp_path / "shop.csv", rows)
    recipe = Recipe(target="category", inputs=[{"name": "title"}])
    task = read_task(recipe, shop, Silent())
    assert task.recipe.target.separator == "[]"
    assert ("Home", "Lamps") in task.target.as_paths
