"""Variants in colour and size are found, and products that merely resemble each other are not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from shelfwise.catalog import Catalog
from shelfwise.catalog.near_duplicates import near_duplicate_texts, numbered
from shelfwise.catalog.variant_words import is_variant_column, without_variants, words_of_values

TEXT = "A sturdy everyday backpack of recycled canvas with a padded laptop sleeve and two side pockets, made to last for years"


def read(folder: Path, rows: list[dict[str, str]]) -> Catalog:
    file = folder / "shop.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Catalog.read(file, id="id", text=["title", "description"], category=["brand"])


def product(number: int, title: str, description: str = TEXT, brand: str = "Acme") -> dict[str, str]:
    return {"id": str(number), "title": title, "description": description, "brand": brand}


def together(folder: Path, *rows: dict[str, str]) -> list[int]:
    """Codes of the products, after a filler that is like none of them."""
    filler = [
        product(900 + n, f"Lamp model {n}x{n * 7}", f"Light number {n} for the room {n * 13}")
        for n in range(5)
    ]
    return near_duplicate_texts(read(folder, [*rows, *filler])).tolist()[: len(rows)]


def test_colours_and_sizes_do_not_count(tmp_path: Path) -> None:
    codes = together(
        tmp_path,
        product(1, "Trail Backpack Navy Blue"),
        product(2, "Trail backpack, red"),
        product(3, "Trail Backpack 20 L", TEXT.replace("canvas", "navy canvas")),
    )
    assert codes[0] >= 0
    assert len(set(codes)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (product(1, "Trail Backpack Pro 12"), product(2, "Trail Backpack Pro 13")),
        (product(1, "Trail Backpack"), product(2, "Trail Backpack", brand="Other")),
        (product(1, "Trail Backpack"), product(2, "City Handbag")),
        (
            product(1, "Trail Backpack"),
            product(2, "Trail Backpack", "Something else is written here, of other words only"),
        ),
    ],
    ids=["model number", "brand", "title", "description"],
)
def test_other_products_stay_apart(tmp_path: Path, first: dict[str, str], second: dict[str, str]) -> None:
    assert together(tmp_path, first, second) == [-1, -1]


def test_a_touched_up_description_is_still_the_same(tmp_path: Path) -> None:
    codes = together(
        tmp_path, product(1, "Trail Backpack"), product(2, "Trail Backpack", TEXT.replace("sturdy", "robust"))
    )
    assert codes[0] == codes[1] >= 0


def test_short_or_missing_texts_say_nothing(tmp_path: Path) -> None:
    assert (
        together(
            tmp_path, product(1, "Bag", ""), product(2, "Bag", ""), product(3, "", ""), product(4, "", "")
        )
        == [-1] * 4
    )


def test_order_does_not_matter(tmp_path: Path) -> None:
    rows = [
        product(n, f"Trail Backpack {colour}") for n, colour in enumerate(("red", "blue", "navy", "green"))
    ]
    rows += [product(10 + n, f"Thing {n}{n} of kind {n}") for n in range(6)]
    codes = near_duplicate_texts(read(tmp_path, rows))
    order = np.random.default_rng(0).permutation(len(rows))
    moved = near_duplicate_texts(read(tmp_path, [rows[row] for row in order]))
    same = codes[order][:, None] == codes[order][None]
    both = (codes[order] >= 0)[:, None] & (codes[order] >= 0)[None]
    np.testing.assert_array_equal(same & both, (moved[:, None] == moved[None]) & (moved >= 0)[:, None])


def test_no_title_no_groups(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("id,price\n1,2.5\n2,3.5\n", encoding="utf-8")
    assert near_duplicate_texts(Catalog.read(file, number=["price"])).tolist() == [-1, -1]


def test_pairs_become_groups() -> None:
    assert numbered(np.array([[0, 2], [2, 4], [1, 5]]), 7).tolist() == [0, 1, 0, -1, 0, 1, -1]
    assert numbered(np.empty((0, 2), np.int64), 2).tolist() == [-1, -1]


def test_variant_words() -> None:
    assert without_variants("Hemd, Größe 42, dunkelblau") == ["hemd"]
    assert without_variants("Galaxy S21 128 GB schwarz") == ["galaxy", "s21"]
    assert without_variants("Sofa anthracite", frozenset({"anthracite"})) == ["sofa"]
    assert words_of_values(["Off White", None, "a long text of five words"]) == {"off", "white"}
    assert is_variant_column("Base Colours")
    assert not is_variant_column("sizeable_brand")
