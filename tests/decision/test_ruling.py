"""What rules make of predictions: the answer changes at once, and is accepted only where people confirmed the rule."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.fields import Field
from shelfwise.decision.rules import Rule, RuleSet, RuleText
from shelfwise.decision.ruling import Ruling
from shelfwise.predictions import Alternative, Prediction
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

LAMPS, POTS, PANS = ("Home", "Lamps"), ("Home", "Pots"), ("Home", "Pots", "Pans")
TARGET = PathTarget((LAMPS, POTS, PANS, ("Toys",)))
LABELS = LabelTarget(("blue", "red", "soft"))
MADE = Prediction(
    "1", LAMPS, 0.6, (0.9, 0.6), "review", "unsure", (Alternative(POTS, 0.3), Alternative(PANS, 0.1))
)


def ruling(target: tuple[str, ...], judged: int = 0, right: int = 0, of: PathTarget = TARGET) -> Ruling:
    rules = RuleSet((Rule(3, RuleText("", "", ("pot",), target), judged, right),))
    return Ruling.of(rules, of, 0.95)


def catalog(*titles: str) -> Catalog:
    fields = {"title": Field("title", Role.TEXT, ""), "path": Field("path", Role.TEXT, "")}
    table = pa.table({"title": list(titles), "path": ["pot"] * len(titles)})
    return Catalog(table, [str(number) for number in range(len(titles))], fields)


def test_another_answer_goes_to_a_person_and_is_marked() -> None:
    rules = ruling(PANS)
    (after,) = [rules.ruled(MADE, one) for one in rules.rules]
    assert (after.answer, after.decision, after.rule) == (PANS, "review", 3)
    assert after.confidence == 0.1  # what the model gives it
    assert after.part_confidence == (0.9, 0.1, 0.1)
    assert after.reason == (
        "rule 3: with 'pot'; the model said Home > Lamps (0.600); nobody has confirmed it yet"
    )
    assert after.alternatives == (Alternative(LAMPS, 0.6), Alternative(POTS, 0.3))


def test_a_rule_that_people_confirmed_often_enough_is_accepted() -> None:
    earned, not_yet = ruling(PANS, 80, 80), ruling(PANS, 80, 77)
    after = earned.ruled(MADE, earned.rules.rules[0])
    assert after.decision == "accept"
    assert 0.95 <= after.confidence < 1
    assert after.part_confidence == (after.confidence,) * 3
    late = not_yet.ruled(MADE, not_yet.rules.rules[0])
    assert late.decision == "review"
    assert late.reason.endswith("people confirmed it 77 of 80 times")


def test_agreeing_changes_the_mark_alone() -> None:
    rules = ruling(LAMPS)
    after = rules.ruled(MADE, rules.rules.rules[0])
    assert after == replace(MADE, rule=3, reason="rule 3: with 'pot'; unsure")


def test_an_inner_category_has_its_own_probability() -> None:
    rules = ruling(("Home",), of=TARGET)
    after = rules.ruled(MADE, rules.rules.rules[0])
    assert (after.answer, after.confidence, after.part_confidence) == (("Home",), 0.9, (0.9,))


def test_a_product_that_the_model_could_not_read() -> None:
    failed = Prediction("1", (), 0.0, (), "failed", "nothing usable")
    rules = ruling(PANS)
    after = rules.ruled(failed, rules.rules.rules[0])
    assert (after.answer, after.decision, after.confidence) == (PANS, "review", 0.0)
    assert "the model had no answer: nothing usable" in after.reason


class TestLabelSets:
    MADE = Prediction("1", ("red",), 0.8, (0.9,), "accept", "", (Alternative(("soft",), 0.4),))

    def after(self, *target: str, judged: int = 0, right: int = 0) -> Prediction:
        rules = RuleSet((Rule(3, RuleText("", "", ("pot",), target), judged, right),))
        found = Ruling.of(rules, LABELS, 0.95)
        return found.ruled(self.MADE, found.rules.rules[0])

    def test_labels_are_added(self) -> None:
        one = self.after("soft")
        assert (one.answer, one.part_confidence) == (("red", "soft"), (0.9, 0.4))
        assert (one.decision, one.confidence) == ("review", 0.4)
        assert one.alternatives == ()

    def test_an_earned_rule_leaves_the_models_decision(self) -> None:
        one = self.after("soft", judged=100, right=100)
        assert one.decision == "accept"
        assert one.part_confidence[0] == 0.9
        assert one.part_confidence[1] > 0.95

    def test_agreeing(self) -> None:
        one = self.after("red")
        assert (one.answer, one.decision, one.rule) == (("red",), "accept", 3)


def test_categories_that_the_model_does_not_have_are_left_out_and_said() -> None:
    gone = ruling(("Home", "Sofas"))
    assert len(gone.rules) == 0
    assert gone.notes == ("rule 3 is left out: 'Home > Sofas' is not one of the model's categories",)


def test_a_catalogs_products_in_their_order() -> None:
    predictions = [replace(MADE, id=str(number)) for number in range(3)]
    after = ruling(PANS).apply(catalog("a lamp", "a pot", "POT-au-feu"), predictions)
    # The word stands in the target's column too, which is given here: it is a field like any other …
    assert [one.rule for one in after] == [3, 3, 3]
    hidden = replace(ruling(PANS), hidden=("path",))
    # … and hidden where the model says which its target is.
    assert [one.rule for one in hidden.apply(catalog("a lamp", "a pot", "POT-au-feu"), predictions)] == [
        None,
        3,
        3,
    ]


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([LAMPS, POTS, PANS, ("Home",), ("Toys",)]),
    st.integers(0, 99),
)
def test_confidence_never_grows_downward(
    first: float, second: float, target: tuple[str, ...], right: int
) -> None:
    parts = tuple(sorted((first, second), reverse=True))
    made = replace(MADE, part_confidence=parts, confidence=parts[-1])
    rules = ruling(target, 99, right)
    after = rules.ruled(made, rules.rules.rules[0])
    assert all(
        low <= high for high, low in zip(after.part_confidence, after.part_confidence[1:], strict=False)
    )
    assert len(after.part_confidence) == len(after.answer)
    assert after.confidence == pytest.approx(after.part_confidence[-1])
    assert 0 <= after.confidence <= 1
