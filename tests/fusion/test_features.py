"""What trained policies read: all columns, or of very many the likeliest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.fusion.held_out import held_out

from shelfwise.fusion import features
from shelfwise.fusion.features import Columns, columns


@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_all_columns_one_classifier_after_the_other(exclusive: bool) -> None:
    held = held_out(exclusive)
    read = columns(held.logits, held.present, exclusive, "probabilities")
    assert (read.width, read.places) == (12, None)
    said = np.exp(held.logits) if exclusive else expit(held.logits)
    expected = np.where(held.present[..., None], said, 0)
    np.testing.assert_allclose(read.values, np.concatenate(list(expected), axis=1), rtol=1e-6)
    roots = columns(held.logits, held.present, exclusive, "root_probabilities")
    np.testing.assert_allclose(roots.values**2, read.values, atol=1e-6)


def test_logits_are_about_as_large_as_a_flag() -> None:
    logits = np.array([[[-50.0, -5.0, 0.0]]])
    here = np.ones((1, 1), bool)
    assert columns(logits, here, True, "logits").values.tolist() == [[-1.0, 0.0, 1.0]]
    both = columns(np.array([[[-50.0, 0.0, 5.0]]]), here, False, "logits").values
    assert both.tolist() == [[-2.0, 0.0, 1.0]]


def test_the_likeliest_of_each_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "FULL_COLUMNS", 7)
    monkeypatch.setattr(features, "KEPT_OUTCOMES", 2)
    logits = np.log([[[0.1, 0.5, 0.1, 0.3]], [[0.7, 0.1, 0.15, 0.05]]])
    read = columns(logits, np.array([[True], [True]]), True, "probabilities")
    assert read.places is not None
    assert read.places.tolist() == [[1, 3, 4, 6]]
    np.testing.assert_allclose(read.values, [[0.5, 0.3, 0.7, 0.15]], rtol=1e-6)
    absent = columns(logits, np.array([[False], [True]]), True, "probabilities")
    assert absent.values[0, :2].tolist() == [0, 0]


def test_times_is_the_matrix_product() -> None:
    random = np.random.default_rng(0)
    places = np.stack([random.choice(10, 4, replace=False) for _ in range(6)])
    values = random.random((6, 4)).astype(np.float32)
    dense = np.zeros((6, 10))
    np.put_along_axis(dense, places, values, axis=1)
    weights = random.normal(size=(10, 3))
    np.testing.assert_allclose(Columns(values, places, 10).times(weights), dense @ weights)
    np.testing.assert_allclose(Columns(dense, None, 10).times(weights), dense @ weights)
