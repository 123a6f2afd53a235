"""A catalog small enough to train on in a second: titles that tell the category, brands that hint, and pictures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shelfwise import Catalog, Recipe
from shelfwise.predictions import Prediction
from shelfwise.progress import Silent

Rows = list[dict[str, str]]

PATHS = ("Home > Kitchen > Pots", "Home > Lamps", "Toys > Dolls", "Toys > Cars")
WORDS = (
    ("pot", "pan", "kettle"),
    ("lamp", "lantern", "light"),
    ("doll", "teddy", "puppet"),
    ("car", "truck", "racer"),
)
TAGS = (("steel", "indoor"), ("glass", "indoor"), ("soft", "gift"), ("steel", "gift"))
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))
LINEAR = {"epochs": 12, "batch": 16, "sparse_learning_rate": 0.3, "weight_decay": 0.0}


class Listening(Silent):
    """A reporter that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, message: str) -> None:
        self.told.append(message)


def tiny_rows(products: int = 120, seed: int = 0) -> Rows:
    """Products of four categories in turn; every ninth has no title, every seventh no brand."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(products):
        kind = number % len(PATHS)
        word = WORDS[kind][random.integers(3)]
        rows.append(
            {
                "id": f"{seed}-{number:04d}",
                "title": "" if number % 9 == 8 else f"{word} model {random.integers(10_000)} {word}s",
                "brand": "" if number % 7 == 6 else f"Brand {kind if random.random() < 0.8 else 9}",
                "price": f"{10 * kind + random.random():.2f}",
                "category": PATHS[kind],
                "tags": "|".join(TAGS[kind]),
            }
        )
    return rows


def write(file: Path, rows: Rows, columns: list[str] | None = None) -> Path:
    """The rows as CSV; the file's path."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns or list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return file


def read(file: Path, rows: Rows, columns: list[str] | None = None) -> Catalog:
    """The rows, by way of a file, as a catalog in which no role is left to guessing."""
    named = columns or list(rows[0])
    roles: dict[str, Any] = {
        "text": [name for name in ("title",) if name in named],
        "category": [name for name in ("brand",) if name in named],
        "number": [name for name in ("price",) if name in named],
        "image": [name for name in ("photo",) if name in named],
    }
    return Catalog.read(write(file, rows, columns), id="id", **roles)


def with_pictures(rows: Rows, folder: Path, side: int = 20) -> Rows:
    """The rows with a column ``photo``: a noisy square of the category's colour each; every eleventh has none."""
    random = np.random.default_rng(7)
    pictured = []
    for number, row in enumerate(rows):
        name = f"{row['id']}.png"
        if number % 11 == 10:
            pictured.append({**row, "photo": ""})
            continue
        colour = np.array(COLOURS[PATHS.index(row["category"])])
        pixels = np.clip(colour + random.normal(0, 20, (side, side, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
        pictured.append({**row, "photo": name})
    return pictured


def text_recipe(**changes: Any) -> Recipe:
    """Titles, brands and prices; a linear classifier of words and an early fusion of all."""
    declared: dict[str, Any] = {
        "target": "category",
        "inputs": [{"name": name} for name in ("title", "brand", "price")],
        "classifiers": [
            {"name": "words", "inputs": ["title", "brand"], **LINEAR},
            {"name": "early", "inputs": ["title", "brand", "price"], "hidden": [16], "embedding": 8}
            | {"epochs": 12, "batch": 16, "learning_rate": 1e-2, "hide_inputs": 0.2},
        ],
        "training": {"threads": 1},
        "routing": {"precision": 0.6},
    }
    return Recipe(**(declared | changes))


def title_recipe(**changes: Any) -> Recipe:
    """Titles and a linear classifier alone: the quickest there is."""
    classifiers = [{"name": "title", "inputs": ["title"], **LINEAR}]
    return text_recipe(**({"inputs": [{"name": "title"}], "classifiers": classifiers} | changes))


def picture_recipe(**changes: Any) -> Recipe:
    """A small network on the pictures beside the titles."""
    small = {"kind": "small_cnn", "side": 16, "width": 64, "dropout": 0.0, "augment": False}
    picture = {
        "name": "photo",
        "inputs": ["photo"],
        "hidden": [16],
        "epochs": 4,
        "batch": 16,
        "learning_rate": 3e-3,
    }
    return text_recipe(
        **{
            "inputs": [{"name": "title"}, {"name": "photo", "encoder": small}],
            "classifiers": [{"name": "title", "inputs": ["title"], **LINEAR}, picture],
        }
        | changes
    )


def assert_close(one: list[Prediction], other: list[Prediction], tolerance: float = 1e-5) -> None:
    """The same predictions, but for rounding."""
    assert len(one) == len(other)
    for mine, yours in zip(one, other, strict=True):
        assert (mine.id, mine.answer, mine.decision, mine.inputs) == (
            yours.id,
            yours.answer,
            yours.decision,
            yours.inputs,
        )
        np.testing.assert_allclose(mine.confidence, yours.confidence, atol=tolerance)
        np.testing.assert_allclose(mine.part_confidence, yours.part_confidence, atol=tolerance)
        told = [
            {other.answer: other.probability for other in prediction.alternatives}
            for prediction in (mine, yours)
        ]
        for answer in {*told[0], *told[1]}:
            np.testing.assert_allclose(told[0].get(answer, 0), told[1].get(answer, 0), atol=2 * tolerance)


def accuracy(predictions: list[Prediction], rows: Rows) -> float:
    right = [
        " > ".join(prediction.answer) == row["category"]
        for prediction, row in zip(predictions, rows, strict=True)
    ]
    return sum(right) / len(right)
