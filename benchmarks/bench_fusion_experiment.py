"""The fusion experiment of Wirojwatanakul & Wangperawong 2019 on H&M: every classifier, every policy, and what leakage does."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from _common import (
    CACHE_NOTE,
    Bar,
    Column,
    Result,
    add_image_model,
    arguments,
    image_model,
    need,
    run_benchmark,
    stopwatch,
)

if TYPE_CHECKING:
    from shelfwise.experiments.fusion_study import FusionStudy

INPUTS = ["title", "description", "image"]
MIN_PRODUCTS = 30
LEAST_ALONE = {"image": 0.70, "title": 0.74, "description": 0.79}
LEAST_FUSED = 0.89
LEAST_GAIN = 0.08
MOST_COLD_S, MOST_CACHED_S = 40 * 60.0, 3 * 60.0
SAME = 0.005
"""With all images hidden the fusion must be within half a point of one that never had images."""
COLUMNS = [
    Column("method"),
    Column("micro-F1 at 0.5"),
    Column("one tuned"),
    Column("low"),
    Column("high"),
    Column("one a label"),
    Column("over best input", "+.3f"),
    Column("image hidden: half"),
    Column("all"),
]


def measure(args: argparse.Namespace) -> Result:
    """One split by product code; the experiment from nothing, then once more with everything in its store."""
    from _data import near_duplicates, share_met_before, split, value_groups

    from shelfwise.catalog.catalog import Catalog
    from shelfwise.experiments.cache import ResultStore
    from shelfwise.experiments.fusion_study import run_fusion_study
    from shelfwise.progress import Silent
    from shelfwise.recipe import Recipe
    from shelfwise.terminal import Remarks

    (folder,) = need(args.data, "hm")
    recipe = Recipe(
        preset="paper-a",
        target={"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS},
        # All stages of the backbone instead of the paper's last layer: what auto reads too.
        inputs=[
            {"name": "title"},
            {"name": "description"},
            {"name": "image", "encoder": {"kind": "pretrained_image", "features": "layers"}},
        ],
        image_model=image_model(args),
        training={"seed": args.seed, "threads": args.threads},
    )
    whole = Catalog.read(folder, group="product_code")
    parts = split(whole, value_groups(whole.column("product_code").to_pylist()), args.products, args.seed)
    with tempfile.TemporaryDirectory() as temporary:
        store = args.store or Path(temporary)
        times = []
        for reporter in (Remarks(), Silent()):
            with stopwatch() as watch:
                study = run_fusion_study(parts.train, parts.test, recipe, (), ResultStore(store), reporter)
            times.append(watch)
    result = Result(
        f"Fusion experiment on H&M: labels of at least {MIN_PRODUCTS} training products",
        "hm, grouped by product_code; 75 % to train on, 25 % scored",
        COLUMNS,
        {
            "trained on": len(study.outputs.rows),
            "scored": len(study.outputs.test_rows),
            "groups": len(set(study.data.groups.tolist())),
            "labels": len(study.names),
            "first run, wall s": round(times[0].wall_s),
            "again, wall s": round(times[1].wall_s),
        },
    )
    _rows(result, study)
    _bars(result, study)
    if args.store is None:
        result.bars.append(Bar("first run, s", times[0].wall_s, MOST_COLD_S, "at most", ".0f"))
    result.bars.append(Bar("everything in the store, s", times[1].wall_s, MOST_CACHED_S, "at most", ".0f"))
    met = share_met_before(near_duplicates(whole), parts.train_rows, parts.test_rows)
    result.notes += [
        f"{met:.1%} of the products scored share a title or an image with a training product of another product code.",
        "Leaky: policy and thresholds fitted on outputs for products that the classifiers were trained on.",
        CACHE_NOTE,
    ]
    return result


def _rows(result: Result, study: FusionStudy) -> None:
    scores = study.scores
    for place, one in enumerate(study.methods):
        tuned = scores["one"].score(place)
        hidden = one.hidden.get("image", {})
        result.rows.append(
            {
                "method": one.method.name,
                "micro-F1 at 0.5": scores["fixed"].score(place).value,
                "one tuned": tuned.value,
                "low": tuned.low,
                "high": tuned.high,
                "one a label": scores["per_label"].score(place).value,
                "over best input": scores["one"].gain(place, study.best_input).value,
                "image hidden: half": hidden.get("half"),
                "all": hidden.get("all"),
            }
        )


def _bars(result: Result, study: FusionStudy) -> None:
    """The project's bars; every figure with one tuned threshold."""
    found = {row["method"]: row for row in result.rows}

    def tuned(name: str) -> float:
        return float(found[name]["one tuned"]) if name in found else float("nan")  # type: ignore[arg-type]

    result.bars += [Bar(f"{name} alone", tuned(name), least) for name, least in LEAST_ALONE.items()]
    best = study.methods[study.chosen].method.name
    alone = study.methods[study.best_input].method.name
    result.bars += [
        Bar(f"fused ({best})", tuned(best), LEAST_FUSED),
        Bar("over the best input", tuned(best) - tuned(alone), LEAST_GAIN),
        Bar("policy network - ridge", tuned("policy network: all inputs") - tuned("ridge: all inputs"), 0.0),
        Bar("ridge - mean", tuned("ridge: all inputs") - tuned("mean: all inputs"), 0.0),
    ]
    whole = found.get("policy network: all inputs", {})
    half, gone = whole.get("image hidden: half"), whole.get("all")
    if isinstance(half, float) and isinstance(gone, float):
        without = tuned("policy network: title + description")
        result.bars += [
            Bar("image hidden from half: over text alone", half - without, 0.0),
            Bar("image hidden from all: off text alone", abs(gone - without), SAME, "at most"),
        ]


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser)
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="keep results here and go on from them (no first-run bar)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
