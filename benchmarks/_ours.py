"""shelfwise as a user runs it, timed: one fit, one prediction, one evaluation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from _common import Stopwatch, command, stopwatch

from shelfwise import Catalog, Categorizer, Evaluation, Prediction, Recipe
from shelfwise.evaluation.results import LabelSetScores, PathScores
from shelfwise.taxonomy.targets import LabelTarget
from shelfwise.taxonomy.truth import read_truth
from shelfwise.terminal import reporting

Path = tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A trained model and how it did on the products to score."""

    model: Categorizer
    evaluation: Evaluation
    predictions: list[Prediction]
    training: Stopwatch
    prediction: Stopwatch

    @property
    def text_columns(self) -> list[str]:
        """The inputs that are words: what a text classifier beside it may read too."""
        words = (one for one in self.model.recipe_.inputs if one.role in ("text", "category"))
        return list(dict.fromkeys(column for one in words for column in one.columns))

    @property
    def path_scores(self) -> dict[str, PathScores]:
        """Scores of paths by classifier, "fused" first; empty where label sets were predicted."""
        scores = self.evaluation.classifiers.items()
        return {name: score for name, score in scores if isinstance(score, PathScores)}

    @property
    def label_scores(self) -> dict[str, LabelSetScores]:
        """Scores of label sets by classifier, "fused" first; empty where paths were predicted."""
        scores = self.evaluation.classifiers.items()
        return {name: score for name, score in scores if isinstance(score, LabelSetScores)}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that were learned; empty where paths were."""
        target = self.model.target_
        return target.labels if isinstance(target, LabelTarget) else ()

    @property
    def input_names(self) -> str:
        """All inputs, as one text."""
        return ", ".join(one.name for one in self.model.recipe_.inputs)


def run(recipe: Recipe, train: Catalog, test: Catalog) -> Run:
    """Fit on one catalog, predict and evaluate on the other; progress on stderr."""
    with reporting(False) as reporter:
        with stopwatch() as training:
            model = Categorizer(recipe).fit(train, reporter=reporter)
        with stopwatch() as prediction:
            predictions = model.predict(test, reporter=reporter)
        evaluation = model.evaluate(test, reporter=reporter, command=command())
    return Run(model, evaluation, predictions, training, prediction)


def truth(model: Categorizer, catalog: Catalog) -> list[Path]:
    """The catalog's own answers, read as the model reads them; empty where a product has none."""
    separator = model.recipe_.target.separator or model.facts_.separator
    return read_truth(catalog, model.recipe_.target.model_copy(update={"separator": separator})).values


def training_options(args: argparse.Namespace) -> dict[str, int]:
    """The part of a recipe that the command line decides."""
    return {"seed": args.seed, "threads": args.threads}


def unknown_paths(predicted: Sequence[Path], known: Sequence[Path]) -> float:
    """Share (0–1) of predicted paths that no training product has."""
    paths = set(known)
    return sum(path not in paths for path in predicted) / max(len(predicted), 1)
