"""The recogniser: leaving products out follows exactly from one fit, and what is read back is checked."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.decision.novelty_recogniser import (
    _STRENGTH,
    OWN_CLASSES,
    Recogniser,
    RecogniserFit,
    _classes,
)
from shelfwise.errors import ModelFolderError


def made(products: int = 120, kinds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Features of length 1 around a centre a kind, and kinds."""
    random = np.random.default_rng(0)
    own = np.arange(products) % kinds
    features = random.standard_normal((kinds, 20))[own] + 0.6 * random.standard_normal((products, 20))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), own


def test_leaving_products_out_is_the_same_as_fitting_without_them() -> None:
    features, kinds = made()
    hidden = np.flatnonzero(kinds == 2)
    kept = np.flatnonzero(kinds != 2)
    columns = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    wanted = (_classes(kinds)[kinds][:, None] == np.arange(4)).astype(float)
    gram = columns[kept].T @ columns[kept] + _STRENGTH * np.eye(21)
    weights = np.linalg.solve(gram, columns[kept].T @ wanted[kept])
    said = RecogniserFit(features, kinds).said(features, hidden)
    np.testing.assert_allclose(said, columns @ weights, atol=1e-5)


def test_an_unknown_kind_is_less_familiar_than_known_ones() -> None:
    features, kinds = made()
    fit = RecogniserFit(features, kinds)
    familiar = fit.recogniser.unfamiliarity([features])
    for kind in range(4):
        mine = np.flatnonzero(kinds == kind)
        as_new = fit.unfamiliarity(features[mine], mine, kind)
        assert np.median(as_new) > np.quantile(familiar, 0.9)


def test_a_product_does_not_depend_on_its_company() -> None:
    features, kinds = made(700)
    recogniser = RecogniserFit(features, kinds).recogniser
    together = recogniser.unfamiliarity([features])
    alone = np.concatenate([recogniser.unfamiliarity([features[[row]]]) for row in (0, 300, 699)])
    np.testing.assert_array_equal(together[[0, 300, 699]], alone)


def test_the_rarest_of_many_kinds_share_regressions() -> None:
    kinds = np.concatenate([np.arange(1_000), np.arange(300)])
    classes = _classes(kinds)
    counts = np.bincount(classes)
    assert len(counts) <= 512
    assert (counts[:OWN_CLASSES] == 1).all()
    assert len(set(classes[:300])) == 300  # the more frequent ones have their own


def test_reading_back_gives_the_same_and_refuses_others() -> None:
    features, kinds = made()
    recogniser = RecogniserFit(features, kinds).recogniser
    again = Recogniser.read(recogniser.arrays(), 20)
    np.testing.assert_array_equal(again.weights, recogniser.weights)
    wrong = [
        {},
        {"weights": recogniser.weights[:-1]},
        {"weights": recogniser.weights.astype(np.float64)},
        {"weights": np.full_like(recogniser.weights, np.nan)},
        {"weights": recogniser.weights, "more": recogniser.weights},
    ]
    for arrays in wrong:
        with pytest.raises(ModelFolderError):
            Recogniser.read(arrays, 20)
