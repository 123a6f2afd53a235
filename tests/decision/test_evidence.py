"""What held-out products showed: by hand, written down, read back, and refused where it cannot be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shelfwise.decision.confidence import Decided
from shelfwise.decision.evidence import Answered, Evidence, label_evidence, path_evidence
from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.errors import ModelFolderError
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget

PATHS = PathTarget((("Home",), ("Home", "Lamps"), ("Toys", "Cars"), ("Toys", "Dolls")))
LABELS = LabelTarget(("gift", "red", "soft"))


def paths() -> Evidence:
    probabilities = np.array(
        [[0.1, 0.6, 0.3, 0.0], [0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.3, 0.5], [0.1, 0.1, 0.3, 0.5]]
    )
    decided = Decided(probabilities.argmax(1), probabilities, probabilities.max(1), np.zeros(4))
    return path_evidence(PATHS, decided, np.array([1, 1, 2, UNLABELLED]), np.array([0, 0, 1, 2]))


def labels() -> Evidence:
    answered = {kind: Answered(np.array([0.4, 0.9]), np.array([False, True])) for kind in THRESHOLD_KINDS}
    probabilities = np.array([[0.9, 0.001, 0.3], [0.002, 0.8, 0.003]])
    truth = np.array([[1, 1, 0], [0, 1, 0]], np.float32)
    return label_evidence(LABELS, probabilities, truth, np.array([5, 6]), answered, "one")


def test_paths_by_hand() -> None:
    found = paths()
    assert found.whole.right.tolist() == [True, False, False, False]
    np.testing.assert_allclose(found.whole.confidence, [0.6, 0.7, 0.5, 0.5])
    np.testing.assert_allclose(found.level_confidence, [[0.7, 0.6], [0.8, 0.0], [0.8, 0.5], [0.8, 0.5]])
    # The second answer ends at Home, which is on the true path; the third is right about Toys; the truth of the last is unknown.
    assert found.level_right.tolist() == [[True, True], [True, False], [True, False], [False, False]]
    assert found.product.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.probability, [0.6, 0.1, 0.3])


def test_labels_by_hand() -> None:
    found = labels()
    pairs = sorted(zip(found.product.tolist(), found.category.tolist(), found.true.tolist(), strict=True))
    assert pairs == [(0, 0, True), (0, 1, True), (0, 2, False), (1, 1, True)]
    assert found.deciding_by("fixed").kind == "fixed"


@pytest.mark.parametrize("made", [paths, labels])
def test_comes_back_as_it_was(made: Callable[[], Evidence]) -> None:
    found = made()
    target = PATHS if made is paths else LABELS
    again = Evidence.read(found.arrays(), target, "one")
    assert again.kind == found.kind
    for name, array in found.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


BROKEN: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
    ("chosen", lambda array: array + 4),
    ("chosen", lambda array: array[:2]),
    ("chosen", lambda array: array.astype(float)),
    ("category", lambda array: array - 2),
    ("product", lambda array: array * 9),
    ("probability", lambda array: array + 1),
    ("probability", lambda array: array * np.nan),
    ("level_confidence", lambda array: array[:, :1]),
    ("level_confidence", lambda array: array - 1),
    ("confidence.paths", lambda array: array * 2),
    ("confidence.paths", lambda array: array[:0]),
    ("right.paths", lambda array: array[None]),
    ("level_right", lambda array: array[:1]),
]


@pytest.mark.parametrize(("name", "change"), BROKEN)
def test_what_cannot_be_is_refused(name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    arrays = paths().arrays()
    arrays[name] = change(arrays[name])
    with pytest.raises(ModelFolderError, match=name):
        Evidence.read(arrays, PATHS, "one")


def test_missing_and_foreign_arrays_are_refused() -> None:
    arrays = paths().arrays()
    with pytest.raises(ModelFolderError, match="at odds: extra"):
        Evidence.read({**arrays, "extra": np.zeros(1)}, PATHS, "one")
    del arrays["true"]
    with pytest.raises(ModelFolderError, match="at odds: true"):
        Evidence.read(arrays, PATHS, "one")
    with pytest.raises(ModelFolderError):
        Evidence.read(paths().arrays(), LABELS, "one")
