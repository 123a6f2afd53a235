"""Intervals took near-duplicates, and seeds that share products, as independent.

95 % intervals held in 70 to 85 of 100 cases, promises were told to be broken "by more than chance", and models that are equally
good to differ "for sure".
"""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.decision.router import Router
from shelfwise.decision.routing import AcceptRule
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.intervals import effective_size, gain_interval, ratio_interval, share_interval
from shelfwise.evaluation.promises import measure_promises
from shelfwise.evaluation.results import DataFacts
from shelfwise.evaluation.summary import calibration_sentence, fusion_sentence, promise_sentence
from shelfwise.experiments.fusion_scores import Bootstrap
from shelfwise.experiments.intervals import is_sure, paired_difference
from shelfwise.experiments.learning_curve import Point, fit_learning_curve
from shelfwise.predictions import Prediction
from shelfwise.taxonomy.targets import PathTarget

A, B = ("A",), ("B",)
TARGET = PathTarget((A, B), ("kind",))
COPIES = 10


def designs(count: int, right: int) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]], np.ndarray]:
    """``count`` designs in ten colours each, of which ``right`` are judged rightly in all colours."""
    groups = np.repeat(np.arange(count), COPIES)
    return [A] * len(groups), [A if group < right else B for group in groups], groups


def facts(products: int, groups: int | None = None) -> DataFacts:
    return DataFacts(catalogs=["c.csv"], products=products, split="s", groups=groups)


def clustered(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """200 designs in 1 to 5 colours, nine in ten right; mostly all colours of one, or none."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(200), random.integers(1, 6, 200))
    together, alone = random.random(200) < 0.9, random.random(len(groups)) < 0.9
    return np.where(random.random(len(groups)) < 0.8, together[groups], alone), groups


def test_ninety_five_of_a_hundred_intervals_hold() -> None:
    found = [share_interval(*clustered(seed)) for seed in range(200)]
    assert np.mean([low <= 0.9 <= high for low, high in found]) >= 0.92
    alone = [share_interval(clustered(seed)[0]) for seed in range(200)]
    assert np.mean([low <= 0.9 <= high for low, high in alone]) < 0.88
    drawn = [
        ratio_interval(right.astype(float), np.ones(len(right)), g) for right, g in map(clustered, range(100))
    ]
    assert np.mean([low <= 0.9 <= high for low, high in drawn]) >= 0.89


def test_products_by_themselves_have_the_exact_interval() -> None:
    from scipy.stats import binomtest

    right = np.arange(287) < 285
    exact = binomtest(285, 287).proportion_ci(0.95, method="exact")
    assert share_interval(right) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert share_interval(right, np.arange(287)) == share_interval(right)


def test_copies_count_once_where_all_are_alike() -> None:
    ones = np.ones(200, bool)
    groups = np.repeat(np.arange(10), 20)
    assert effective_size(ones, groups) == 10
    low, high = share_interval(ones, groups)
    assert (low, high) == (pytest.approx(0.6915, abs=1e-3), 1.0)
    assert ratio_interval(ones.astype(float), ones.astype(float), groups) == (low, high)
    assert share_interval(np.zeros(1, bool)) == (0.0, pytest.approx(0.975))
    assert share_interval(np.zeros(0, bool)) == (0.0, 1.0)


def test_a_report_counts_designs_and_not_their_colours() -> None:
    truth, predicted, groups = designs(40, 36)
    sure, accepted = np.full(len(truth), 0.9), ["accept"] * len(truth)
    told = {"per_classifier": {}, "data": facts(len(truth))}
    alone = evaluate_paths(truth, predicted, sure, accepted, **told).headline
    grouped = evaluate_paths(truth, predicted, sure, accepted, groups=groups, **told).headline
    assert grouped.value == alone.value == 0.9
    assert grouped.high - grouped.low > 2.5 * (alone.high - alone.low)
    sets = evaluate_label_sets(
        truth, predicted, sure, accepted, labels=["A", "B"], groups=groups, **told
    ).headline
    assert sets.high - sets.low > 0.12


def test_a_promise_missed_in_one_design_can_be_chance() -> None:
    truth, predicted, groups = designs(40, 36)
    made = [Prediction(str(row), path, 0.9, (0.9,), "accept") for row, path in enumerate(predicted)]
    router = Router.of_rule(AcceptRule(0.95, 0.8, basis=500, held=0.96, coverage=0.6), 2)
    [alone] = measure_promises(router, {}, TARGET, truth, made).scores
    [grouped] = measure_promises(router, {}, TARGET, truth, made, groups=groups).scores
    assert (alone.verdict, alone.by_chance) == ("not held", False)
    assert (grouped.verdict, grouped.by_chance) == ("not held", True)
    found = evaluate_paths(
        truth, predicted, np.full(len(truth), 0.9), ["accept"] * len(truth), per_classifier={},
        promises=measure_promises(router, {}, TARGET, truth, made, groups=groups), groups=groups, data=facts(len(truth)),
    )  # fmt: skip
    assert "can be chance" in promise_sentence(found)


def test_a_gain_that_can_be_chance_is_not_said_to_pay() -> None:
    truth, predicted, groups = designs(40, 36)
    title = [B if group == 35 else path for path, group in zip(predicted, groups, strict=True)]
    sure, accepted = np.full(len(truth), 0.9), ["accept"] * len(truth)
    told = {"per_classifier": {"title": title}, "data": facts(len(truth))}
    found = evaluate_paths(truth, predicted, sure, accepted, groups=groups, **told)
    assert found.gain is not None
    assert (found.gain.over, found.gain.value) == ("title", pytest.approx(0.025))
    assert "cannot be told" in fusion_sentence(found)
    far = {"per_classifier": {"title": [B] * len(truth)}, "data": facts(len(truth))}
    assert "pays" in fusion_sentence(evaluate_paths(truth, predicted, sure, accepted, groups=groups, **far))


def test_a_gap_that_can_be_chance_is_not_called_too_sure() -> None:
    truth = [A] * 100
    predicted = [A] * 87 + [B] * 13
    told = {"per_classifier": {}, "decisions": ["accept"] * 100}
    few = evaluate_paths(truth, predicted, np.full(100, 0.9), data=facts(100), **told)
    assert "neither too sure nor too modest" in calibration_sentence(few)
    many = evaluate_paths(
        truth * 20, predicted * 20, np.full(2000, 0.9), ["accept"] * 2000, per_classifier={}, data=facts(2000)
    )
    assert "too sure" in calibration_sentence(many)
    assert "neither" in calibration_sentence(
        evaluate_paths(
            truth * 20,
            predicted * 20,
            np.full(2000, 0.9),
            ["accept"] * 2000,
            per_classifier={},
            data=facts(2000, 100),
        )
    )


def test_a_difference_is_drawn_with_whole_groups() -> None:
    _, _, groups = designs(40, 36)
    first, second = (groups < 36).astype(float), (groups < 35).astype(float)
    ones = np.ones(len(groups))
    ratios = ((first, ones), (second, ones))
    assert gain_interval(ratios)[0] > 0 == pytest.approx(gain_interval(ratios, groups)[0])
    told = Bootstrap.of(np.stack([first, second]), np.stack([ones, ones]), 0, groups).gain(0, 1)
    assert told.value == pytest.approx(0.025)
    assert told.low == 0
    assert Bootstrap.of(np.stack([first, second]), np.stack([ones, ones]), 0).gain(0, 1).low > 0


def halves(seed: int, seeds: int) -> tuple[list[float], list[float]]:
    """Accuracies of two equally good models on splits of one catalog: nearest centroids of two halves of the features."""
    random = np.random.default_rng(seed)
    means = np.random.default_rng(1).normal(size=(3, 8)) * 0.5
    kinds = random.integers(3, size=240)
    views = [means[kinds] + random.normal(size=(240, 8)) for _ in range(2)]
    scores: tuple[list[float], list[float]] = ([], [])
    for _ in range(seeds):
        order = random.permutation(240)
        test, train = order[:60], order[60:]
        for view, mine in zip(views, scores, strict=True):
            centres = np.stack([view[train][kinds[train] == kind].mean(0) for kind in range(3)])
            said = ((view[test][:, None] - centres) ** 2).sum(2).argmin(1)
            mine.append(float((said == kinds[test]).mean()))
    return scores


def test_more_seeds_of_one_catalog_do_not_make_equal_models_differ() -> None:
    sure = np.mean([is_sure(paired_difference(*halves(seed, 10))) for seed in range(150)])
    assert sure < 0.12


def test_a_learning_curve_knows_that_its_seeds_share_products() -> None:
    points = [
        Point(size, (error - 0.02, error, error + 0.02), 500)
        for size, error in ((250, 0.4), (500, 0.32), (1000, 0.26))
    ]
    many = [
        Point(size, (error - 0.02, error, error + 0.02) * 20, 500)
        for size, error in ((250, 0.4), (500, 0.32), (1000, 0.26))
    ]
    few, more = (fit_learning_curve(each).error_at(1000) for each in (points, many))
    # Sixty seeds of one catalog tell hardly more than three: most of what they share stays.
    assert more.high - more.low > 0.6 * (few.high - few.low)
