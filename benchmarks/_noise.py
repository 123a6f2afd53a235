"""Catalogs damaged on purpose, a little or a lot: every function gives a new catalog and leaves the other as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from shelfwise import Catalog
from shelfwise.catalog.column import ImageSource, RawImage, Role, State

LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEAST_LETTERS = 4
"""Shorter words are left as they are."""


class HiddenImages:
    """Images of which some are not there any more."""

    def __init__(self, source: ImageSource, hidden: np.ndarray) -> None:
        """``hidden`` bool [N]."""
        self._source, self._hidden = source, hidden

    def __len__(self) -> int:
        return len(self._source)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        """The images of ``rows``, absent where they are hidden."""
        images = self._source.load(rows)
        return [
            RawImage(State.ABSENT) if self._hidden[row] else image
            for row, image in zip(rows, images, strict=True)
        ]

    def take(self, rows: np.ndarray) -> ImageSource:
        """The images of ``rows``, as a source of their own."""
        return HiddenImages(self._source.take(rows), self._hidden[rows])


def with_columns(
    catalog: Catalog, columns: Mapping[str, pa.Array], images: Mapping[str, ImageSource] | None = None
) -> Catalog:
    """The same products with other values in some columns, and other images."""
    table = catalog.table
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    sources = {
        name: catalog.input(name, Role.IMAGE).values
        for name, field in catalog.fields.items()
        if field.role is Role.IMAGE
    }
    return Catalog(
        table,
        catalog.ids,
        catalog.fields,
        row_errors=catalog.row_errors,
        sources=catalog.sources,
        images={**sources, **(images or {})},
    )


def some(count: int, share: float, seed: int) -> np.ndarray:
    """bool [count] with that share of it true, drawn by chance."""
    chosen = np.zeros(count, bool)
    chosen[np.random.default_rng(seed).permutation(count)[: round(share * count)]] = True
    return chosen


def wrong_answers(answers: Sequence[tuple[str, ...]], wrong: np.ndarray, seed: int) -> list[tuple[str, ...]]:
    """Another answer, drawn evenly from the different ones there are, where ``wrong`` (bool [N]) says so."""
    different = sorted(set(answers))
    number = {answer: place for place, answer in enumerate(different)}
    step = np.random.default_rng(seed).integers(1, max(len(different), 2), len(answers))
    return [
        different[(number[answer] + int(more)) % len(different)] if bad else answer
        for answer, bad, more in zip(answers, wrong, step, strict=True)
    ]


def hidden(catalog: Catalog, name: str, rows: np.ndarray) -> Catalog:
    """The column ``name`` empty where ``rows`` (bool [N]) says so."""
    if catalog.fields[name].role is Role.IMAGE:
        source = catalog.input(name, Role.IMAGE).values
        return with_columns(catalog, {}, {name: HiddenImages(source, rows)})
    column = catalog.column(name)
    values = pa.array(
        [None if gone else value for value, gone in zip(column.to_pylist(), rows, strict=True)], column.type
    )
    return with_columns(catalog, {name: values})


def swapped_images(catalog: Catalog, name: str, rows: np.ndarray, seed: int) -> Catalog:
    """Each of ``rows`` (bool [N]) has the image of another of them."""
    order = np.arange(len(catalog))
    mine = np.random.default_rng(seed).permutation(np.flatnonzero(rows))
    order[mine] = np.roll(mine, 1)
    return with_columns(catalog, {}, {name: catalog.input(name, Role.IMAGE).values.take(order)})


def with_typos(catalog: Catalog, names: Sequence[str], share: float, seed: int) -> Catalog:
    """That share of the words of at least four letters with a letter lost, doubled, changed or changed places with the next."""
    random = np.random.default_rng(seed)
    return _texts(
        catalog,
        names,
        lambda text: " ".join(
            mistyped(word, random) if len(word) >= LEAST_LETTERS and random.random() < share else word
            for word in text.split()
        ),
    )


def cut_off(catalog: Catalog, names: Sequence[str], words: int) -> Catalog:
    """Only the first words of each text."""
    return _texts(catalog, names, lambda text: " ".join(text.split()[:words]))


def mistyped(word: str, random: np.random.Generator) -> str:
    """The word with one of four slips in it."""
    place = int(random.integers(len(word) - 1))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    slip = random.integers(4)
    if slip == 0:
        return before + after
    if slip == 1:
        return before + letter + letter + after
    if slip == 2:
        return before + LETTERS[random.integers(len(LETTERS))] + after
    return before + after[0] + letter + after[1:]


def _texts(catalog: Catalog, names: Sequence[str], change: object) -> Catalog:
    assert callable(change)
    columns = {}
    for name in names:
        values = [change(text) if text else text for text in catalog.column(name).to_pylist()]
        columns[name] = pa.array(values, catalog.column(name).type)
    return with_columns(catalog, columns)
