"""Choosing what to label next: accuracy by labels, with `shelfwise next` and with labels drawn at random, on Myntra.

A quarter of the products (whole groups) is kept aside and scored. Of the others nothing is labelled at first; both ways begin
with the same random labels (``--start``), train a model with ``--recipe fast``, and go on: at random, or by what `shelfwise next`
chooses with the model trained last. What is told: how many labels each way needs for the accuracy that random labels reach with
500 to 4,000.

Every model's figure is kept in ``--store``, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from _common import Bar, Column, Result, arguments, limit_threads, need, show

START = 100
RANDOM = (500, 1_000, 2_000, 3_000, 4_000)
CHOSEN = (200, 300, 450, 600, 900, 1_200, 1_800, 2_400)
INPUTS = "title,brand,description"
MOST = 0.6
TARGET = "gender,sub_category,article_type"


def main() -> None:
    """Label, train, score, choose; print the curve."""
    parser = arguments(__file__, __doc__)
    parser.add_argument("--inputs", default=INPUTS, help=f"columns to read (default {INPUTS})")
    parser.add_argument(
        "--start", type=int, default=START, help=f"random labels to begin with (default {START})"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="one curve each (default 0 1)")
    parser.add_argument(
        "--store", type=Path, metavar="FILE", help="keep figures in this JSON file, and go on from it"
    )
    args = parser.parse_args()
    limit_threads(args.threads)
    study = _Study(args)
    curves: dict[str, list[dict[int, float]]] = {"random": [], "next": []}
    began = time.perf_counter()
    for seed in args.seeds:
        for way in curves:
            curves[way].append(study.curve(way, seed))
    _show(args, study, curves, time.perf_counter() - began)


class _Study:
    """The products, split; and one figure a labelled set, remembered."""

    def __init__(self, args: argparse.Namespace) -> None:
        from _data import near_duplicates, split

        from shelfwise import Catalog, Recipe

        catalog = Catalog.read(str(need(args.data, "myntra")[0]))
        groups = near_duplicates(catalog)
        self.split = split(catalog, groups, args.products, args.seed)
        self.recipe = _recipe(Recipe, args)
        self.args = args
        self.kept: dict[str, dict[str, object]] = {}
        if args.store is not None and args.store.is_file():
            self.kept = json.loads(args.store.read_text(encoding="utf-8"))

    def curve(self, way: str, seed: int) -> dict[int, float]:
        """Labels → accuracy of the whole path on the products kept aside."""
        # In a quick form there are few products, of which near-duplicates are never chosen.
        most = len(self.split.train) // 2
        sizes = [size for size in (self.args.start, *(RANDOM if way == "random" else CHOSEN)) if size <= most]
        random = np.random.default_rng(seed)
        order = random.permutation(len(self.split.train))
        labelled: list[int] = order[: self.args.start].tolist()
        found = {}
        for place, size in enumerate(sizes):
            if way == "random":
                labelled = order[:size].tolist()
            last = place + 1 == len(sizes)
            more = 0 if last or way == "random" else sizes[place + 1] - size
            kept = self._step(way, seed, size, labelled, more)
            found[size] = float(kept["accuracy"])  # type: ignore[arg-type]
            labelled = labelled + list(kept["next"])  # type: ignore[call-overload]
            print(f"{way} (seed {seed}): {size:,} labels, {found[size]:.3f}", flush=True)
        return found

    def _step(self, way: str, seed: int, size: int, labelled: Sequence[int], more: int) -> dict[str, object]:
        """Train on some labels, score, and choose ``more``."""
        args = self.args
        key = f"{args.inputs} {args.products} {args.seed} {args.start} {way} {seed} {size} {more}"
        if key not in self.kept:
            self.kept[key] = self._train(labelled, more, seed)
            if args.store is not None:
                args.store.write_text(json.dumps(self.kept) + "\n", encoding="utf-8")
        return self.kept[key]

    def _train(self, labelled: Sequence[int], more: int, seed: int) -> dict[str, object]:
        from shelfwise import Categorizer
        from shelfwise.labelling.next_labels import next_labels
        from shelfwise.progress import Silent
        from shelfwise.taxonomy.truth import read_truth

        train, test = self.split.train, self.split.test
        model = Categorizer(self.recipe).fit(train.take(np.sort(np.array(labelled))))
        truth = read_truth(test, model.recipe_.target, model.target_.as_paths).values
        predicted = model.predict(test)
        right = np.mean([one.answer == true for one, true in zip(predicted, truth, strict=True)])
        chosen: list[int] = []
        if more:
            # The answers are hidden from the choice by their ids: the catalog has them all.
            unlabelled = _without_answers(train)
            ids = {train.ids[row] for row in labelled}
            found = next_labels(model, unlabelled, more, seed=seed, decided=ids, reporter=Silent())
            chosen = [int(row) for row in found.rows]
        return {"accuracy": float(right), "next": chosen}


def _recipe(Recipe, args: argparse.Namespace):  # type: ignore[no-untyped-def]
    return Recipe(
        target={"columns": TARGET.split(",")},
        preset="fast",
        inputs=[{"name": name} for name in args.inputs.split(",")],
        training={"seed": args.seed, "threads": args.threads},
    )


def _without_answers(catalog):  # type: ignore[no-untyped-def]
    from shelfwise import Catalog

    # Without pictures too: nothing here reads them, and looking for equal ones takes longer than choosing.
    dropped = {*TARGET.split(","), "image"}
    kept = [name for name in catalog.table.column_names if name not in dropped]
    return Catalog(catalog.table.select(kept), catalog.ids, {name: catalog.fields[name] for name in kept})


def labels_needed(curve: dict[int, float], accuracy: float) -> float:
    """Labels at which a curve first reaches an accuracy, between two points by a straight line; NaN where it never does."""
    sizes = sorted(curve)
    if curve[sizes[0]] >= accuracy:
        return float(sizes[0])
    for low, high in pairwise(sizes):
        if curve[high] >= accuracy:
            share = (accuracy - curve[low]) / (curve[high] - curve[low])
            return low + max(0.0, share) * (high - low)
    return float("nan")


def _mean(curves: Sequence[dict[int, float]]) -> dict[int, float]:
    return {size: float(np.mean([curve[size] for curve in curves])) for size in curves[0]}


def _show(
    args: argparse.Namespace, study: _Study, curves: dict[str, list[dict[int, float]]], took_s: float
) -> None:
    by_chance, chosen = _mean(curves["random"]), _mean(curves["next"])
    rows: list[dict[str, str | float | int | None]] = []
    worst = 0.0
    for size in (size for size in sorted(by_chance) if size in RANDOM):
        needed = labels_needed(chosen, by_chance[size])
        rows.append(
            {
                "random labels": size,
                "accuracy": by_chance[size],
                "labels with next": None if needed != needed else round(needed),
                "share": None if needed != needed else needed / size,
            }
        )
        worst = max(worst, needed / size) if needed == needed else float("nan")
    curve = ", ".join(f"{size:,} labels {value:.3f}" for size, value in sorted(chosen.items()))
    result = Result(
        "What to label next",
        f"Myntra, whole path from {args.inputs.replace(',', ' + ')}, --recipe fast",
        [
            Column("random labels", ","),
            Column("accuracy"),
            Column("labels with next", ","),
            Column("share", ".2f"),
        ],
        facts={**study.split.facts, "curves": len(args.seeds)},
        rows=rows,
        bars=[
            Bar(
                "labels needed for random's accuracy, worst of all rows, as a share",
                worst,
                MOST,
                "at most",
                ".2f",
            )
        ],
        notes=[
            f"Mean of the seeds {', '.join(map(str, args.seeds))}; both begin with the same {args.start} random labels.",
            f"With next: {curve}.",
            f"{took_s:.0f} s in this run.",
        ],
    )
    show(result, args)


if __name__ == "__main__":
    main()
