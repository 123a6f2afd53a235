"""Targets: what is encoded comes back, parents are at least as probable as children, bad JSON is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.errors import ModelFolderError, TargetError
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, target_from_json

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=2, max_size=10, unique=True
)


class TestPathTarget:
    def test_outcomes_are_where_products_end(self) -> None:
        target = PathTarget.from_truth([("Men", "Shoes"), (), ("Men",), ("Men", "Shoes"), ("Bags",)])
        assert target.outcomes == (("Bags",), ("Men",), ("Men", "Shoes"))
        assert target.taxonomy.paths == (("Bags",), ("Men",), ("Men", "Shoes"))

    def test_an_inner_category_where_no_product_ends_is_no_outcome(self) -> None:
        target = PathTarget.from_truth([("Men", "Shoes"), ("Men", "Belts")])
        assert ("Men",) not in target.outcomes
        assert ("Men",) in target.taxonomy

    def test_encode(self) -> None:
        target = PathTarget.from_truth([("a", "x"), ("b",)])
        encoded = target.encode([("b",), ("a", "x"), (), ("a",), ("c",)])
        assert encoded.dtype == np.int64
        assert encoded.tolist() == [1, 0, UNLABELLED, UNLABELLED, UNLABELLED]

    def test_no_product_encodes_to_no_rows(self) -> None:
        assert PathTarget.from_truth([("a",), ("b",)]).encode([]).shape == (0,)

    @pytest.mark.parametrize("truth", [[], [(), ()]])
    def test_no_labelled_product(self, truth: list[tuple[str, ...]]) -> None:
        with pytest.raises(TargetError, match="empty in all"):
            PathTarget.from_truth(truth)

    def test_one_category_is_named(self) -> None:
        with pytest.raises(TargetError, match="'Men > Shoes'"):
            PathTarget.from_truth([("Men", "Shoes"), (), ("Men", "Shoes")])

    def test_probabilities_are_summed_upward(self) -> None:
        target = PathTarget.from_truth([("a",), ("a", "x"), ("a", "y"), ("b", "x")])
        found = target.category_probabilities(np.array([[0.1, 0.2, 0.3, 0.4]]))
        by_path = dict(zip(target.taxonomy.paths, found[0], strict=True))
        expected = {("a",): 0.6, ("a", "x"): 0.2, ("a", "y"): 0.3, ("b",): 0.4, ("b", "x"): 0.4}
        assert by_path == pytest.approx(expected)

    @given(PATHS, st.integers(0, 2**32 - 1))
    def test_a_parent_is_at_least_as_probable_as_its_children_together(
        self, paths: list[tuple[str, ...]], seed: int
    ) -> None:
        target = PathTarget.from_truth(paths)
        probabilities = np.random.default_rng(seed).dirichlet(np.full(len(target.outcomes), 0.3), size=4)
        found = target.category_probabilities(probabilities)
        tree = target.taxonomy
        assert found.shape == (4, len(tree))
        for path in tree.paths:
            children = [
                place
                for other, place in tree.index.items()
                if other[:-1] == path and len(other) == len(path) + 1
            ]
            assert (found[:, tree.index[path]] >= found[:, children].sum(1) - 1e-9).all()
        tops = [place for path, place in tree.index.items() if len(path) == 1]
        np.testing.assert_allclose(found[:, tops].sum(1), 1, atol=1e-9)

    @given(PATHS)
    def test_every_path_encodes_to_its_own_outcome(self, paths: list[tuple[str, ...]]) -> None:
        target = PathTarget.from_truth(paths)
        assert [target.outcomes[place] for place in target.encode(paths)] == paths


class TestLabelTarget:
    def test_labels_of_enough_products(self) -> None:
        truth = [("red", "cotton"), ("red",), ("blue", "blue"), ()]
        assert LabelTarget.from_truth(truth).labels == ("blue", "cotton", "red")
        assert LabelTarget.from_truth(truth, min_products=2).labels == ("red",)

    def test_no_label_left_says_how_many_there_were(self) -> None:
        with pytest.raises(TargetError, match="at least 3 products, but of 2 labels"):
            LabelTarget.from_truth([("a",), ("b", "a")], min_products=3)
        with pytest.raises(TargetError, match="empty in all"):
            LabelTarget.from_truth([(), ()])

    def test_each_label_for_itself(self) -> None:
        target = LabelTarget(("a", "b"))
        assert not target.exclusive
        assert target.n_outcomes == 2
        encoded = target.encode([("b", "z"), (), ("b", "a")])
        assert encoded.dtype == np.float32
        assert encoded.tolist() == [[0, 1], [0, 0], [1, 1]]
        probabilities = np.array([[0.3, 0.9]])
        assert target.label_probabilities(probabilities) is probabilities

    def test_known_sets_as_wholes(self) -> None:
        target = LabelTarget.from_truth([("b", "a"), ("a",), ("a", "b"), ()], space="sets")
        assert target.labels == ("a", "b")
        assert target.sets == ((0,), (0, 1))
        assert target.exclusive
        assert target.n_outcomes == 2
        truth = [("b", "a"), ("a",), ("b",), (), ("a", "z")]
        assert target.encode(truth).tolist() == [1, 0, UNLABELLED, UNLABELLED, 0]
        assert target.encode_labels(truth).tolist() == [[1, 1], [1, 0], [0, 1], [0, 0], [1, 0]]
        assert target.label_probabilities(np.array([[0.3, 0.7]])) == pytest.approx(np.array([[1.0, 0.7]]))

    def test_sets_are_chosen_where_they_repeat(self) -> None:
        repeated = [("a", "b"), ("c",)] * 8
        assert LabelTarget.from_truth(repeated).sets
        assert not LabelTarget.from_truth(repeated, space="labels").sets
        assert not LabelTarget.from_truth([("a",), ("b",), ("a", "b")]).sets
        assert not LabelTarget.from_truth([("a", "b")] * 9).sets, "one set alone leaves nothing to choose"

    def test_labels_left_out_are_left_out_of_sets(self) -> None:
        target = LabelTarget.from_truth([("a", "rare"), ("a",), ("b",), ("b",)], min_products=2, space="sets")
        assert target.sets == ((0,), (1,))
        assert target.encode([("a", "rare")]).tolist() == [0]


class TestJson:
    @pytest.mark.parametrize(
        "target",
        [
            PathTarget((("a",), ("a", "ä > b"), ("c", "a"))),
            PathTarget((("a", "x"), ("b", "y")), ("gender", "type")),
            LabelTarget(("a", "b, c", "日本")),
            LabelTarget(("a", "b"), ((0,), (0, 1))),
        ],
    )
    def test_round_trip(self, target: PathTarget | LabelTarget) -> None:
        assert target_from_json(json.loads(json.dumps(target.to_json()))) == target

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"kind": "forest", "labels": ["a"]},
            {"kind": "path"},
            {"kind": "path", "outcomes": [], "level_names": []},
            {"kind": "path", "outcomes": [[]], "level_names": []},
            {"kind": "path", "outcomes": ["ab", "cd"], "level_names": []},
            {"kind": "path", "outcomes": [["a", 1], ["b"]], "level_names": []},
            {"kind": "path", "outcomes": [["a"], None], "level_names": []},
            {"kind": "path", "outcomes": {"a": 1}, "level_names": []},
            {"kind": "path", "outcomes": [["a"], ["b"]], "level_names": 3},
            {"kind": "path", "outcomes": [["a"], ["a"]], "level_names": []},
            {"kind": "labels", "labels": ["a", "b"]},
            {"kind": "labels", "labels": [], "sets": []},
            {"kind": "labels", "labels": "ab", "sets": []},
            {"kind": "labels", "labels": ["a", 2], "sets": []},
            {"kind": "labels", "labels": ["a", "a"], "sets": []},
            {"kind": "labels", "labels": ["a", "b"], "sets": 1},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], [2]]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], [-1]]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], []]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], ["1"]]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], [True]]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], [0]]},
            {"kind": "labels", "labels": ["a", "b"], "sets": [[0], [1, 0]]},
            [],
            None,
            "path",
        ],
    )
    def test_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(ModelFolderError, match="expected a target"):
            target_from_json(value)
