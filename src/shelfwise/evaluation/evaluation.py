"""From what was true and what was predicted to one `Evaluation`: a pure function per kind of target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from shelfwise.evaluation import assembly, hierarchy, intervals, metrics, mistakes
from shelfwise.evaluation.calibration_records import LevelCalibration
from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.labelled import LabelledProducts, select_labelled
from shelfwise.evaluation.promise_records import Promises
from shelfwise.evaluation.results import FUSED, DataFacts, Evaluation
from shelfwise.evaluation.score_records import Baseline, Gain, Headline, LabelSetScores, PathScores
from shelfwise.evaluation.summary import summary_rows

__all__ = ["DataFacts", "Evaluation", "evaluate_label_sets", "evaluate_paths", "summary_rows"]

MISCLASSIFIED_LIMIT = 15
"""Categories listed, as in paper A's tables 2 and 4."""
MISCLASSIFIED_MINIMUM = 5
"""Products a category must have to be ranked; 1 where no category has so many."""


def evaluate_paths(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    confidence: np.ndarray,
    decisions: Sequence[str],
    *,
    per_classifier: Mapping[str, Sequence[Category]],
    training_counts: Mapping[Category, int] | None = None,
    level_names: Sequence[str] | None = None,
    part_confidence: Sequence[Sequence[float]] | None = None,
    as_given: Sequence[bool] | None = None,
    promises: Promises | None = None,
    groups: np.ndarray | None = None,
    data: DataFacts,
) -> Evaluation:
    """Score predicted paths; every sequence has one entry a product of the catalog, in its order.

    ``truth`` and ``predicted`` are paths from the root down; an empty true path means unlabelled (left out
    and counted), an empty predicted one failed (counts as wrong on every level). ``confidence`` float [N],
    0–1: probability that the whole path is right; not read where the decision is "failed". ``decisions``:
    accept, review or failed. ``per_classifier``: each single input's predictions, by the input's name.
    ``training_counts``: products per path in training, for the baseline and to tell what training never saw.
    ``level_names``: from the top down. ``part_confidence``: per level of each predicted path. ``as_given``: whether what was
    handed out of an accepted prediction is right, where that may be less than the whole path. ``promises``: what was promised,
    and what came of it. ``groups``: int [N], of near-duplicates, for the intervals; None: every product is by itself. Raises
    TargetError if no product has a true path, ShelfwiseError where the arguments do not fit together.
    """
    products = select_labelled(truth, predicted, confidence, decisions, per_classifier)
    right = np.array([t == p for t, p in zip(products.truth, products.predicted, strict=True)])
    counts = metrics.count_categories(products.truth, [path or None for path in products.predicted])
    names = _level_names(level_names or (), products)
    true_counts = Counter(products.truth)
    source = training_counts or true_counts
    most_frequent = metrics.most_frequent(source)
    confused = mistakes.confused_paths(products.truth, products.predicted, products.confidence)
    mine = None if groups is None else groups[products.rows]
    low, high = intervals.share_interval(right, mine)
    marks = assembly.Marks(right)
    parts = [] if part_confidence is None else _level_parts(products, part_confidence, names)
    classifiers = _best_first(
        path_scores(products.truth, products.predicted, len(names)),
        {
            name: path_scores(products.truth, paths, len(names))
            for name, paths in products.per_classifier.items()
        },
    )
    return Evaluation(
        target="path",
        headline=Headline(name="whole path", value=float(right.mean()), low=low, high=high),
        levels=assembly.level_baselines(products.truth, source, names),
        baseline=Baseline(
            category=most_frequent,
            score=true_counts[most_frequent] / len(products),
            counted_in="training" if training_counts else "evaluation",
        ),
        classifiers=classifiers,
        gain=_gain(classifiers, products, _right_paths, mine),
        confusions=assembly.confusions(confused, products, counts),
        **_shared(products, marks, counts, training_counts, data, as_given, promises, parts),
        **_unseen([{path} for path in products.truth], _seen(training_counts)),
    )


def evaluate_label_sets(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    confidence: np.ndarray,
    decisions: Sequence[str],
    *,
    labels: Sequence[str],
    per_classifier: Mapping[str, Sequence[Category]],
    training_counts: Mapping[str, int] | None = None,
    part_confidence: Sequence[Sequence[float]] | None = None,
    as_given: Sequence[bool] | None = None,
    promises: Promises | None = None,
    groups: np.ndarray | None = None,
    data: DataFacts,
) -> Evaluation:
    """Score predicted label sets; every sequence has one entry a product of the catalog, in its order.

    ``truth`` and ``predicted`` are tuples of labels, order without meaning; an empty true set means
    unlabelled (left out and counted), an empty predicted one misses every label. ``confidence`` float [N],
    0–1: probability that the set is exactly right. ``labels``: those the model knows; true labels outside of
    them are missed and counted as such, and the products that carry one are in ``unseen_products``. Otherwise
    as `evaluate_paths`.
    """
    products = select_labelled(truth, predicted, confidence, decisions, per_classifier)
    true_sets, predicted_sets = list(map(frozenset, products.truth)), list(map(frozenset, products.predicted))
    right = np.array([t == p for t, p in zip(true_sets, predicted_sets, strict=True)])
    matched, sizes = _shared_labels(products.truth, products.predicted)
    counts = metrics.count_label_sets(_as_categories(true_sets), _as_categories(predicted_sets))

    source = training_counts or Counter(label for labels_of in true_sets for label in labels_of)
    most_frequent = metrics.most_frequent(source)
    always = metrics.count_label_sets(true_sets, [{most_frequent}] * len(products))
    confused = mistakes.confused_labels(products.truth, products.predicted, products.confidence)
    mine = None if groups is None else groups[products.rows]
    low, high = intervals.ratio_interval(matched, sizes, mine)
    marks = assembly.Marks(right, matched, sizes)
    parts = [] if part_confidence is None else [_label_part(products, part_confidence)]
    training: dict[Category, int] | None = None
    if training_counts is not None:
        training = {(label,): count for label, count in training_counts.items()}
    classifiers = _best_first(
        label_set_scores(products.truth, products.predicted),
        {name: label_set_scores(products.truth, sets) for name, sets in products.per_classifier.items()},
    )
    return Evaluation(
        target="label_set",
        headline=Headline(name="micro-F1", value=metrics.micro_f1(counts), low=low, high=high),
        levels=[],
        baseline=Baseline(
            category=(most_frequent,),
            score=metrics.micro_f1(always),
            counted_in="training" if training_counts else "evaluation",
        ),
        classifiers=classifiers,
        gain=_gain(classifiers, products, _shared_labels, mine),
        confusions=assembly.confusions(confused, products, counts),
        **_shared(products, marks, counts, training, data, as_given, promises, parts),
        **_unseen(_as_categories(true_sets), {(label,) for label in labels}),
    )


def path_scores(truth: Sequence[Category], predicted: Sequence[Category], depth: int) -> PathScores:
    """All scores of one classifier's paths over ``depth`` levels; see `hierarchy` for what each means."""
    level_accuracy = hierarchy.level_accuracy(truth, predicted, depth)
    counts = metrics.count_categories(truth, [path or None for path in predicted])
    hierarchical = hierarchy.hierarchical_score(truth, predicted)
    errors = hierarchy.tree_errors(truth, predicted)
    return PathScores(
        level_accuracy=level_accuracy,
        mean_of_levels=float(np.mean(level_accuracy)),
        whole_path=hierarchy.whole_path_accuracy(truth, predicted),
        micro_f1=metrics.micro_f1(counts),
        macro_f1=metrics.macro_f1(counts),
        weighted_f1=metrics.weighted_f1(counts),
        level_weighted_f1=hierarchy.level_weighted_f1(truth, predicted, depth),
        hierarchical_precision=hierarchical.precision,
        hierarchical_recall=hierarchical.recall,
        hierarchical_f1=hierarchical.f1,
        mean_common_depth=errors.common_depth,
        mean_tree_distance=errors.distance,
        mistakes=errors.mistakes,
        mean_common_depth_of_mistakes=errors.common_depth_of_mistakes,
        mean_tree_distance_of_mistakes=errors.distance_of_mistakes,
        answered=sum(bool(path) for path in predicted) / len(predicted),
    )


def label_set_scores(truth: Sequence[Category], predicted: Sequence[Category]) -> LabelSetScores:
    """All scores of one classifier's label sets."""
    counts = metrics.count_label_sets(truth, predicted)
    return LabelSetScores(
        micro_f1=metrics.micro_f1(counts),
        macro_f1=metrics.macro_f1(counts),
        weighted_f1=metrics.weighted_f1(counts),
        precision=metrics.micro_precision(counts),
        recall=metrics.micro_recall(counts),
        exact_match=metrics.accuracy([frozenset(t) for t in truth], [frozenset(p) for p in predicted]),
        answered=sum(bool(labels) for labels in predicted) / len(predicted),
    )


def _shared(
    products: LabelledProducts,
    marks: assembly.Marks,
    counts: metrics.CategoryCounts,
    training: Mapping[Category, int] | None,
    data: DataFacts,
    as_given: Sequence[bool] | None,
    promises: Promises | None,
    parts: Sequence[LevelCalibration],
) -> dict[str, Any]:
    """The fields that are computed alike for paths and label sets."""
    scores = assembly.category_scores(counts, training)
    minimum = MISCLASSIFIED_MINIMUM if counts.true.max() >= MISCLASSIFIED_MINIMUM else 1
    worst = mistakes.most_misclassified(
        counts, minimum=minimum, limit=MISCLASSIFIED_LIMIT, known=_seen(training)
    )
    in_test = {score.category: score.products for score in scores}
    return {
        "products": len(products),
        "unlabelled": products.unlabelled,
        "categories": int((counts.true > 0).sum()),
        "routes": assembly.route_scores(
            products.decisions, marks, None if as_given is None else np.array(as_given, bool)[products.rows]
        ),
        "coverage_curve": assembly.coverage_points(products.confidence, marks),
        "calibration": assembly.calibration(products.confidence, marks.right, parts),
        "promises": promises,
        "per_category": sorted(scores, key=lambda score: (-score.products, score.category)),
        "misclassified": [scores[index] for index in worst],
        "misclassified_minimum": minimum,
        "histogram": assembly.products_per_category(
            training or in_test, "training" if training else "evaluation"
        ),
        "data": data,
    }


_Ratio = tuple[np.ndarray, np.ndarray]
"""Numerator and denominator of the headline figure, float [N] each."""


def _right_paths(truth: Sequence[Category], predicted: Sequence[Category]) -> _Ratio:
    right = [true == path for true, path in zip(truth, predicted, strict=True)]
    return np.array(right, dtype=float), np.ones(len(right))


def _shared_labels(truth: Sequence[Category], predicted: Sequence[Category]) -> _Ratio:
    """Twice the labels in both, and the labels in either counted once each: the parts of the micro-F1."""
    pairs = [(set(true), set(given)) for true, given in zip(truth, predicted, strict=True)]
    shared = 2.0 * np.array([len(true & given) for true, given in pairs])
    return shared, np.array([len(true) + len(given) for true, given in pairs], dtype=float)


def _gain(
    classifiers: Mapping[str, PathScores | LabelSetScores],
    products: LabelledProducts,
    ratio: Callable[[Sequence[Category], Sequence[Category]], _Ratio],
    groups: np.ndarray | None,
) -> Gain | None:
    """How much better the whole model is than the classifier that is best alone; None where there is none."""
    best = next((name for name in classifiers if name != FUSED), None)
    if best is None:
        return None
    ratios = (
        ratio(products.truth, products.predicted),
        ratio(products.truth, products.per_classifier[best]),
    )
    low, high = intervals.gain_interval(ratios, groups)
    value = classifiers[FUSED].headline - classifiers[best].headline
    return Gain(over=best, value=value, low=low, high=high)


def _level_names(known: Sequence[str], products: LabelledProducts) -> list[str]:
    """A name for every level that a true or predicted path reaches; those that have none are numbered."""
    deepest = hierarchy.deepest(products.truth, products.predicted, *products.per_classifier.values())
    return [*known, *(f"level {level + 1}" for level in range(len(known), deepest))]


def _level_parts(
    products: LabelledProducts, confidence: Sequence[Sequence[float]], names: Sequence[str]
) -> list[LevelCalibration]:
    """Per level, over the predictions that reach it: the confidence down to it, and whether the path is right so far."""
    found = []
    for level, name in enumerate(names):
        reach = [
            (float(confidence[row][level]), true[: level + 1] == predicted[: level + 1])
            for row, true, predicted in zip(products.rows, products.truth, products.predicted, strict=True)
            if level < len(predicted)
        ]
        sure, right = np.array([pair[0] for pair in reach]), np.array([pair[1] for pair in reach], bool)
        found.append(assembly.level_calibration(name, sure, right))
    return found


def _label_part(products: LabelledProducts, confidence: Sequence[Sequence[float]]) -> LevelCalibration:
    """Over all labels given: each one's confidence, and whether the product has it."""
    given = [
        (float(sure), label in true)
        for row, true, predicted in zip(products.rows, products.truth, products.predicted, strict=True)
        for sure, label in zip(confidence[row], predicted, strict=True)
    ]
    return assembly.level_calibration(
        "labels given", np.array([pair[0] for pair in given]), np.array([pair[1] for pair in given], bool)
    )


def _unseen(truth: Sequence[Collection[Category]], seen: Collection[Category] | None) -> dict[str, Any]:
    """How many products carry, and how many categories are, something training never saw; 0 where unknown."""
    if seen is None:
        return {"unseen_products": 0, "unseen_categories": 0}
    new = [[category for category in categories if category not in seen] for categories in truth]
    return {
        "unseen_products": sum(map(bool, new)),
        "unseen_categories": len({category for categories in new for category in categories}),
    }


def _seen(training_counts: Mapping[Category, int] | None) -> set[Category] | None:
    if training_counts is None:
        return None
    return {category for category, count in training_counts.items() if count > 0}


def _as_categories(sets: Sequence[Collection[str]]) -> list[set[Category]]:
    """Labels as categories: tuples of one name, so that paths and labels are told by one type."""
    return [{(label,) for label in labels} for labels in sets]


def _best_first(
    fused: PathScores | LabelSetScores, inputs: Mapping[str, PathScores | LabelSetScores]
) -> dict[str, PathScores | LabelSetScores]:
    ranked = sorted(inputs, key=lambda name: (-inputs[name].headline, name))
    return {FUSED: fused, **{name: inputs[name] for name in ranked}}
