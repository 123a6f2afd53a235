"""What a picture alone tells of a product: frozen features of a backbone, or its last layers trained."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from _common import (
    CACHE_NOTE,
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
    stopwatch,
)

if TYPE_CHECKING:
    from _data import Split
    from _ours import Run

MIN_PRODUCTS = 30
LEAST_MICRO_F1 = 0.70
FLIPPED = {"augment": {"flip": True}, "variants": 1}
ENCODERS: dict[str, dict[str, Any]] = {
    "last": {"features": "last"},
    "layers": {"features": "layers"},
    "layers-160": {"features": "layers", "side": 160},
    "trained-1": {"trainable_layers": 1},
    "trained-4": {"trainable_layers": 4},
    "trained-10": {"trainable_layers": 10},
    "trained-4-mirrored": {"trainable_layers": 4, **FLIPPED},
    "trained-4-layers": {"trainable_layers": 4, "features": "layers"},
}
"""Rows of the table. The default backbone, MobileNetV2, has 3 convolutions a block and 1 behind them: 4 layers are its last
block and that one, 10 its last three blocks, which see the picture as 7 × 7 places."""
COLUMNS = [
    Column("image encoder"),
    Column("width", ",d"),
    Column("micro-F1"),
    Column("path"),
    *(Column(level) for level in MYNTRA_LEVELS),
    Column("features s", ".1f"),
    Column("train s", ".1f"),
    Column("train CPU s", ".1f"),
]


def measure(args: argparse.Namespace) -> Result:
    """One split by group, and one training for each encoder; what can be computed before is computed before."""
    from _data import near_duplicates, split, value_groups

    from shelfwise import Catalog

    (folder,) = need(args.data, args.catalog)
    catalog = Catalog.read(folder)
    if args.catalog == "hm":
        groups = value_groups(catalog.column("product_code").to_pylist())
        title, by = f"H&M, image alone: labels of at least {MIN_PRODUCTS} training products", "product_code"
    else:
        groups = near_duplicates(catalog)
        title, by = f"Myntra, image alone: {' > '.join(MYNTRA_LEVELS)}, accuracy", "title and image"
    parts = split(catalog, groups, args.products, args.seed)
    result = Result(
        title,
        f"{args.catalog}, grouped by {by}; 75 % to train on, 25 % scored",
        [column for column in COLUMNS if column.name not in _not_of(args.catalog)],
        parts.facts,
    )
    for name in args.encoders:
        result.rows.append(_row(name, parts, args))
    result.notes += [
        "features s: computing what is frozen, as far as no earlier run left it in the cache. train s: everything else, "
        "twice: once with held-out products, once on all.",
        f"At most {args.epochs} epochs of batches of 64; trained layers learn at half the classifier's rate.",
        CACHE_NOTE,
    ]
    if args.catalog == "hm":
        best = max(float(row["micro-F1"] or 0.0) for row in result.rows)
        result.bars.append(Bar("best micro-F1 of the image alone", best, LEAST_MICRO_F1))
    return result


def _not_of(catalog: str) -> set[str]:
    """The columns that another catalog's figures stand in."""
    return {"path", *MYNTRA_LEVELS} if catalog == "hm" else {"micro-F1"}


def _row(name: str, parts: Split, args: argparse.Namespace) -> dict[str, Value]:
    from _ours import run, training_options

    from shelfwise import Recipe
    from shelfwise.catalog.column import Role
    from shelfwise.encoders.registry import build_encoder

    options: dict[str, Any] = {"model": image_model(args), **ENCODERS[name]}
    with stopwatch() as features:
        for part in (parts.train, parts.test):
            build_encoder("pretrained_image", options).prepare(part.input("image", Role.IMAGE))
    classifier = {"name": "image", "inputs": ["image"], "hidden": [512], "input_dropout": 0.2}
    labels = {"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS}
    ours = run(
        Recipe(
            target=labels if args.catalog == "hm" else MYNTRA_LEVELS,
            inputs=[{"name": "image", "encoder": {"kind": "pretrained_image", **options}}],
            classifiers=[{**classifier, "epochs": args.epochs, "batch": 64}],
            training=training_options(args),
        ),
        parts.train,
        parts.test,
    )
    return {
        "image encoder": name,
        "width": ours.model.ensemble_.encoders["image"].width,
        **_figures(ours, parts),
        "features s": features.wall_s,
        "train s": ours.training.wall_s,
        "train CPU s": ours.training.cpu_s,
    }


def _figures(ours: Run, parts: Split) -> dict[str, Value]:
    from _ours import truth
    from bench_hm import OverKnown

    if ours.label_scores:
        known = OverKnown.count(truth(ours.model, parts.test), ours.labels)
        return {"micro-F1": known.micro_f1(ours.label_scores["image"])}
    scores = ours.path_scores["image"]
    return {"path": scores.whole_path, **dict(zip(MYNTRA_LEVELS, scores.level_accuracy, strict=True))}


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--catalog", choices=["hm", "myntra"], default="hm", help="what is scored (default hm)"
    )
    parser.add_argument("--epochs", type=int, default=12, metavar="N", help="longest training (default 12)")
    parser.add_argument(
        "--encoders",
        nargs="+",
        choices=list(ENCODERS),
        default=list(ENCODERS),
        metavar="NAME",
        help=f"only these rows of the table: {', '.join(ENCODERS)} (default all)",
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
