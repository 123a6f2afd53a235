"""The catalog's doctor: wrong labels found, near-duplicates planted and found, and how long it takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from _common import (
    MYNTRA_LEVELS,
    Bar,
    Column,
    Result,
    add_image_model,
    arguments,
    need,
    run_benchmark,
    stopwatch,
)

if TYPE_CHECKING:
    import numpy as np

    from shelfwise import Catalog

COLUMNS = [
    Column("what"),
    Column("products", ","),
    Column("planted", ","),
    Column("found", ","),
    Column("precision"),
    Column("recall"),
    Column("in first 10%"),
    Column("look wrong"),
    Column("seconds", ".1f"),
]
PARTS = ("labels", "variants", "speed")
NOISE = (0.05, 0.2)
SPEED_PRODUCTS = 100_000
INPUTS = {"all": [], "hard": ["brand", "description"]}


def measure(args: argparse.Namespace) -> Result:
    """The parts asked for."""
    result = Result("The doctor on damaged catalogs", "myntra, hm", COLUMNS)
    (folder,) = need(args.data, "myntra")
    if "labels" in args.parts:
        for name, inputs in INPUTS.items():
            for noise in NOISE:
                _labels(result, folder, name, inputs, noise, args)
    if "variants" in args.parts:
        _variants(result, folder, args)
        _product_codes(result, need(args.data, "hm")[0])
    if "speed" in args.parts:
        _speed(result, folder, args)
    result.notes += [
        "labels: that share of the labels was replaced by another path, drawn evenly; judged out of fold (4) by the doctor's own "
        "classifiers. found: suspects; in first 10%: share of the planted ones in the first tenth of the list; all: every "
        "input but the image; hard: brand and description.",
        "variants: products with another colour or size in title and description put beside their originals, and originals whose "
        "own near-duplicates were taken out first; precision and recall over pairs.",
        "product codes: H&M's own codes are the truth, whatever the texts say; over pairs.",
    ]
    return result


def _labels(
    result: Result, folder: Path, name: str, inputs: list[str], noise: float, args: argparse.Namespace
) -> None:
    import _noise
    import numpy as np
    import pyarrow as pa
    from _data import near_duplicates, subsample

    from shelfwise import Catalog, Recipe
    from shelfwise.doctor.labels import examine_labels
    from shelfwise.taxonomy.truth import read_truth
    from shelfwise.terminal import reporting

    catalog = Catalog.read(folder)
    catalog = catalog.take(subsample(near_duplicates(catalog), catalog.ids, args.products, args.seed))
    chosen = inputs or ["title", "brand", "description", "price", "base_colour", "season", "usage"]
    recipe = Recipe(
        preset="fast",
        target=MYNTRA_LEVELS,
        inputs=[{"name": one} for one in chosen],
        training={"threads": args.threads, "seed": args.seed},
    )
    wrong = _noise.some(len(catalog), noise, args.seed)
    answers = _noise.wrong_answers(read_truth(catalog, recipe.target).values, wrong, args.seed + 1)
    columns = zip(MYNTRA_LEVELS, zip(*answers, strict=True), strict=True)
    damaged = _noise.with_columns(catalog, {level: pa.array(values) for level, values in columns})
    with reporting(False) as reporter, stopwatch() as watch:
        doubts = examine_labels(recipe, damaged, reporter).doubts
    planted = wrong[doubts.rows]
    ranked = planted[doubts.ranked]
    first = float(ranked[: round(len(ranked) / 10)].sum() / max(planted.sum(), 1))
    result.rows.append(
        {
            "what": f"labels, {name} inputs, {noise:.0%} wrong",
            "products": len(catalog),
            "planted": int(wrong.sum()),
            "found": int(doubts.suspects.sum()),
            "precision": float(planted[doubts.suspects].mean()) if doubts.suspects.any() else None,
            "recall": float(doubts.suspects[planted].mean()),
            "in first 10%": first,
            "look wrong": doubts.share,
            "seconds": watch.wall_s,
        }
    )
    if noise == NOISE[0]:
        result.bars.append(Bar(f"labels, {name} inputs, in the first 10%", first, 0.8))
    assert np.isfinite(first)


def _variants(result: Result, folder: Path, args: argparse.Namespace) -> None:
    from _variants import planted_variants

    from shelfwise import Catalog

    catalog, truth = planted_variants(Catalog.read(folder), args.products or 6_000, args.seed)
    precision, recall = _groups(result, "colour and size variants", catalog, truth)
    result.bars += [Bar("variants: precision", precision, 0.98), Bar("variants: recall", recall, 0.95)]


def _product_codes(result: Result, folder: Path) -> None:
    from _data import value_groups

    from shelfwise import Catalog

    catalog = Catalog.read(folder)
    _groups(result, "H&M product codes", catalog, value_groups(catalog.column("product_code").to_pylist()))


def _groups(result: Result, what: str, catalog: Catalog, truth: np.ndarray) -> tuple[float, float]:
    """Precision and recall of the near-duplicates found, ``truth`` int64 [N] being their true groups."""
    import numpy as np

    from shelfwise.catalog.near_duplicates import near_duplicate_texts

    with stopwatch() as watch:
        groups = near_duplicate_texts(catalog)
    precision, recall = pair_scores(groups, truth)
    result.rows.append(
        {
            "what": what,
            "products": len(catalog),
            "planted": int((np.bincount(truth) > 1).sum()),
            "found": int(groups.max(initial=-1) + 1),
            "precision": precision,
            "recall": recall,
            "seconds": watch.wall_s,
        }
    )
    return precision, recall


def _speed(result: Result, folder: Path, args: argparse.Namespace) -> None:
    import numpy as np
    from _variants import many_products

    from shelfwise import Catalog
    from shelfwise.catalog.near_duplicates import near_duplicate_texts

    count = SPEED_PRODUCTS if args.products is None else 10 * args.products
    catalog = many_products(Catalog.read(folder), count, args.seed)
    with stopwatch() as watch:
        groups = near_duplicate_texts(catalog)
    result.rows.append(
        {
            "what": "speed: titles and descriptions",
            "products": count,
            "found": int(np.max(groups, initial=-1) + 1),
            "seconds": watch.wall_s,
        }
    )
    result.bars.append(
        Bar(
            f"near-duplicates of {count:,} products, seconds of processor time",
            watch.cpu_s,
            240.0,
            "at most",
            ".0f",
        )
    )
    result.bars.append(Bar("the same, seconds of the clock", watch.wall_s, 120.0, "at most", ".0f"))


def pair_scores(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Precision and recall over pairs of products that are put together. ``found``: -1 is in no group."""
    import numpy as np

    def pairs(codes: np.ndarray) -> int:
        count = np.unique(codes, return_counts=True)[1].astype(np.int64)
        return int((count * (count - 1) // 2).sum())

    inside = found >= 0
    both = found[inside].astype(np.int64) * (int(truth.max(initial=0)) + 1) + truth[inside]
    right = pairs(both)
    return right / max(pairs(found[inside]), 1), right / max(pairs(truth), 1)


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="(default all)")
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
