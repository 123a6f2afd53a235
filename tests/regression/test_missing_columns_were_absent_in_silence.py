"""A catalog whose columns are called otherwise was judged by what was left, and nobody was told."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_catalog import Listening, read, text_recipe, tiny_rows

from shelfwise import Categorizer


def test_a_renamed_column_is_told_of_once(tmp_path: Path) -> None:
    model = Categorizer(text_recipe()).fit(read(tmp_path / "shop.csv", tiny_rows(120)))
    rows = [
        {("Title" if key == "title" else key): value for key, value in row.items()}
        for row in tiny_rows(20, seed=1)
    ]
    listening = Listening()
    model.predict(read(tmp_path / "new.csv", rows), reporter=listening)
    told = [line for line in listening.told if "does not have" in line]
    assert told == [
        "the model reads the column 'title', which the catalog does not have: it is absent in all products; did you mean 'Title'?"
    ]


def test_nothing_is_said_where_nothing_is_missing(tmp_path: Path) -> None:
    model = Categorizer(text_recipe()).fit(read(tmp_path / "shop.csv", tiny_rows(120)))
    listening = Listening()
    model.predict(read(tmp_path / "new.csv", tiny_rows(20, seed=1)), reporter=listening)
    assert not [line for line in listening.told if "does not have" in line]
