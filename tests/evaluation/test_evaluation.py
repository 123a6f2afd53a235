"""One evaluation from truth and predictions: what counts, what is left out, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.errors import ShelfwiseError, TargetError
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.results import FUSED

BOOTS, SANDALS, TOTES = ("Men", "Shoes", "Boots"), ("Men", "Shoes", "Sandals"), ("Women", "Bags")


def test_unlabelled_products_are_left_out_and_counted(path_evaluation) -> None:
    evaluation = path_evaluation()
    assert (evaluation.products, evaluation.unlabelled) == (7, 1)
    assert evaluation.data.products == 8


def test_failed_and_unseen_products_count_as_wrong(path_evaluation) -> None:
    evaluation = path_evaluation()
    assert evaluation.headline.value == pytest.approx(4 / 7)
    assert evaluation.headline.low <= 4 / 7 <= evaluation.headline.high
    assert (evaluation.unseen_products, evaluation.unseen_categories) == (1, 1)
    assert evaluation.fused.answered == pytest.approx(6 / 7)
    assert evaluation.fused.level_accuracy == pytest.approx([5 / 7, 5 / 7, 4 / 7])


def test_levels_have_names_and_the_baseline_of_training(path_evaluation) -> None:
    evaluation = path_evaluation()
    assert [level.name for level in evaluation.levels] == ["department", "kind", "level 3"]
    assert [level.most_frequent for level in evaluation.levels] == ["Men", "Shoes", "Boots"]
    assert [level.accuracy for level in evaluation.levels] == pytest.approx([5 / 7, 5 / 7, 3 / 7])
    assert [level.products for level in evaluation.levels] == [7, 6, 5]
    assert (evaluation.baseline.category, evaluation.baseline.score) == (BOOTS, pytest.approx(3 / 7))
    assert evaluation.baseline.counted_in == "training"


def test_the_baseline_of_a_level_can_be_no_category(path_evaluation) -> None:
    evaluation = path_evaluation(training_counts={TOTES: 9, BOOTS: 2})
    assert [level.most_frequent for level in evaluation.levels] == ["Women", "Bags", ""]
    assert evaluation.levels[2].accuracy == pytest.approx(2 / 7)


def test_without_training_counts_the_evaluated_products_are_counted(path_evaluation) -> None:
    evaluation = path_evaluation(training_counts=None)
    assert (evaluation.baseline.counted_in, evaluation.histogram.counted_in) == ("evaluation", "evaluation")
    assert (evaluation.unseen_products, evaluation.per_category[0].training_products) == (0, None)


def test_the_fused_classifier_stands_first_and_inputs_follow_best_first(path_evaluation) -> None:
    evaluation = path_evaluation()
    assert list(evaluation.classifiers) == [FUSED, "title", "image"]
    assert evaluation.best_input == "title"
    assert evaluation.classifiers["title"].headline == pytest.approx(4 / 7)
    assert evaluation.classifiers["title"].answered == pytest.approx(6 / 7)
    assert path_evaluation(per_classifier={}).best_input is None


def test_an_input_named_like_the_fused_one_does_not_replace_it(path_evaluation) -> None:
    evaluation = path_evaluation(per_classifier={FUSED: [TOTES] * 8})
    assert list(evaluation.classifiers) == [FUSED, "fused (input)"]
    assert evaluation.fused.headline == pytest.approx(4 / 7)


def test_routes_say_how_good_each_way_is(path_evaluation) -> None:
    routes = path_evaluation().routes
    assert (routes.accept.products, routes.review.products, routes.failed.products) == (3, 3, 1)
    assert routes.accept.share == pytest.approx(3 / 7)
    assert routes.accept.accuracy == pytest.approx(2 / 3)
    assert (routes.failed.accuracy, routes.accept.micro_f1) == (0, None)


def test_examples_point_at_rows_of_the_catalog_given(path_evaluation) -> None:
    evaluation = path_evaluation()
    rows = {(c.truth, c.predicted): [e.row for e in c.examples] for c in evaluation.confusions}
    assert rows == {(BOOTS, SANDALS): [1], (("Pets",), BOOTS): [5]}
    assert evaluation.confusions[0].share == pytest.approx(1 / 3)


def test_misclassified_categories_leave_out_what_training_never_saw(path_evaluation) -> None:
    evaluation = path_evaluation()
    found = [(score.category, score.missed, score.products) for score in evaluation.misclassified]
    assert found == [(SANDALS, 1, 2), (BOOTS, 1, 3)]
    assert evaluation.misclassified_minimum == 1
    assert evaluation.misclassified[0].precision == pytest.approx(1 / 2)
    pets = next(score for score in evaluation.per_category if score.category == ("Pets",))
    assert (pets.precision, pets.training_products, pets.recall) == (None, 0, 0)


def test_the_coverage_curve_puts_failed_products_last(path_evaluation) -> None:
    curve = path_evaluation().coverage_curve
    assert (curve[-1].confidence, curve[-1].coverage) == (0, 1)
    assert curve[-1].accuracy == pytest.approx(4 / 7)
    assert curve[0].confidence == 0.95


def test_histogram_bins_hold_every_category_once(path_evaluation) -> None:
    histogram = path_evaluation(training_counts={BOOTS: 60, SANDALS: 1, TOTES: 19, ("x",): 0}).histogram
    bins = {
        f"{a}–{b}": c for a, b, c in zip(histogram.lower, histogram.upper, histogram.categories, strict=True)
    }
    assert bins == {"1–1": 1, "2–4": 0, "5–9": 0, "10–19": 1, "20–49": 0, "50–99": 1}
    assert (histogram.total_categories, histogram.smallest, histogram.largest) == (3, 1, 60)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
@settings(deadline=None, max_examples=60)
def test_histogram_bins_cover_all_sizes(path_evaluation, sizes: list[int]) -> None:
    counts = {(str(i),): size for i, size in enumerate(sizes)}
    histogram = path_evaluation(training_counts=counts).histogram
    for low, high, number in zip(histogram.lower, histogram.upper, histogram.categories, strict=True):
        assert number == sum(low <= size <= high for size in sizes)
    assert sum(histogram.categories) == len(sizes)


def test_label_sets_are_scored_without_regard_to_order(label_evaluation) -> None:
    evaluation = label_evaluation()
    # right: red, shoe, shoe = 3; true 2 + 1 + 2; predicted 2 + 2 + 1
    assert evaluation.headline.value == pytest.approx(6 / 10)
    assert evaluation.fused.exact_match == pytest.approx(1 / 3)
    assert evaluation.fused.precision == pytest.approx(3 / 5)
    assert evaluation.coverage_curve[0].accuracy == 1
    assert evaluation.coverage_curve[-1].micro_f1 == pytest.approx(6 / 10)
    assert evaluation.routes.accept.micro_f1 == pytest.approx(6 / 7)
    assert evaluation.levels == []


def test_labels_the_model_does_not_know_are_missed_and_counted(label_evaluation) -> None:
    evaluation = label_evaluation()
    assert (evaluation.unseen_products, evaluation.unseen_categories, evaluation.unlabelled) == (1, 1, 1)
    rare = next(score for score in evaluation.per_category if score.category == ("rare",))
    assert (rare.missed, rare.training_products) == (1, 0)
    assert ("rare",) not in [score.category for score in evaluation.misclassified]


def test_the_baseline_of_label_sets_is_the_most_frequent_label(label_evaluation) -> None:
    baseline = label_evaluation().baseline
    # "shoe" for all three: 2 right, 5 true, 3 predicted
    assert (baseline.category, baseline.score) == (("shoe",), pytest.approx(4 / 8))


def test_confused_labels_have_examples(label_evaluation) -> None:
    pairs = {(c.truth, c.predicted): [e.row for e in c.examples] for c in label_evaluation().confusions}
    assert pairs == {(("blue",), ("red",)): [3], (("rare",), ("red",)): [3]}


def test_a_catalog_without_categories_cannot_be_evaluated(facts) -> None:
    with pytest.raises(TargetError, match="none of the 2 has one"):
        evaluate_paths([(), ()], [BOOTS, ()], np.zeros(2), ["accept"] * 2, per_classifier={}, data=facts())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": np.array([0.1])}, "confidence 1"),
        ({"confidence": np.array([0.1, 1.5])}, "between 0 and 1"),
        ({"decisions": ["accept", "maybe"]}, "'maybe'"),
        ({"per_classifier": {"title": [BOOTS]}}, "predictions of title 1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes: dict, message: str, facts) -> None:
    given = {
        "truth": [BOOTS, TOTES],
        "predicted": [BOOTS, TOTES],
        "confidence": np.ones(2),
        "decisions": ["accept", "review"],
        "per_classifier": {},
        "data": facts(),
    }
    with pytest.raises(ShelfwiseError, match=message):
        evaluate_paths(**(given | changes))
    with pytest.raises(ShelfwiseError, match=message):
        evaluate_label_sets(labels=["a"], **(given | changes))


PATHS = st.sampled_from([BOOTS, SANDALS, TOTES, ()])


@given(st.lists(st.tuples(PATHS, PATHS), min_size=1, max_size=15), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_products_changes_no_figure(facts, pairs, random) -> None:
    def evaluate(products):
        truth, predicted = map(list, zip(*products, strict=True))
        confidence = np.array([0.9 if t == p else 0.4 for t, p in products])
        decisions = ["accept" if c > 0.5 else "review" for c in confidence]
        return evaluate_paths(truth, predicted, confidence, decisions, per_classifier={}, data=facts())

    if not any(truth for truth, _ in pairs):
        pairs = [*pairs, (BOOTS, BOOTS)]
    shuffled = list(pairs)
    random.shuffle(shuffled)
    one, other = evaluate(pairs), evaluate(shuffled)
    without_rows = {"confusions": {"__all__": {"examples"}}}
    kept = [e.model_dump(exclude=without_rows) for e in (one, other)]
    errors = [e.calibration.expected_calibration_error for e in (one, other)]
    assert errors[0] == pytest.approx(errors[1])
    for key in ("headline", "levels", "routes", "per_category", "misclassified", "confusions", "histogram"):
        assert kept[0][key] == kept[1][key]
