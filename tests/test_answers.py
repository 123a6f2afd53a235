"""Answers: from fused probabilities to predictions, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise import Catalog
from shelfwise.answers import Answers, _best_first, per_classifier_answers
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.fields import Field
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.router import Router
from shelfwise.decision.routing import AcceptRule
from shelfwise.decision.thresholds import LabelThresholds
from shelfwise.encoders.base import Encoded
from shelfwise.ensemble import Calibration, Ensemble
from shelfwise.fusion.policies import Mean
from shelfwise.predictions import Alternative, Prediction
from shelfwise.recipe import RoutingRecipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

PATHS = PathTarget((("Home",), ("Home", "Lamps"), ("Toys", "Cars"), ("Toys", "Dolls")))
LABELS = LabelTarget(("gift", "red", "soft"))
SETS = LabelTarget(("gift", "red", "soft"), ((0,), (0, 1), (2,)))
HALF = AcceptRule(0.9, 0.5, basis=100, held=0.95, coverage=0.7)
NEVER = AcceptRule(0.9, float("inf"), basis=12, held=0.0, coverage=0.0)


def predictions(
    target: Target,
    probabilities: list[list[float]],
    *,
    present: list[bool] | None = None,
    accept: AcceptRule = HALF,
    alternatives: int = 5,
    calibration: Calibration | None = None,
    states: list[State] | None = None,
    row_errors: dict[int, str] | None = None,
    rows: list[int] | None = None,
    router: Router | None = None,
    set_rule: SetRule | None = None,
) -> list[Prediction]:
    """What is made of one classifier's probabilities, product by product."""
    count = len(probabilities)
    ids = [f"p{row}" for row in range(count)]
    table = pa.table({"title": ids})
    catalog = Catalog(table, ids, {"title": Field("title", Role.TEXT, "for a test")}, row_errors=row_errors)
    state = np.array(states or [State.PRESENT] * count, np.int8)
    encoded = Encoded(np.zeros((count, 1), np.float32), state, dict.fromkeys(range(count), "too dark"))
    ensemble = Ensemble(
        target, {}, [], Mean(target.exclusive), calibration or Calibration((1.0,)), accept, ["one"]
    )
    with np.errstate(divide="ignore"):
        p = np.array(probabilities)
        logits = np.log(p) if target.exclusive else np.log(p) - np.log1p(-p)
    chosen = np.array(rows if rows is not None else range(count))
    here = np.array([present or [True] * count])
    outcomes = target.n_outcomes if isinstance(target, PathTarget) else len(target.labels)
    answers = Answers(
        ensemble,
        RoutingRecipe(alternatives=alternatives),
        catalog,
        {"title": encoded},
        {},
        router or Router.of_rule(accept, outcomes),
        set_rule,
    )
    return answers.columns(chosen, logits[None][:, chosen], here[:, chosen]).predictions()


class TestPaths:
    def test_one_prediction_by_hand(self) -> None:
        [made] = predictions(PATHS, [[0.1, 0.6, 0.3, 0.0]])
        assert (made.id, made.answer, made.decision, made.reason) == ("p0", ("Home", "Lamps"), "accept", "")
        assert made.confidence == pytest.approx(0.6, abs=1e-5)
        assert made.part_confidence == pytest.approx((0.7, 0.6), abs=1e-5)
        assert [other.answer for other in made.alternatives] == [("Toys", "Cars"), ("Home",)]
        assert [other.probability for other in made.alternatives] == pytest.approx([0.3, 0.1], abs=1e-5)
        assert made.inputs == {"title": "present"}

    def test_to_end_at_an_inner_category_is_less_sure_than_the_category(self) -> None:
        [made] = predictions(PATHS, [[0.4, 0.3, 0.2, 0.1]])
        assert made.answer == ("Home",)
        assert made.confidence == pytest.approx(0.4, abs=1e-5)
        assert made.part_confidence == pytest.approx((0.7,), abs=1e-5)

    def test_rows_are_the_products_asked_for(self) -> None:
        made = predictions(PATHS, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], rows=[2, 0])
        assert [(one.id, one.answer) for one in made] == [("p2", ("Toys", "Cars")), ("p0", ("Home",))]

    def test_as_many_alternatives_as_asked_for(self) -> None:
        for count in (0, 1, 3):
            [made] = predictions(PATHS, [[0.4, 0.3, 0.2, 0.1]], alternatives=count)
            assert len(made.alternatives) == count

    @given(st.lists(st.floats(0.001, 1), min_size=4, max_size=4))
    def test_whatever_the_probabilities_levels_never_rise(self, weights: list[float]) -> None:
        [made] = predictions(PATHS, [[weight / sum(weights) for weight in weights]])
        assert list(made.part_confidence) == sorted(made.part_confidence, reverse=True)
        assert 0 <= made.confidence <= made.part_confidence[-1] <= 1
        assert all(other.probability <= made.confidence for other in made.alternatives)


class TestLabels:
    def test_one_prediction_by_hand(self) -> None:
        [made] = predictions(LABELS, [[0.6, 0.9, 0.2]])
        assert made.answer == ("red", "gift"), "most probable first"
        assert made.part_confidence == pytest.approx((0.9, 0.6))
        assert made.confidence == pytest.approx(0.6 * 0.9 * 0.8, abs=1e-5)
        assert made.decision == "review"
        assert [(other.answer, other.probability) for other in made.alternatives] == [
            (("soft",), pytest.approx(0.2))
        ]

    def test_no_label_is_reviewed_however_sure(self) -> None:
        [made] = predictions(LABELS, [[0.01, 0.02, 0.01]])
        assert (made.answer, made.decision, made.part_confidence) == ((), "review", ())
        assert made.confidence > HALF.threshold
        assert made.reason == "no label is probable enough"
        assert made.alternatives[0].answer == ("red",)

    def test_known_sets(self) -> None:
        [made] = predictions(SETS, [[0.1, 0.7, 0.2]])
        assert made.answer == ("gift", "red")
        assert made.part_confidence == pytest.approx((0.8, 0.7), abs=1e-5)
        assert made.confidence == pytest.approx(0.7, abs=1e-5)
        assert made.alternatives == (Alternative(("soft",), pytest.approx(0.2, abs=1e-5)),)

    def test_the_threshold_of_the_calibration(self) -> None:
        [made] = predictions(
            LABELS,
            [[0.6, 0.9, 0.2]],
            calibration=Calibration((1.0,), thresholds=LabelThresholds.shared(0.15)),
        )
        assert made.answer == ("red", "gift", "soft")
        assert made.alternatives == ()

    def test_alternatives_are_found_below_many_given_labels(self) -> None:
        target = LabelTarget(tuple(f"label {number:04d}" for number in range(900)))
        probabilities = np.linspace(0.999, 0.001, 900)
        calibration = Calibration(
            (1.0,), thresholds=LabelThresholds.shared(float(probabilities[700] + probabilities[701]) / 2)
        )
        [made] = predictions(target, [list(probabilities)], calibration=calibration)
        assert len(made.answer) == 701
        assert [other.answer for other in made.alternatives] == [
            (f"label {number:04d}",) for number in range(701, 706)
        ]


class TestProductsThatFail:
    def test_no_classifier_is_present(self) -> None:
        one, other = predictions(
            PATHS, [[0.7, 0.1, 0.1, 0.1]] * 2, present=[True, False], states=[State.PRESENT, State.ABSENT]
        )
        assert one.decision == "accept"
        reason = "none of its inputs can be used (title: absent)"
        assert other == Prediction("p1", (), 0.0, (), "failed", reason, (), {"title": "absent"})

    def test_a_failed_input_says_why(self) -> None:
        [made] = predictions(PATHS, [[0.7, 0.1, 0.1, 0.1]], present=[False], states=[State.FAILED])
        assert made.inputs == {"title": "failed: too dark"}
        assert "title: failed: too dark" in made.reason

    def test_present_but_nothing_known(self) -> None:
        [made] = predictions(PATHS, [[0.7, 0.1, 0.1, 0.1]], present=[False])
        assert "title: no known words or values" in made.reason

    def test_a_row_that_could_not_be_read(self) -> None:
        [made] = predictions(PATHS, [[0.7, 0.1, 0.1, 0.1]], row_errors={0: "a quote is not closed"})
        assert made.decision == "failed"
        assert made.reason == "the row could not be read: a quote is not closed"


class TestRouting:
    def test_at_the_threshold_is_accepted(self) -> None:
        [made] = predictions(PATHS, [[0.1, 0.5, 0.3, 0.1]])
        assert (made.decision, made.reason) == ("accept", "")
        [made] = predictions(PATHS, [[0.1, 0.49, 0.31, 0.1]])
        assert (made.decision, made.reason) == ("review", "confidence 0.490 is below 0.500")

    def test_nothing_can_be_promised(self) -> None:
        [made] = predictions(PATHS, [[0.0, 1.0, 0.0, 0.0]], accept=NEVER)
        assert made.decision == "review"
        assert "precision of 0.9 on the 12 held-out products" in made.reason
        assert "17 more labelled products" in made.reason

    def test_an_uncertain_path_is_accepted_as_far_as_it_is_sure(self) -> None:
        router = replace(Router.of_rule(HALF, 4), stops={1: (replace(HALF, threshold=0.8),)})
        probabilities = [[0.05, 0.4, 0.3, 0.25], [0.4, 0.45, 0.1, 0.05], [0.85, 0.1, 0.05, 0.0]]
        unsure, stopped, short = predictions(PATHS, probabilities, router=router)
        assert (unsure.decision, unsure.answer) == ("review", ("Home", "Lamps"))
        assert (stopped.decision, stopped.answer, stopped.reason) == (
            "accept",
            ("Home",),
            "stopped at level 1",
        )
        assert stopped.confidence == pytest.approx(0.85, abs=1e-5)
        assert stopped.part_confidence == pytest.approx((0.85,), abs=1e-5)
        # What was cut off may still be the answer, and most probably is.
        assert [other.answer for other in stopped.alternatives][:2] == [("Home", "Lamps"), ("Home",)]
        assert unsure.alternatives[0].answer == ("Toys", "Cars")
        assert (short.decision, short.answer, short.reason) == ("accept", ("Home",), "")
        assert ("Home",) not in [other.answer for other in short.alternatives]

    def test_labels_that_are_not_sure_are_left_out(self) -> None:
        rules = (replace(HALF, threshold=0.8), NEVER)
        router = Router(rules, ("gift", "the others"), np.array([0, 1, 0]), "label", drops_labels=True)
        [made] = predictions(LABELS, [[0.9, 0.95, 0.2]], router=router)
        assert (made.decision, made.answer, made.part_confidence) == (
            "accept",
            ("gift",),
            pytest.approx((0.9,)),
        )
        assert made.reason == "left out as not sure enough: red"
        assert [other.answer for other in made.alternatives] == [("red",), ("soft",)]
        assert made.confidence == pytest.approx(0.9)
        [made] = predictions(LABELS, [[0.9, 0.95, 0.2]], router=replace(router, drops_labels=False))
        assert (made.decision, made.answer) == ("review", ("red", "gift"))
        assert made.reason.startswith("no confidence held a precision of 0.9 on the 12 held-out")


class TestSets:
    RULE = SetRule(0.9, np.array([0.2, 0.3, 0.3, 0.05]), np.zeros(4, np.int64), np.array([100]))

    def test_no_sets_unless_asked_for(self) -> None:
        [made] = predictions(PATHS, [[0.1, 0.6, 0.3, 0.0]])
        assert made.set is None

    def test_what_reaches_its_threshold_best_first(self) -> None:
        made = predictions(PATHS, [[0.25, 0.35, 0.29, 0.11], [0.1, 0.2, 0.1, 0.0]], set_rule=self.RULE)
        assert made[0].set is not None
        assert [one.answer for one in made[0].set] == [("Home", "Lamps"), ("Home",), ("Toys", "Dolls")]
        assert made[0].set[0].probability == pytest.approx(0.35, abs=1e-5)

    def test_a_product_that_failed_has_none(self) -> None:
        [made] = predictions(PATHS, [[0.7, 0.1, 0.1, 0.1]], present=[False], set_rule=self.RULE)
        assert made.set is None


class TestPerClassifier:
    def ensemble(self, target: Target) -> Ensemble:
        return Ensemble(target, {}, [], Mean(target.exclusive), Calibration((1.0, 1.0)), HALF, ["one", "two"])

    def test_paths(self) -> None:
        logits = np.log(np.array([[[0.7, 0.1, 0.1, 0.1]], [[0.1, 0.1, 0.1, 0.7]]]))
        found = per_classifier_answers(self.ensemble(PATHS), logits, np.array([[True], [False]]))
        assert found == {"one": [("Home",)], "two": [()]}

    def test_labels(self) -> None:
        logits = np.array([[[2.0, -1.0, 3.0]], [[-1.0, -1.0, -1.0]]])
        found = per_classifier_answers(self.ensemble(LABELS), logits, np.ones((2, 1), bool))
        assert found == {"one": [("gift", "soft")], "two": [()]}

    def test_sets(self) -> None:
        logits = np.log(np.array([[[0.1, 0.8, 0.1]], [[0.2, 0.2, 0.6]]]))
        found = per_classifier_answers(self.ensemble(SETS), logits, np.ones((2, 1), bool))
        assert found == {"one": [("gift", "red")], "two": [("soft",)]}


@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 99))
def test_best_first_of_many_is_best_first_of_all(rows: int, count: int, seed: int) -> None:
    """Equals, however many, come in the order of the taxonomy, and every product for itself."""
    probabilities = np.random.default_rng(seed).integers(0, 400, (rows, 900)) / 400
    places, found = _best_first(probabilities.copy(), count)
    everything = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(places, everything)
    np.testing.assert_array_equal(found, np.take_along_axis(probabilities, everything, axis=1))
    for row in range(rows):
        np.testing.assert_array_equal(_best_first(probabilities[[row]], count)[0][0], places[row])
