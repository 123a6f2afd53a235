"""A few products that end at an inner category drew every unsure one to it: machines never learned to stop there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shelfwise import Catalog, Categorizer, Recipe

WORDS = [f"{first}{second}" for first in "bdfgklmnpr" for second in ("ar", "el", "im", "ot", "us", "and")]


def write_catalog(file: Path, products: int, seed: int) -> list[str]:
    """Two departments of 20 shelves. A title has one of its shelf's three words, and three words that say nothing; one product
    in a hundred of the first department is put on no shelf."""
    random = np.random.default_rng(seed)
    lines, paths = ["id,title,category"], []
    for number in range(products):
        department, shelf = int(random.integers(2)), int(random.integers(20))
        told = (
            WORDS[20 * (shelf % 3) + int(random.integers(20))]
            if random.random() < 0.3
            else f"shelf{department}{shelf}"
        )
        title = " ".join([told, *(f"filler{random.integers(300)}" for _ in range(3)), str(number)])
        path = f"D{department} > S{shelf}"
        if department == 0 and random.random() < 0.01:
            path = "D0"
        lines.append(f"{number},{title},{path}")
        paths.append(path)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return paths


def test_unsure_products_do_not_end_there(tmp_path: Path) -> None:
    write_catalog(tmp_path / "train.csv", 800, 0)
    truth = write_catalog(tmp_path / "new.csv", 400, 1)
    recipe = Recipe(
        target="category",
        inputs=[{"name": "title", "encoder": {"kind": "ngrams"}}],
        classifiers=[{"name": "title", "inputs": ["title"], "solver": "svm"}],
        training={"folds": 1},
    )
    model = Categorizer(recipe).fit(Catalog.read(tmp_path / "train.csv"))
    found = model.predict(Catalog.read(tmp_path / "new.csv"))
    stopped = sum(one.answer == ("D0",) for one in found)
    assert sum(path == "D0" for path in truth) == 3
    assert stopped <= 30, "56 before machines learned of it"
