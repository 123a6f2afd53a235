"""Catalogs whose numbers decide: prices, measures and codes beside or instead of words, set beside a random forest.

A forest on one-hot values and plain numbers is what one would pick for a table. Made-up tables have a rule that is known; three
real tables come with scikit-learn (as catalogs of numbers alone); and Myntra is read by brand, price and what else is no text.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import MYNTRA_LEVELS, Bar, Column, Result, arguments, run_benchmark

if TYPE_CHECKING:
    import pyarrow as pa

    from shelfwise import Catalog

TARGET = "category"
PRESETS = ("auto", "fast")
MYNTRA_VALUES = ["brand", "price", "season", "usage", "base_colour"]
LEAST_RATIO = 0.97
COLUMNS = [
    Column("catalog"),
    Column("train", ",d"),
    Column("scored", ",d"),
    *(Column(name) for name in PRESETS),
    Column("forest"),
    *(Column(f"{name} to forest", ".3f") for name in PRESETS),
    *(Column(f"{name} s", ".1f") for name in PRESETS),
]


def measure(args: argparse.Namespace) -> Result:
    """Every table, by both presets and the forest."""
    from _ours import run, training_options, truth

    from shelfwise import Recipe

    result = Result(
        "Numbers that decide: whole paths right",
        "made-up tables, scikit-learn's wine, breast cancer and digits, Myntra grouped by title and image",
        COLUMNS,
        {},
    )
    for name, train, test, inputs in _tables(args):
        row: dict[str, Any] = {"catalog": name, "train": len(train), "scored": len(test)}
        target = MYNTRA_LEVELS if name.startswith("myntra") else [TARGET]
        for preset in PRESETS:
            recipe = Recipe(
                preset=preset,
                target=target,
                inputs=[{"name": one} for one in inputs],
                training=training_options(args),
            )
            found = run(recipe, train, test)
            right = [one.answer for one in found.predictions]
            row[preset] = _share(right, truth(found.model, test))
            row[f"{preset} s"] = found.training.wall_s
        row["forest"] = _forest(found.model, train, test, inputs, args)
        row |= {f"{preset} to forest": row[preset] / row["forest"] for preset in PRESETS}
        result.rows.append(row)
    for preset in PRESETS:
        mean = sum(row[f"{preset} to forest"] for row in result.rows) / len(result.rows)
        result.bars.append(Bar(f"{preset}: mean ratio to the forest", mean, LEAST_RATIO))
    result.notes.append(
        "forest: 300 trees on one-hot values and plain numbers, scikit-learn's defaults otherwise."
    )
    return result


def _tables(args: argparse.Namespace) -> Iterator[tuple[str, Catalog, Catalog, list[str]]]:
    """Name, products to train on, products to score, inputs."""
    for name, columns, answers, share in [*_made_up(args.seed), *_of_scikit_learn()]:
        yield name, *_divided(columns, answers, share, args.seed), list(columns)
    yield from _myntra(args)


def _made_up(seed: int) -> Iterator[tuple[str, dict[str, Any], list[str], float]]:
    import numpy as np

    random = np.random.default_rng(seed)
    price = np.round(random.uniform(0, 800, 1_200), 2)
    yield "steps of a price", {"price": price}, [f"Range {int(one // 100)}" for one in price], 1 / 3
    brand, weight = random.integers(0, 30, 3_000), random.lognormal(1, 1, 3_000)
    volts = random.choice([3.0, 5.0, 8.0, 12.0, 24.0, 48.0], 3_000)
    kinds = zip(brand, weight, volts, strict=True)
    yield (
        "brand, weight, volts",
        {"brand": [f"Brand {one}" for one in brand], "weight": weight, "volts": volts},
        [
            f"Group {one % 6} {'heavy' if heavy > 2.7 else 'light'} {high in (5, 12, 48)}"
            for one, heavy, high in kinds
        ],
        0.5,
    )
    several = random.normal(size=(3_000, 7))
    yield (
        "two of seven numbers",
        {f"number {place}": several[:, place] for place in range(7)},
        [f"{first > 0} {abs(second) > 0.67}" for first, second in several[:, :2]],
        0.5,
    )


def _of_scikit_learn() -> Iterator[tuple[str, dict[str, Any], list[str], float]]:
    from sklearn import datasets

    for name, load in (
        ("wine", datasets.load_wine),
        ("breast cancer", datasets.load_breast_cancer),
        ("digits", datasets.load_digits),
    ):
        found = load()
        columns = {
            f"number {place}": found.data[:, place].astype(float) for place in range(found.data.shape[1])
        }
        yield name, columns, [f"Kind {one}" for one in found.target], 0.5


def _divided(columns: dict[str, Any], answers: list[str], share: float, seed: int) -> tuple[Catalog, Catalog]:
    import numpy as np
    import pyarrow as pa

    order = np.random.default_rng(seed).permutation(len(answers))
    table = pa.table({"id": [f"p{row}" for row in range(len(answers))], **columns, TARGET: answers})
    first = int(share * len(answers))
    return _catalog(table.take(order[:first])), _catalog(table.take(order[first:]))


def _catalog(table: pa.Table) -> Catalog:
    import tempfile

    import pyarrow.parquet as pq

    from shelfwise import Catalog

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.parquet"
        pq.write_table(table, file)
        return Catalog.read(str(file), id="id")


def _myntra(args: argparse.Namespace) -> Iterator[tuple[str, Catalog, Catalog, list[str]]]:
    from _data import near_duplicates, split

    from shelfwise import Catalog

    folder = args.data / "myntra"
    if not folder.exists():
        return
    catalog = Catalog.read(folder)
    parts = split(catalog, near_duplicates(catalog), args.products or 8_000, args.seed)
    yield "myntra, brand and price", parts.train, parts.test, MYNTRA_VALUES[:2]
    yield "myntra, five values", parts.train, parts.test, MYNTRA_VALUES


def _forest(model: Any, train: Catalog, test: Catalog, inputs: list[str], args: argparse.Namespace) -> float:
    import numpy as np
    from _ours import truth
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.preprocessing import OneHotEncoder

    numbers = [one.name for one in model.recipe_.inputs if one.role == "number"]
    values = [name for name in inputs if name not in numbers]

    def table(catalog: Catalog, of: list[str]) -> Any:
        return np.array([catalog.column(name).to_pylist() for name in of], dtype=object).T

    def plain(catalog: Catalog) -> Any:
        return (
            np.nan_to_num(table(catalog, numbers).astype(float)) if numbers else np.zeros((len(catalog), 0))
        )

    coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [plain(train)], [plain(test)]
    if values:
        cells = [
            [["" if cell is None else str(cell) for cell in row] for row in table(one, values)]
            for one in (train, test)
        ]
        parts[0].append(coded.fit_transform(cells[0]))
        parts[1].append(coded.transform(cells[1]))
    answers = [" > ".join(path) for path in truth(model, train)]
    forest = RandomForestClassifier(300, n_jobs=args.threads, random_state=args.seed)
    forest.fit(np.hstack(parts[0]), answers)
    found = [tuple(answer.split(" > ")) for answer in forest.predict(np.hstack(parts[1]))]
    return _share(found, truth(model, test))


def _share(found: list[tuple[str, ...]], wanted: list[tuple[str, ...]]) -> float:
    return sum(one == other for one, other in zip(found, wanted, strict=True)) / len(wanted)


if __name__ == "__main__":
    run_benchmark(arguments(__file__, __doc__), measure)
