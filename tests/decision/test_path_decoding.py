"""Decoding of paths: by hand, against brute force, and that every path returned exists."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.decision.path_decoding import KINDS, Kind, PathDecoder, choose_decoding, decode
from shelfwise.heads import build_head
from shelfwise.heads.dependent import DependentHead
from shelfwise.taxonomy.targets import UNLABELLED, PathTarget

PATHS = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple),
    min_size=2,
    max_size=25,
    unique=True,
)
TARGET = PathTarget((("a", "x"), ("a", "y"), ("a", "z"), ("b", "w"), ("c",)))


def logs(*probabilities: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.array([probabilities]))


def random_logs(target: PathTarget, seed: int, rows: int = 4) -> np.ndarray:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(target.n_outcomes, 0.5), rows)
    return np.log(np.maximum(probabilities, 1e-30))


def answer(kind: Kind, *probabilities: float) -> tuple[str, ...]:
    return TARGET.outcomes[int(decode(TARGET, logs(*probabilities), kind)[0])]


class TestByHand:
    def test_the_highest_leaf_may_lie_below_an_improbable_parent(self) -> None:
        given = (0.2, 0.2, 0.2, 0.3, 0.1)
        assert answer("highest_leaf", *given) == ("b", "w")
        assert answer("greedy", *given) == ("a", "x"), "a has .6"
        assert answer("beam", *given) == ("b", "w"), "wide enough here"

    def test_to_stop_is_a_choice_like_a_child(self) -> None:
        assert answer("greedy", 0.1, 0.1, 0.2, 0.15, 0.45) == ("c",)
        target = PathTarget((("a",), ("a", "x"), ("a", "y"), ("b",)))
        assert decode(target, logs(0.3, 0.2, 0.25, 0.25), "greedy").tolist() == [0]

    def test_levels_that_make_a_path_are_the_answer(self) -> None:
        target = PathTarget((("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")))
        given = logs(0.3, 0.25, 0.0, 0.45)  # a .55; y .70
        assert decode(target, given, "per_level_argmax").tolist() == [1]
        assert decode(target, given, "highest_leaf").tolist() == [3]

    def test_levels_that_make_no_path_are_repaired_to_the_nearest(self) -> None:
        # Level 1 says a (.45), level 2 says w (.40), and a > w does not exist: b > w is right on .40 + .40 levels,
        # a > x on .45 + .20.
        assert answer("per_level_argmax", 0.2, 0.15, 0.1, 0.4, 0.15) == ("b", "w")
        # Louder on level 1: a > x is right on .70 + .30, b > w on .25 + .25.
        assert answer("per_level_argmax", 0.3, 0.22, 0.18, 0.25, 0.05) == ("a", "x")

    def test_between_paths_with_equal_levels_the_more_probable_is_taken(self) -> None:
        target = PathTarget((("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")))
        assert decode(target, logs(0.1, 0.4, 0.4, 0.1) + np.array([[0, 0, 1e-3, 0]]), "highest_leaf") == [2]
        assert decode(target, logs(0.1, 0.4, 0.4, 0.1), "per_level_argmax").tolist()[0] in (1, 2)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    @given(PATHS, st.integers(0, 2**31))
    @settings(deadline=None, max_examples=40)
    def test_returns_paths_that_exist(self, kind: Kind, paths: list[tuple[str, ...]], seed: int) -> None:
        target = PathTarget(tuple(paths))  # in any order
        found = decode(target, random_logs(target, seed), kind)
        assert found.dtype == np.int64
        assert found.shape == (4,)
        assert ((found >= 0) & (found < target.n_outcomes)).all()

    @given(PATHS, st.integers(0, 2**31))
    @settings(deadline=None, max_examples=40)
    def test_products_do_not_interact_and_scale_does_not_matter(
        self, kind: Kind, paths: list[tuple[str, ...]], seed: int
    ) -> None:
        target = PathTarget(tuple(sorted(paths)))
        given = random_logs(target, seed)
        together = decode(target, given, kind)
        alone = [int(decode(target, row[None] - 700, kind)[0]) for row in given]
        assert together.tolist() == alone

    def test_a_certain_path_is_the_answer(self, kind: Kind) -> None:
        for number in range(TARGET.n_outcomes):
            given = np.full((1, TARGET.n_outcomes), -np.inf)
            given[0, number] = 0.0
            assert decode(TARGET, given, kind).tolist() == [number]

    def test_nothing_said_is_answered_with_a_path_all_the_same(self, kind: Kind) -> None:
        """Products that no classifier could read have no probabilities; what becomes of them is decided elsewhere."""
        assert decode(TARGET, np.full((2, 5), -np.inf), kind).tolist() in ([0, 0], [4, 4])

    def test_no_products(self, kind: Kind) -> None:
        assert decode(TARGET, np.zeros((0, 5)), kind).shape == (0,)

    def test_one_level(self, kind: Kind) -> None:
        flat = PathTarget((("a",), ("b",), ("c",)))
        assert decode(flat, logs(0.2, 0.5, 0.3), kind).tolist() == [1]


@given(PATHS, st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_a_beam_is_never_below_greedy_nor_above_the_best(paths: list[tuple[str, ...]], seed: int) -> None:
    target = PathTarget(tuple(sorted(paths)))
    given = random_logs(target, seed, rows=10)
    rows = np.arange(10)
    greedy, beam, best = (
        given[rows, decode(target, given, kind)] for kind in ("greedy", "beam", "highest_leaf")
    )
    assert (beam >= greedy).all()
    assert (best >= beam).all()


@given(PATHS, st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_per_level_answers_are_right_on_most_levels_in_expectation(
    paths: list[tuple[str, ...]], seed: int
) -> None:
    """Against brute force over all paths and all truths."""
    target = PathTarget(tuple(sorted(paths)))
    depth = target.taxonomy.depth
    padded = [(*path, *[""] * (depth - len(path))) for path in target.outcomes]
    given = random_logs(target, seed, rows=1)
    agree = np.array([[sum(a == b for a, b in zip(p, q, strict=True)) for q in padded] for p in padded])
    expected = agree @ np.exp(given[0])
    assert expected[decode(target, given, "per_level_argmax")[0]] == pytest.approx(expected.max())


def test_greedy_is_what_a_sequential_head_decodes_greedily() -> None:
    target = PathTarget((("a",), ("a", "x"), ("a", "y", "z"), ("b", "x"), ("b", "y"), ("c", "d", "e")))
    torch.manual_seed(0)
    head = build_head({"kind": "sequential", "width": 8}, target).double().eval()
    assert isinstance(head, DependentHead)
    scores = torch.randn(50, 8, dtype=torch.float64) * 6
    head.decode = "exact"
    exact = head.outcome_logits(scores).detach().numpy()
    head.decode = "greedy"
    assert decode(target, exact, "greedy").tolist() == head.search(scores).outcomes[:, 0].tolist()


class TestChoice:
    def given(self, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
        """Products whose most probable beginning is right and whose most probable path is not."""
        probabilities = np.tile([0.24, 0.2, 0.16, 0.4, 0.0], (rows, 1))
        truth = np.where(np.arange(rows) % 4 == 0, 3, 0)
        with np.errstate(divide="ignore"):
            return np.log(probabilities), truth

    def test_the_best_on_held_out_products(self) -> None:
        log_probabilities, truth = self.given()
        choice = choose_decoding(TARGET, log_probabilities, truth)
        assert choice.scores["highest_leaf"] == pytest.approx(0.25)
        assert choice.scores["greedy"] == pytest.approx(0.75)
        assert choice.kind in ("greedy", "per_level_argmax")
        assert choice.scores[choice.kind] == pytest.approx(0.75)

    def test_the_first_where_none_is_clearly_better(self) -> None:
        log_probabilities, truth = self.given(rows=8)
        truth[:] = [3, 3, 3, 3, 0, 0, 0, 0]
        assert choose_decoding(TARGET, log_probabilities, truth).kind == "highest_leaf"

    def test_an_unknown_truth_is_wrong_for_all(self) -> None:
        log_probabilities, truth = self.given()
        choice = choose_decoding(TARGET, log_probabilities, np.full_like(truth, UNLABELLED))
        assert choice.kind == "highest_leaf"
        assert set(choice.scores.values()) == {0.0}

    def test_of_no_products_nothing_is_learned(self) -> None:
        choice = choose_decoding(TARGET, np.zeros((0, 5)), np.zeros(0, dtype=np.int64))
        assert choice.kind == "highest_leaf"


def test_a_decoder_is_made_once_for_many_blocks() -> None:
    decoder = PathDecoder(TARGET, "beam")
    given = random_logs(TARGET, 0, rows=20)
    assert np.concatenate([decoder(given[:7]), decoder(given[7:])]).tolist() == decoder(given).tolist()
