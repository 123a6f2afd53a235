"""Groups stay whole, peers are what scikit-learn gives, and scores over known labels equal scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import _data
import _peers
import bench_hm
import numpy as np
import pytest
from _common import Stopwatch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score, recall_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from shelfwise import Catalog
from shelfwise.evaluation.evaluation import label_set_scores

LABELS = ["red", "blue", "green"]
TEXTS = [
    "red shoe big", "red shoe small", "blue hat big", "blue hat small",
    "green red coat", "green coat red", "blue shoe", "blue shoe big",
]  # fmt: skip
SETS = [("red",), ("red",), ("blue",), ("blue",), ("green", "red"), ("green", "red"), ("blue",), ("blue",)]


@given(st.lists(st.integers(0, 12), min_size=12, max_size=80), st.integers(1, 80), st.integers(0, 3))
def test_subsample_takes_whole_groups(groups: list[int], products: int, seed: int) -> None:
    ids = [str(row) for row in range(len(groups))]
    numbers = np.array(groups)
    if len(set(groups)) < 2:
        return
    rows = _data.subsample(numbers, ids, products, seed)
    assert list(rows) == sorted(set(rows.tolist()))
    others = np.setdiff1d(np.arange(len(groups)), rows)
    assert not set(numbers[rows]) & set(numbers[others])
    if products >= len(groups):
        assert len(rows) == len(groups)


def test_subsample_comes_near_the_size_asked_for() -> None:
    groups = np.arange(1000) // 2
    assert abs(len(_data.subsample(groups, [str(row) for row in range(1000)], 150, 0)) - 150) <= 2


def test_subsample_of_no_products() -> None:
    with pytest.raises(ValueError, match="at least 1 product, got 0"):
        _data.subsample(np.arange(5), list("abcde"), 0, 0)


def test_value_groups_leave_the_unknown_apart() -> None:
    assert _data.value_groups(["a", None, "b", None, "a"]).tolist() == [0, 1, 2, 3, 0]


def test_share_met_before() -> None:
    groups = np.array([0, 0, 1, 2, 2, 3])
    assert _data.share_met_before(groups, np.array([0, 2, 3]), np.array([1, 4, 5])) == pytest.approx(2 / 3)
    assert _data.share_met_before(groups, np.array([0]), np.array([], int)) == 0.0


def test_split_and_joined_text(tmp_path: object) -> None:
    file = tmp_path / "products.jsonl"  # type: ignore[operator]
    lines = [f'{{"id": "{row}", "title": "shoe number {row // 2}", "tags": ["a", "b"]}}' for row in range(40)]
    lines[0] = '{"id": "0", "title": null, "tags": null}'
    file.write_text("\n".join(lines), encoding="utf-8")
    catalog = Catalog.read(file)
    groups = _data.near_duplicates(catalog)
    parts = _data.split(catalog, groups, None, 0)
    assert sorted([*parts.train.ids, *parts.test.ids], key=int) == catalog.ids
    assert parts.train.ids == [catalog.ids[row] for row in parts.train_rows]
    assert not set(groups[parts.train_rows]) & set(groups[parts.test_rows])
    assert parts.facts == {"all": 40, "groups": len(set(groups)), "trained on": 30, "scored": 10}
    assert _data.joined_text(catalog, ["title", "tags"])[:2] == ["", "shoe number 0 a b"]


@given(
    arrays.arrays(np.float64, (5, 3), elements=st.floats(-2, 2).map(lambda value: round(value, 1))),
    arrays.arrays(bool, (5, 3)),
)
def test_best_threshold_is_the_best_of_all(scores: np.ndarray, truth: np.ndarray) -> None:
    def micro_f1(threshold: float) -> float:
        given = scores >= threshold
        return 2 * (given & truth).sum() / max(given.sum() + truth.sum(), 1)

    found = _peers.best_threshold(scores, truth)
    if not truth.any():
        assert found == float("inf")
    else:
        assert micro_f1(found) == pytest.approx(max(micro_f1(value) for value in scores.ravel()))


def test_level_svms_and_path_svm_learn_the_words() -> None:
    paths = [(text.split()[0], "coat" if "coat" in text else text.split()[1]) for text in TEXTS]
    assert _peers.LevelSvms().fit(TEXTS, paths).predict(TEXTS) == paths
    uneven = [path[:1] if path[0] == "blue" else path for path in paths]
    assert _peers.PathSvm().fit(TEXTS, uneven).predict(TEXTS) == uneven


def test_label_svms_are_scikit_learns_one_vs_rest() -> None:
    groups = np.arange(len(TEXTS))
    svm = _peers.LabelSvms(LABELS).fit(TEXTS, SETS, groups, [str(row) for row in groups], 0)
    features = _peers.vectorizer().fit_transform(TEXTS)
    theirs = OneVsRestClassifier(LinearSVC()).fit(features, _peers.label_matrix(SETS, LABELS).astype(int))
    given = theirs.decision_function(features) >= svm.threshold
    assert svm.predict(TEXTS) == [tuple(np.array(LABELS)[row].tolist()) for row in given]


def test_a_label_without_examples_is_never_given() -> None:
    groups = np.arange(len(TEXTS))
    svm = _peers.LabelSvms([*LABELS, "unseen"]).fit(TEXTS, SETS, groups, [str(row) for row in groups], 0)
    assert all("unseen" not in labels for labels in svm.predict(TEXTS))


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abcde"), min_size=1), st.sets(st.sampled_from("abc"))),
        min_size=1,
        max_size=20,
    )
)
def test_scores_over_known_labels(products: list[tuple[set[str], set[str]]]) -> None:
    """Labels d and e are true of some products but were never learned."""
    wanted = [tuple(sorted(true)) for true, _ in products]
    answers = [tuple(sorted(given)) for _, given in products]
    known = ["a", "b", "c"]
    over_known = bench_hm.OverKnown.count(wanted, known)
    scores = label_set_scores(wanted, answers)
    truth, predicted = _peers.label_matrix(wanted, known), _peers.label_matrix(answers, known)
    options = {"average": "micro", "zero_division": 0}
    assert over_known.recall(scores) == pytest.approx(recall_score(truth, predicted, **options))
    assert over_known.micro_f1(scores) == pytest.approx(f1_score(truth, predicted, **options))


def test_a_model_scored_on_several_splits_shows_averages() -> None:
    model = bench_hm.Model()
    everything = bench_hm.OverKnown(true=4, known=4)
    peer = label_set_scores([("a",), ("b",)], [("a",), ("c",)])
    for answers in ([("a",), ("b",)], [("a",), ("c",)]):
        model.add(label_set_scores([("a",), ("b",)], answers), peer, everything)
    for seconds in (1.0, 3.0):
        model.add_times(Stopwatch(seconds), Stopwatch(0.5))
    row = model.row("ours")
    assert row["model"] == "ours"
    assert row["micro-F1"] == pytest.approx(0.75)
    assert row["micro-F1 / SVM"] == pytest.approx(1.5)
    assert (row["train s"], row["predict s"]) == (2.0, 0.5)


def test_a_peer_that_gets_nothing_right_has_no_ratio() -> None:
    model = bench_hm.Model()
    nothing = label_set_scores([("a",)], [("b",)])
    model.add(nothing, nothing, bench_hm.OverKnown(1, 1))
    assert "micro-F1 / SVM" not in model.row("none")


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_the_share_to_score_is_what_was_asked_for(share: float, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("id,title\n" + "".join(f"{row},product {row}\n" for row in range(200)))
    parts = _data.split(Catalog.read(file), np.arange(200), None, 0, share)
    assert len(parts.test_rows) == pytest.approx(200 * share, abs=1)
    assert not set(parts.test_rows.tolist()) & set(parts.train_rows.tolist())
