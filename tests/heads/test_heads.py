"""One suite for every head there is, and what each kind promises besides."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from shelfwise.errors import RecipeError
from shelfwise.heads import LABEL_HEADS, PATH_HEADS, build_head
from shelfwise.heads.base import Head
from shelfwise.heads.sequential import SequentialHead
from shelfwise.recipe import HEADS
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

UNEVEN = PathTarget(
    (
        ("Bags",),
        ("Men",),
        ("Men", "Shoes"),
        ("Men", "Shoes", "Sneakers"),
        ("Women", "Shoes", "Boots"),
        ("Women", "Shoes", "Sneakers"),
    )
)
EVEN = PathTarget((("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("b", "z")))
FLAT = PathTarget((("a",), ("b",), ("c",)))
LABELS = LabelTarget(("cotton", "red", "silk", "wool"))
SETS = LabelTarget(("cotton", "red", "silk", "wool"), ((0,), (0, 1), (1, 2), (3,)))


@dataclass(frozen=True)
class Case:
    """A head, what it predicts, and the answers of two products."""

    kind: str
    target: Target
    truth: torch.Tensor

    def __str__(self) -> str:
        return f"{self.kind}-{self.target.n_outcomes}"

    def head(self) -> Head:
        torch.manual_seed(0)  # some heads have layers of their own
        return build_head(self.kind, self.target).eval()

    @property
    def exclusive(self) -> bool:
        return self.target.exclusive


CASES = [
    *(Case(kind, target, torch.tensor([2, 0])) for kind in PATH_HEADS for target in (UNEVEN, EVEN, FLAT)),
    Case("multilabel", LABELS, torch.tensor([[1, 0, 0, 1], [0, 1, 0, 0]], dtype=torch.float64)),
    Case("label_sets", SETS, torch.tensor([2, 0])),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    torch.set_num_threads(1)
    case: Case = request.param
    return case


def scores_for(head: Head, rows: int = 2, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(rows, head.n_scores, generator=random, dtype=torch.float64) * 3


def test_the_suite_covers_every_head() -> None:
    assert {case.kind for case in CASES} == {*PATH_HEADS, *LABEL_HEADS}


def test_one_number_per_outcome(case: Case) -> None:
    head = case.head().double()
    logits = head.outcome_logits(scores_for(head, rows=5))
    assert logits.shape == (5, case.target.n_outcomes)
    assert torch.isfinite(logits).all()
    if case.exclusive:
        torch.testing.assert_close(logits.exp().sum(1), torch.ones(5, dtype=torch.float64))


def test_extreme_scores_stay_finite(case: Case) -> None:
    head = case.head()
    scores = torch.tensor([[1e4, -1e4]]).repeat(2, head.n_scores)[:, : head.n_scores].requires_grad_()
    loss = head.loss(scores, case.truth)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()
    assert not torch.isnan(head.outcome_logits(scores)).any()


def test_products_do_not_interact(case: Case) -> None:
    head = case.head().double()
    scores = scores_for(head, rows=4)
    together = head.outcome_logits(scores)
    alone = torch.cat([head.outcome_logits(row[None]) for row in scores])
    torch.testing.assert_close(together, alone)


def test_the_gradient_is_the_slope_of_the_loss(case: Case) -> None:
    head = case.head().double()
    scores = scores_for(head).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: head.loss(values, case.truth), (scores,))
    weights = torch.linspace(0.5, 2, case.target.n_outcomes, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda values: head.loss(values, case.truth, weights), (scores,))


def test_following_the_loss_leads_to_the_truth(case: Case) -> None:
    head = case.head().double()
    if (
        "wrong_labels" in head.Options.model_fields
    ):  # from scores that rule the truth out, they would not believe it
        head = build_head({"kind": case.kind, "wrong_labels": 0}, case.target).double()
    learned = list(head.parameters())
    scores = scores_for(head).requires_grad_()
    losses = []
    for _ in range(300):
        loss = head.loss(scores, case.truth)
        losses.append(float(loss.detach()))
        slopes = torch.autograd.grad(loss, [scores, *learned])
        with torch.no_grad():
            for values, slope in zip([scores, *learned], slopes, strict=True):
                values -= slope
    if not learned:
        assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    logits = head.outcome_logits(scores)
    if case.exclusive:
        assert logits.argmax(1).tolist() == case.truth.tolist()
    else:
        assert ((logits > 0) == (case.truth > 0)).all()


def test_every_outcome_can_be_the_most_probable(case: Case) -> None:
    if not case.exclusive:
        pytest.skip("labels are decided each for itself")
    head = case.head().double()
    every = torch.arange(case.target.n_outcomes)
    scores = torch.zeros(len(every), head.n_scores, dtype=torch.float64, requires_grad=True)
    for _ in range(400):
        (slope,) = torch.autograd.grad(head.loss(scores, every), scores)
        scores = (scores - slope * len(every)).detach().requires_grad_()
    assert head.outcome_logits(scores).argmax(1).tolist() == every.tolist()


def test_weights_weigh(case: Case) -> None:
    head = case.head().double()
    scores = scores_for(head)
    ones = torch.ones(case.target.n_outcomes, dtype=torch.float64)
    torch.testing.assert_close(head.loss(scores, case.truth, ones), head.loss(scores, case.truth))
    if case.exclusive:
        weights = ones.clone()
        weights[case.truth[1]] = 3.0  # the second product counts three times
        single = [head.loss(scores[row : row + 1], case.truth[row : row + 1]) for row in (0, 1)]
        torch.testing.assert_close(head.loss(scores, case.truth, weights), (single[0] + 3 * single[1]) / 4)
        torch.testing.assert_close(
            head.loss(scores, case.truth, weights * 7), head.loss(scores, case.truth, weights)
        )


def test_state_holds_no_copy_of_the_taxonomy(case: Case) -> None:
    """What follows from the target is built anew on loading; only what is learned is saved."""
    learned = {name for name, _ in case.head().named_parameters()}
    assert set(case.head().state_dict()) == learned


class TestBuildHead:
    def test_every_name_a_recipe_takes_is_a_head(self) -> None:
        assert set(HEADS) == {"auto", *PATH_HEADS, *LABEL_HEADS}

    def test_options(self) -> None:
        head = build_head({"kind": "sequential", "width": 7, "beam_width": 3}, EVEN)
        assert isinstance(head, SequentialHead)
        assert (head.n_scores, head.beam_width) == (7, 3)
        assert type(build_head({"kind": "auto", "smoothing": 0.1}, EVEN)) is PATH_HEADS["tree"]

    @pytest.mark.parametrize(
        ("given", "target", "says"),
        [
            (
                {"kind": "sequential", "decoding": "beam"},
                EVEN,
                "expected options among width, .* for the head 'sequential', got 'decoding'; did you mean 'decode'",
            ),
            (
                {"kind": "sequential", "decode": "bean"},
                EVEN,
                "'decode' of the head 'sequential': .*'exact', 'beam' or 'greedy', got 'bean'",
            ),
            ({"kind": "level_decoder", "cell": "rnn"}, EVEN, "'cell'.*'gru' or 'lstm', got 'rnn'"),
            ({"kind": "level_decoder", "width": 0}, EVEN, "'width'.*greater than or equal to 1, got 0"),
            ({"kind": "tree", "smoothing": -0.1}, EVEN, "'smoothing'.*greater than or equal to 0"),
            ({"kind": "label_sets", "wrong_labels": 1}, SETS, "'wrong_labels'.*less than 1"),
            ({"kind": "sequential", "dropout": float("nan")}, EVEN, "'dropout'"),
            ({"kind": "per_level", "level_weights": [1]}, EVEN, r"expected 2 level_weights .* got \[1"),
            ({"kind": "per_level", "level_weights": [0, 0]}, EVEN, "at least one of them above 0"),
            ({"kind": "per_level", "level_weights": [1, -1]}, EVEN, "level_weights.1'"),
            ({"kind": "per_level", "smoothing": 0.1}, EVEN, "'per_level', got 'smoothing'"),
            (
                {"kind": "label_sets", "width": 3},
                SETS,
                "expected options among wrong_labels for the head 'label_sets', got 'width'",
            ),
            ({}, EVEN, "expected a head for this target"),
        ],
    )
    def test_an_option_that_cannot_work_is_one_clear_line(
        self, given: dict[str, object], target: Target, says: str
    ) -> None:
        with pytest.raises(RecipeError, match=says) as raised:
            build_head(given, target)
        assert "\n" not in str(raised.value)

    def test_auto(self) -> None:
        assert type(build_head("auto", EVEN)) is PATH_HEADS["tree"]
        assert type(build_head("auto", LABELS)) is LABEL_HEADS["multilabel"]
        assert type(build_head("auto", SETS)) is LABEL_HEADS["label_sets"]

    @pytest.mark.parametrize(
        ("kind", "target", "nearest"),
        [
            ("tre", EVEN, "tree"),
            ("per_levels", EVEN, "per_level"),
            ("multilabels", LABELS, "multilabel"),
            ("label_set", SETS, "label_sets"),
        ],
    )
    def test_an_unknown_head_names_the_nearest(self, kind: str, target: Target, nearest: str) -> None:
        with pytest.raises(RecipeError, match=f"got '{kind}'; did you mean '{nearest}'"):
            build_head(kind, target)

    @pytest.mark.parametrize(
        ("kind", "target"), [("multilabel", EVEN), ("tree", LABELS), ("multilabel", SETS)]
    )
    def test_a_head_for_another_kind_of_target(self, kind: str, target: Target) -> None:
        with pytest.raises(RecipeError, match="expected a head for this target"):
            build_head(kind, target)
