"""What int8 costs in accuracy: one trained model, exported in fp32 and in int8, scored on the same products."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from _common import (
    MYNTRA_LEVELS,
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model,
    need,
    run_benchmark,
)

MIN_PRODUCTS = 30
MOST_LOST = 0.003
STUDIES: dict[str, list[str]] = {
    "myntra": ["brand", "description", "image"],
    "hm": ["title", "description", "image"],
}
COLUMNS = [
    Column("catalog, networks"),
    Column("figure"),
    Column("fused", ".4f"),
    Column("image alone", ".4f"),
    Column("changed"),
]


def measure(args: argparse.Namespace) -> Result:
    """One split and one model a catalog; int8's ranges are those of 1,000 training products."""
    result = Result(
        "Models exported in int8 beside fp32",
        "myntra grouped by title and image, hm by product_code; 75 % to train on, 25 % scored",
        COLUMNS,
    )
    for name in args.catalogs:
        _study(name, args, result)
    result.notes += [
        "figure: of myntra whole paths right, of hm micro-F1 over all labels.",
        "changed: share of the 1,000 products compared whose answer or decision is not the original's.",
    ]
    return result


def _study(name: str, args: argparse.Namespace, result: Result) -> None:
    from _data import near_duplicates, split, value_groups
    from _ours import training_options

    from shelfwise import Catalog, Categorizer, Recipe
    from shelfwise.export.run import export_model

    (folder,) = need(args.data, name)
    catalog = Catalog.read(folder)
    labels = name == "hm"
    codes = value_groups(catalog.column("product_code").to_pylist()) if labels else near_duplicates(catalog)
    parts = split(catalog, codes, args.products, args.seed)
    sets = {"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS}
    recipe = Recipe(
        target=sets if labels else MYNTRA_LEVELS,
        inputs=[{"name": one} for one in STUDIES[name]],
        preset=args.recipe,
        image_model=image_model(args),
        training=training_options(args),
    )
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        model = Path(place, "model")
        Categorizer(recipe).fit(parts.train).save(model)
        compared = parts.train.take(range(min(1_000, len(parts.train))))
        for precision in ("fp32", "int8"):
            exported = export_model(
                model, Path(place, precision), compared, precision=precision, most_changed=1.0
            )
            scores = Categorizer.load(Path(place, precision)).evaluate(parts.test).classifiers
            figures = {one: _figure(score) for one, score in scores.items()}
            found[precision] = figures["fused"]
            row: dict[str, Value] = {"catalog, networks": f"{name}, {precision}"}
            row |= {"figure": "micro-F1" if labels else "path", "changed": exported.differences.changed}
            result.rows.append(row | {"fused": figures["fused"], "image alone": figures["image"]})
    lost = found["fp32"] - found["int8"]
    result.bars.append(Bar(f"{name}: lost by int8", lost, MOST_LOST, "at most"))


def _figure(scores: object) -> float:
    from shelfwise.evaluation.results import LabelSetScores, PathScores

    if isinstance(scores, PathScores):
        return scores.whole_path
    assert isinstance(scores, LabelSetScores)
    return scores.micro_f1


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument("--recipe", default="auto", metavar="NAME", help="a preset (default auto)")
    parser.add_argument("--catalogs", nargs="+", choices=list(STUDIES), default=list(STUDIES))
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
