"""Unknown products in whole models: noticed, alone as in company, kept in the folder, and left out where the recipe says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.catalog.column import Role
from shelfwise.catalog.fields import Field
from shelfwise.decision.novelty import UNKNOWN_REASON
from shelfwise.errors import ModelFolderError
from shelfwise.storage.model_files import CHECKSUM_FILE
from shelfwise.strangers import names_of

KINDS = {
    "lamp": ["bulb", "shade", "light", "brass", "switch", "watt", "glow", "cord"],
    "shoe": ["sole", "lace", "leather", "heel", "running", "sneaker", "toe", "strap"],
    "pan": ["steel", "handle", "cooking", "oven", "lid", "frying", "kitchen", "stove"],
    "book": ["pages", "author", "novel", "story", "cover", "reading", "chapter", "print"],
    "chair": ["seat", "wood", "leg", "back", "cushion", "armrest", "dining", "office"],
}
COMMON = ["new", "the", "with", "a", "for", "best", "quality", "in", "and", "offer"]


def catalog(products: int = 250, without: str = "", only: str = "", seed: int = 0) -> Catalog:
    """Products of few kinds, each with words of its own between common ones."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for number in range(products):
        kind = only or list(KINDS)[number % len(KINDS)]
        words = [*random.choice(KINDS[kind], 3, replace=False), *random.choice(COMMON, 3)]
        random.shuffle(words)
        path = f"{'Home' if kind in ('lamp', 'pan', 'chair') else 'Shop'} > {kind}"
        rows.append({"id": f"{seed}-{number}", "title": f"{' '.join(words)} {number}", "path": path})
    rows = [row for row in rows if not without or not row["path"].endswith(without)]
    return as_catalog(pa.Table.from_pylist(rows))


def as_catalog(table: pa.Table) -> Catalog:
    fields = {name: Field(name, Role.TEXT, "for a test") for name in table.column_names if name != "id"}
    return Catalog(table, table.column("id").to_pylist(), fields)


def recipe(**more: Any) -> Recipe:
    return Recipe(
        target="path",
        inputs=[{"name": "title", "role": "text", "encoder": {"kind": "ngrams", "words": [1, 1]}}],
        classifiers=[{"name": "title", "inputs": ["title"], "solver": "svm"}],
        training={"folds": 2, "threads": 1},
        **more,
    )


@pytest.fixture(scope="module")
def model() -> Categorizer:
    return Categorizer(recipe()).fit(catalog(without="book"))


def test_products_of_a_new_kind_are_newer_than_known_ones(model: Categorizer) -> None:
    known = model.predict(catalog(100, without="book", seed=1))
    new = model.predict(catalog(50, only="book", seed=2))
    highest = sorted(one.novelty or 0.0 for one in known)[-5]
    assert sum((one.novelty or 0.0) > highest for one in new) >= 45


def test_unknown_products_go_to_a_person_with_the_reason(model: Categorizer) -> None:
    new = model.predict(catalog(50, only="book", seed=2))
    flagged = [one for one in new if (one.novelty or 0.0) >= 0.5]
    assert len(flagged) >= 40
    assert all((one.decision, one.reason) == ("review", UNKNOWN_REASON) for one in flagged)
    assert all(one.answer for one in flagged)
    accepted = [
        one for one in model.predict(catalog(100, without="book", seed=1)) if one.decision == "accept"
    ]
    assert all((one.novelty or 0.0) < 0.5 for one in accepted)


def test_a_product_is_as_new_alone_as_in_company(model: Categorizer) -> None:
    mixed = catalog(60, seed=3)
    together = model.predict(mixed)
    assert model.predict(mixed.take(np.arange(60)[::-1]))[::-1] == together
    assert model.predict(mixed.take(np.array([17]))) == [together[17]]


def test_a_product_without_an_input_still_has_a_novelty(model: Categorizer) -> None:
    table = pa.table({"id": ["1", "2"], "title": ["brass lamp light bulb", None]})
    one, other = model.predict(as_catalog(table))
    assert one.novelty is not None
    assert (other.decision, other.novelty) == ("failed", None)


def test_the_folder_keeps_it_and_says_what_was_altered(model: Categorizer, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    new = catalog(20, seed=5)
    assert Categorizer.load(tmp_path / "model").predict(new) == model.predict(new)
    file = tmp_path / "model" / "model.json"
    stored = json.loads(file.read_text(encoding="utf-8"))
    stored["novelty"]["signals"][0]["name"] = "moon"
    file.write_text(json.dumps(stored), encoding="utf-8")
    sums = tmp_path / "model" / CHECKSUM_FILE
    import hashlib

    lines = sums.read_text(encoding="ascii").splitlines()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    lines = [f"{digest}  model.json" if line.endswith("model.json") else line for line in lines]
    sums.write_text("\n".join(lines) + "\n", encoding="ascii")
    with pytest.raises(ModelFolderError, match="novelty"):
        Categorizer.load(tmp_path / "model")


def test_products_are_kept_without_names_or_not_at_all(tmp_path: Path) -> None:
    products, new = catalog(without="book"), catalog(30, only="book", seed=2)
    nameless = Categorizer(recipe(memory={"names": False})).fit(products)
    nothing = Categorizer(recipe(memory={"products": 0})).fit(products)
    for made in (nameless, nothing):
        made.save(tmp_path / "model")
        again = Categorizer.load(tmp_path / "model")
        explained = again.explain(new)
        assert all(one.explanation is not None and one.explanation.similar == () for one in explained)
        assert sum((one.novelty or 0.0) >= 0.5 for one in explained) >= 20
        weights = (tmp_path / "model" / "weights.safetensors").read_bytes()
        assert b"0-10" not in weights


def test_share_zero_sends_nobody(model: Categorizer) -> None:
    never = Categorizer(recipe(routing={"unknown": 0.0})).fit(catalog(without="book"))
    assert not any(one.reason == UNKNOWN_REASON for one in never.predict(catalog(30, only="book", seed=2)))


@pytest.mark.parametrize("space", ["labels", "sets"])
def test_label_sets_have_a_novelty_too(space: str) -> None:
    def labelled(**more: Any) -> Catalog:
        table = catalog(**more).table
        labels = [path.as_py().split(" > ") for path in table.column("path")]
        return as_catalog(table.append_column("labels", pa.array(labels)).drop_columns(["path"]))

    asked = {"columns": ["labels"], "multilabel": True, "label_space": space}
    made = Categorizer(Recipe(**(recipe().model_dump() | {"target": asked}))).fit(labelled(without="book"))
    assert made.ensemble_.novelty is not None
    known, new = (
        made.predict(labelled(products=60, without="book", seed=1)),
        made.predict(labelled(products=30, only="book", seed=2)),
    )
    middle = float(np.median([one.novelty or 0.0 for one in known]))
    assert sum((one.novelty or 0.0) > middle for one in new) >= 25


def test_titles_come_from_the_first_text() -> None:
    table = pa.table({"id": ["1", "2", "3"], "title": ["  a  lamp " + "x" * 300, "a rug", None]})
    rows = np.array([2, 0])
    ids, titles = names_of(recipe(), as_catalog(table), rows)
    assert ids == ["3", "1"], "of the rows asked for, in their order"
    assert titles[0] == ""
    assert titles[1].startswith("a lamp xxx")
    assert len(titles[1]) <= 200
    assert names_of(recipe(), as_catalog(table.drop_columns(["title"])), rows) == (["3", "1"], ["", ""])
