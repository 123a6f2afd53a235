"""What to label next, from a trained model: near-duplicates once, labelled products not at all, and a file for the desk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import Shelfwise

from shelfwise import Catalog, Categorizer
from shelfwise.demo import StoreFiles
from shelfwise.errors import CatalogError
from shelfwise.labelling.next_labels import next_labels
from shelfwise.labelling.views import view
from shelfwise.progress import Silent

TARGET = "category_path"


@pytest.fixture(scope="module")
def model(store: StoreFiles, tmp_path_factory: pytest.TempPathFactory) -> Categorizer:
    """A model of texts alone."""
    from shelfwise import Recipe

    recipe = Recipe.model_validate(
        {
            "preset": "fast",
            "target": {"columns": [TARGET]},
            "inputs": [{"name": "title"}, {"name": "brand"}],
        }
    )
    return Categorizer(recipe).fit(Catalog.read(str(store.catalog)))


def unlabelled(titles: list[str], **more: list[str | None]) -> Catalog:
    table = pa.table({"title": titles, "brand": ["Acme"] * len(titles), **more})
    return Catalog.read(_file(table))


def _file(table: pa.Table) -> str:
    import tempfile

    file = Path(tempfile.mkdtemp()) / "catalog.parquet"
    pq.write_table(table, file)
    return str(file)


TITLES = [f"{word} {thing}" for thing in ("lamp", "shirt", "pan", "doll") for word in "abcdefghij"]


def test_views_leave_out_what_cannot_be_read(model: Categorizer) -> None:
    catalog = unlabelled(["", "cotton shirt", "red lamp"], brand=[None, "Acme", "Acme"])
    found = view(model, catalog, np.arange(3), Silent())
    assert found.rows.tolist() == [1, 2]
    assert (found.lengths >= 0).all()
    sums = np.asarray(found.doubts.sum(1)).ravel()
    assert ((sums > -1) & (sums < 1e-4)).all()  # what was left out for its smallness is missing


def test_of_near_duplicates_one(model: Categorizer) -> None:
    catalog = unlabelled([*TITLES, *(title.upper() for title in TITLES)])
    chosen = next_labels(model, catalog, 20, reporter=Silent())
    assert len(chosen.rows) == 20
    titles = [str(catalog.table["title"][int(row)]).lower() for row in chosen.rows]
    assert len(set(titles)) == 20
    assert chosen.sizes.tolist() == [2] * 20
    assert chosen.alike == len(TITLES)


def test_labelled_products_and_those_like_them_are_left_out(model: Categorizer) -> None:
    labels = ["Home > Lamps" if "lamp" in title else None for title in TITLES]
    catalog = unlabelled([*TITLES, "A LAMP"], **{TARGET: [*labels, None]})
    chosen = next_labels(model, catalog, 100, decided={"11", "12"}, reporter=Silent())
    titles = {str(catalog.table["title"][int(row)]) for row in chosen.rows}
    assert not any("lamp" in title.lower() for title in titles)
    assert titles.isdisjoint({"a shirt", "b shirt"})  # ids are row numbers here
    assert chosen.labelled == 12
    assert len(titles) == 28


def test_the_same_seed_the_same_choice(model: Categorizer) -> None:
    catalog = unlabelled(TITLES)
    first, again, other = (
        next_labels(model, catalog, 8, seed=seed, reporter=Silent()).rows.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_nothing_left(model: Categorizer) -> None:
    catalog = unlabelled(["red lamp"], **{TARGET: ["Home > Lamps"]})
    with pytest.raises(CatalogError, match="is labelled"):
        next_labels(model, catalog, 5, reporter=Silent())


def test_label_sets(store: StoreFiles) -> None:
    from shelfwise import Recipe

    recipe = Recipe.model_validate(
        {"preset": "fast", "target": {"columns": ["tags"], "multilabel": True}, "inputs": [{"name": "title"}]}
    )
    model = Categorizer(recipe).fit(Catalog.read(str(store.catalog)))
    chosen = next_labels(model, unlabelled(TITLES), 10, reporter=Silent())
    assert len(set(chosen.rows.tolist())) == 10


def test_through_the_command_line(
    shelfwise: Shelfwise, model: Categorizer, store: StoreFiles, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    out = tmp_path / "next.parquet"
    done = shelfwise("next", tmp_path / "model", store.new_products, "--budget", 7, "-o", out, "--quiet")
    assert done.status == 0, done.err
    assert "to label next" in done.out
    rows = pq.read_table(out).to_pylist()
    assert len(rows) == 7
    known = set(Catalog.read(str(store.new_products)).ids)
    assert {row["id"] for row in rows} <= known
    assert all(row["decision"] in ("review", "failed") for row in rows)
    assert [row["reason"].split(",")[0] for row in rows] == [f"to label next: {n} of 7" for n in range(1, 8)]


def test_wrong_requests(shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path) -> None:
    assert shelfwise("next", tmp_path, store.new_products, "-o", tmp_path / "next.txt").status == 1
    assert (
        shelfwise("next", tmp_path, store.new_products, "-o", tmp_path / "n.csv", "--budget", 0).status == 2
    )
    missing = shelfwise("next", tmp_path / "none", store.new_products, "-o", tmp_path / "n.csv")
    assert (missing.status, "model folder" in missing.err) == (1, True)


def test_every_product_is_counted_once_also_one_whose_row_is_broken(
    model: Categorizer, tmp_path: Path
) -> None:
    rows = [f'{{"title": "{title}", "brand": "Acme"}}' for title in [*TITLES, TITLES[0].upper()]]
    file = tmp_path / "catalog.jsonl"
    file.write_text("\n".join([*rows, '{"title": "cut', '{"title": "", "brand": ""}']), encoding="utf-8")
    catalog = Catalog.read(str(file))
    assert list(catalog.row_errors) == [len(rows)]
    chosen = next_labels(model, catalog, 100, reporter=Silent())
    # The broken one was told to be a near-duplicate.
    assert (chosen.labelled, chosen.alike, chosen.unusable) == (0, 1, 2)
    assert len(chosen.rows) == len(TITLES)
