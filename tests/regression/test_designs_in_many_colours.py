"""A shop of a few designs, each a category in many colours: held out whole, they taught the fusion to believe nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.tiny_catalog import Listening, accuracy

from shelfwise import Catalog, Categorizer, Recipe

DESIGNS = ["Classic Cotton Shirt", "Zip Hoodie", "Coffee Mug", "Vinyl Sticker", "Snapback Cap", "Tote Bag"]
COLOURS = ["black", "white", "red", "navy", "green"]


def rows(count: int, seed: int) -> list[dict[str, str]]:
    random = np.random.default_rng(seed)
    return [
        {
            "id": f"{seed}-{number}",
            "title": DESIGNS[number % len(DESIGNS)],
            "colour": COLOURS[random.integers(len(COLOURS))],
            "category": f"Shelf > {DESIGNS[number % len(DESIGNS)]}",
        }
        for number in range(count)
    ]


def read(file: Path, products: list[dict[str, str]]) -> Catalog:
    lines = [",".join(products[0]), *(",".join(row.values()) for row in products)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Catalog.read(file)


def test_fusion_is_left_alone_by_what_nobody_could_know(tmp_path: Path) -> None:
    listening = Listening()
    recipe = Recipe(target="category", inputs=[{"name": "title"}, {"name": "colour"}])
    model = Categorizer(recipe).fit(read(tmp_path / "train.csv", rows(120, 0)), reporter=listening)
    new = rows(60, 1)
    assert accuracy(model.predict(read(tmp_path / "new.csv", new)), new) == 1.0
    assert any("120 of 120 held-out products have answers" in line for line in listening.told)


def test_fast_does_not_hold_out_a_category_whole(tmp_path: Path) -> None:
    """It learns once: a category of which nothing is learned is never answered, not even for what it was trained on."""
    products = []
    for number in range(180):
        kind = number % 40
        title = f"design{kind} thing{kind}" if kind < 20 else f"ware{kind} model{number} piece{number}"
        products.append({"id": str(number), "title": title, "colour": "red", "category": f"Shelf > K{kind}"})
    shop = read(tmp_path / "train.csv", products)
    recipe = Recipe(target="category", preset="fast", inputs=[{"name": "title"}])
    predictions = Categorizer(recipe).fit(shop).predict(shop)
    designs = [number for number in range(180) if number % 40 < 20]
    assert accuracy([predictions[one] for one in designs], [products[one] for one in designs]) == 1.0
