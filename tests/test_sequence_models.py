"""Whole models that read texts word by word: trained, saved, loaded and asked, on made-up products and on a part of H&M."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.storage.test_model_folder import edit_arrays, edit_model
from tests.tiny_catalog import PATHS, Rows, read, text_recipe, tiny_rows

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.predictions import Prediction
from shelfwise.storage.model_folder import MODEL_FILE, WEIGHTS_FILE

QUICK = {"epochs": 20, "batch": 8, "learning_rate": 1e-2}
VECTORS = "pot 1 0 0 0 0 0 0 0\nlamp 0 1 0 0 0 0 0 0\nmodel 0 0 1 0 0 0 0 0\n"


def described(rows: Rows) -> Rows:
    """Each product with a description of 3 to 40 words, which names a thing of its category somewhere."""
    random = np.random.default_rng(5)
    for row in rows:
        words = [f"w{number}" for number in random.integers(0, 60, random.integers(2, 40))]
        words.insert(int(random.integers(len(words))), row["category"].split(" > ")[-1].lower())
        row["description"] = " ".join(words)
    return rows


def sequence_recipe(folder: Path, **changes: Any) -> Recipe:
    """A convolution over titles that start from a file of vectors, and a multitask LSTM over both texts."""
    vectors = folder / "vectors.txt"
    vectors.write_text(VECTORS, encoding="utf-8")
    cnn = {"kind": "kim_cnn", "preset": "paper", "filters": 16, "dense": 8, "word_vectors": str(vectors)}
    lstm = {"kind": "lstm", "embedding": 8, "units": 16, "bidirectional": True, "pooling": "max"}
    declared: dict[str, Any] = {
        "inputs": [
            {"name": "title", "role": "text", "encoder": cnn},
            {"name": "description", "role": "text", "encoder": lstm},
        ],
        "classifiers": [
            {"name": "convolution", "inputs": ["title"], **QUICK},
            {
                "name": "multitask",
                "inputs": ["title", "description"],
                "head": "per_level",
                "hidden": [16],
                **QUICK,
            }
            | {"optimizer": "adam", "encoder_learning_rate": 5e-3, "hide_inputs": 0.1},
        ],
        "training": {"threads": 1, "folds": 1},
    }
    return text_recipe(**(declared | changes))


@pytest.fixture(scope="module")
def rows() -> Rows:
    return described(tiny_rows())


def shop(file: Path, rows: Rows) -> Catalog:
    read(file, rows)
    return Catalog.read(file, id="id", text=["title", "description"])


@pytest.fixture(scope="module")
def folder(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model whose file of vectors is gone. Not to be changed."""
    place = tmp_path_factory.mktemp("sequences")
    model = Categorizer(sequence_recipe(place)).fit(shop(place / "shop.csv", rows))
    model.save(place / "model")
    (place / "vectors.txt").unlink()
    told = model.predict(shop(place / "shop.csv", rows))
    (place / "told.json").write_text(json.dumps([[one.answer, one.confidence] for one in told]))
    return place


def same(one: list[Prediction], other: list[Prediction]) -> bool:
    """Bit for bit."""
    return [(p.id, p.answer, p.confidence, p.alternatives) for p in one] == [
        (p.id, p.answer, p.confidence, p.alternatives) for p in other
    ]


def test_saved_and_loaded_it_is_the_same(folder: Path, rows: Rows) -> None:
    """Without the vectors' file: they are among the weights."""
    loaded = Categorizer.load(folder / "model")
    made = loaded.predict(shop(folder / "shop.csv", rows))
    told = json.loads((folder / "told.json").read_text())
    assert [[list(one.answer), one.confidence] for one in made] == told
    right = sum(" > ".join(one.answer) == row["category"] for one, row in zip(made, rows, strict=True))
    assert right / len(rows) > 0.8


def test_the_folder_holds_arrays_and_json_alone(folder: Path) -> None:
    arrays = load_file(folder / "model" / WEIGHTS_FILE)
    assert arrays["encoder/title/words"].dtype == np.int64
    words = len(arrays["encoder/title/words"])
    assert arrays["classifier/convolution/inputs.input_0.network.embedding.weight"].shape == (words + 2, 8)
    stored = json.loads((folder / "model" / MODEL_FILE).read_text())
    assert stored["encoders"]["title"]["coverage"]["found"] == 3
    assert "preset" not in stored["recipe"]["inputs"][0]["encoder"], "spelled out"


def test_in_any_company_the_same(folder: Path, rows: Rows, tmp_path: Path) -> None:
    """Bit for bit, also beside a text hundreds of words long."""
    model = Categorizer.load(folder / "model")
    straight = model.predict(shop(tmp_path / "a.csv", rows))
    order = np.random.default_rng(3).permutation(len(rows))
    permuted = model.predict(shop(tmp_path / "b.csv", [rows[place] for place in order]))
    assert same(permuted, [straight[place] for place in order])
    long = {**rows[0], "id": "long", "title": "pot " * 250, "description": "pots " * 90}
    alone = model.predict(shop(tmp_path / "c.csv", [rows[7], long]))
    assert same(alone[:1], straight[7:8])


def test_texts_that_say_nothing(folder: Path, rows: Rows, tmp_path: Path) -> None:
    """Marked absent or failed, and the others as ever."""
    model = Categorizer.load(folder / "model")
    strange = [
        {**rows[0], "title": "zzz qqq", "description": ""},
        {**rows[0], "title": "!!! ...", "description": "\U0001f642"},
        {**rows[1], "title": ""},
        {**rows[2], "title": "x" * 100_000},
    ]
    found = model.predict(shop(tmp_path / "odd.csv", [*strange, rows[3]]))
    assert [one.decision for one in found[:2]] == ["failed", "failed"]
    assert all(one.reason for one in found[:2])
    assert all(" > ".join(one.answer) in PATHS for one in found[2:])
    assert same(found[4:], model.predict(shop(tmp_path / "one.csv", [rows[3]])))


@pytest.mark.parametrize(
    "edit",
    [
        lambda stored: stored["encoders"]["title"].update(embedding=9),
        lambda stored: stored["encoders"]["title"].update(embedding=10**9),
        lambda stored: stored["encoders"]["title"].pop("coverage"),
        lambda stored: stored["recipe"]["inputs"][0]["encoder"].update(filters=17),
        lambda stored: stored["recipe"]["inputs"][0]["encoder"].update(vocabulary=1),
        lambda stored: stored["recipe"]["inputs"][1]["encoder"].update(bidirectional=False),
        lambda stored: stored["recipe"]["inputs"][1]["encoder"].update(cell="gru"),
        lambda stored: stored["recipe"]["classifiers"][1].update(optimizer="lion"),
    ],
)
def test_parts_that_do_not_fit_are_refused(folder: Path, tmp_path: Path, edit: Any) -> None:
    copy = Path(shutil.copytree(folder / "model", tmp_path / "copy"))
    edit_model(copy, edit)
    with pytest.raises(ModelFolderError):
        Categorizer.load(copy)


def test_words_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder / "model", tmp_path / "copy"))

    def turned(arrays: dict[str, np.ndarray]) -> None:
        arrays["encoder/title/words"] = arrays["encoder/title/words"][::-1].copy()

    edit_arrays(copy, turned)
    with pytest.raises(ModelFolderError, match="words"):
        Categorizer.load(copy)


def test_a_missing_file_of_vectors_is_one_clear_line(rows: Rows, tmp_path: Path) -> None:
    recipe = sequence_recipe(tmp_path)
    (tmp_path / "vectors.txt").unlink()
    with pytest.raises(RecipeError, match=r"vectors\.txt.*check the path"):
        Categorizer(recipe).fit(shop(tmp_path / "shop.csv", rows))


@pytest.mark.real_data
def test_a_part_of_hm(shared_data: Path, tmp_path: Path) -> None:
    """The papers' text classifiers on real titles and descriptions: far above chance, and the same after loading."""
    catalog = Catalog.read(shared_data / "hm")
    products = np.random.default_rng(0).permutation(len(catalog))[:1200]
    part, others = catalog.take(products[:1000]), catalog.take(products[1000:])
    recipe = Recipe(
        target={"columns": ["labels"], "multilabel": True, "min_products": 50, "label_space": "labels"},
        inputs=[
            {"name": "title", "role": "text"}
            | {"encoder": {"kind": "kim_cnn", "preset": "paper", "text": "paper_title", "embedding": 32}},
            {"name": "description", "role": "text"}
            | {"encoder": {"kind": "lstm", "text": "paper_description", "embedding": 32, "units": 32}},
        ],
        classifiers=[
            {"name": "title", "inputs": ["title"], "epochs": 15, "batch": 16, "learning_rate": 3e-3},
            {
                "name": "description",
                "inputs": ["description"],
                "epochs": 15,
                "batch": 16,
                "learning_rate": 1e-2,
            },
        ],
        training={"threads": 1, "refit": False, "folds": 1},
    )
    model = Categorizer(recipe).fit(part)
    scores = model.evaluate(others).classifiers
    assert scores["title"].micro_f1 > 0.35
    assert scores["description"].micro_f1 > 0.45
    model.save(tmp_path / "model")
    assert same(Categorizer.load(tmp_path / "model").predict(others), model.predict(others))
