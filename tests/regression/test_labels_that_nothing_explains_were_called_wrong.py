"""Labels that the inputs do not explain were called random, where every one was right.

Of 200 products of the made-up store, 189 right label sets were suspects with a mean probability of .84; of designs that stand in
copies only, a twentieth of the labels "looked drawn blindly" to judges who had never seen their categories; and `train` told that
"about 77% of the labels look random" of a catalog whose inputs decide the category together and not one by one.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Shelfwise

from shelfwise import Catalog, Recipe
from shelfwise.demo.store import generate_store
from shelfwise.doctor.checks import check_labels
from shelfwise.doctor.examination import Examined, examine
from shelfwise.doctor.findings import LabelsFound

INPUTS = [{"name": name} for name in ("title", "description", "brand")]


def doctor(shop: Path, inputs: list[dict[str, str]], **target: object) -> Examined:
    recipe = Recipe(preset="fast", target=target, inputs=inputs, training={"threads": 1})
    return examine(Catalog.read(shop), recipe)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    generate_store(folder, products=250, seed=0)
    return folder / "catalog.csv"


def test_of_few_label_sets_none_is_suspected(store: Path) -> None:
    examined = doctor(store, INPUTS, columns=["tags"], multilabel=True)
    assert examined.diagnosis.labels is not None
    assert examined.diagnosis.labels.one_by_one
    assert len(examined.suspects) <= 2
    said = examined.diagnosis.to_text()
    assert "likelier than nine in ten of other products' sets" in " ".join(said.split())


def test_that_none_is_suspected_by_those_who_know_little_is_no_praise() -> None:
    values: dict[str, Any] = {"judged": 200, "share": 0.0, "suspects": 0, "by": ["title"], "worst": []}
    [little], [much] = (
        list(check_labels(LabelsFound(**values, agreement=agreement))) for agreement in (0.3, 0.8)
    )
    assert "know too little of these labels to find what is wrong" in little.found
    assert "too little" not in much.found


def test_of_categories_of_one_design_nothing_is_judged(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shop = tmp_path / "shop.csv"
    with shop.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "title", "category"])
        for design in range(40):
            words = " ".join("".join(random.choice(list("abcdefgh"), 5)) for _ in range(4))
            out.writerows([f"{design}-{copy}", words, f"Group {design}"] for copy in range(8))
    examined = doctor(shop, [{"name": "title"}], columns=["category"])
    found = examined.diagnosis.labels
    assert found is not None
    assert (found.judged, found.too_few, found.suspects, found.share) == (0, 320, 0, 0.0)
    [check] = [one for one in examined.diagnosis.checks if one.name == "wrong labels"]
    assert check.verdict == "WARN"
    assert check.found.startswith("Cannot be told: 320 labels stand in so few groups")
    assert "320, in too few groups" in examined.diagnosis.to_text()


def test_training_says_nothing_of_random_labels_where_it_knows_nothing(
    shelfwise: Shelfwise, tmp_path: Path
) -> None:
    random, shop = np.random.default_rng(0), tmp_path / "shop.csv"
    with shop.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", *(f"flag {place}" for place in range(6)), "colour", "category"])
        for place in range(2_000):
            flags = random.random(6) < 0.5
            colour = ("red", "blue", "green")[random.integers(3)]
            kind = 2 * (flags[0] ^ flags[1]) + (flags[2] ^ flags[3])
            out.writerow([place, *("true" if flag else "false" for flag in flags), colour, f"kind {kind}"])
    inputs = ",".join([*(f"flag {place}" for place in range(6)), "colour"])
    args = ["--target", "category", "--inputs", inputs, "--recipe", "fast", "--precision", "0.95"]
    finished = shelfwise("train", shop, *args, "-o", tmp_path / "model")
    assert finished.status == 0, finished.err
    assert "random" not in finished.out
    assert "explain" not in finished.out
