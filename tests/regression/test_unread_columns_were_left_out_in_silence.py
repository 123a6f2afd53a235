"""Codes, dates and empty columns were not read by `train`, and only `inspect` said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.tiny_catalog import Listening, tiny_rows, write

from shelfwise import Catalog, Recipe
from shelfwise.learning.presets import complete
from shelfwise.taxonomy.truth import read_truth


def told(catalog: Catalog, **recipe: object) -> list[str]:
    made = Recipe(target="category", **recipe)  # type: ignore[arg-type]
    listening = Listening()
    complete(made, catalog, read_truth(catalog, made.target), np.arange(len(catalog)), listening)
    return [line for line in listening.told if line.startswith("not read")]


def shop(folder: Path, extra: int = 0, prefix: bool = True) -> Catalog:
    rows = [
        {
            **row,
            "part": f"{('ABC', 'DEF', 'XY')[number % 3] if prefix else chr(65 + number % 26) * 4}-{9173 * number}",
            "added": f"2023-01-{number % 28 + 1:02d}",
            **{f"empty {place}": "" for place in range(extra)},
        }
        for number, row in enumerate(tiny_rows(100))
    ]
    return Catalog.read(write(folder / "shop.csv", rows), id="id")


def test_every_column_is_named_with_the_reason(tmp_path: Path) -> None:
    [line] = told(shop(tmp_path))
    assert (
        "'part' (codes: nearly every product has its own, but they begin in 3 ways only, which may tell something)"
        in line
    )
    assert "'added' (dates)" in line
    assert "'id'" not in line
    assert "'category'" not in line
    assert "--inputs" in line


def test_codes_that_begin_anyhow_are_codes_only(tmp_path: Path) -> None:
    [line] = told(shop(tmp_path, prefix=False))
    assert "'part' (codes: nearly every product has its own)" in line


def test_sixty_columns_do_not_drown_the_rest(tmp_path: Path) -> None:
    [line] = told(shop(tmp_path, extra=60))
    assert "'empty 10' and 49 more (empty)" in line
    assert len(line) < 800


def test_nothing_is_said_of_what_a_person_has_chosen(tmp_path: Path) -> None:
    assert told(shop(tmp_path), inputs=[{"name": "title"}]) == []
