"""Choosing: long gradients first, no two alike, and the same again from the same seed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.labelling.choosing import candidate_keys, choose, thin_out
from shelfwise.labelling.views import Views


def views(doubts: list[list[float]], features: list[list[float]]) -> Views:
    return Views(
        np.arange(len(doubts)),
        sp.csr_matrix(np.array(doubts, np.float32)),
        sp.csr_matrix(np.array(features, np.float32)),
    )


def some(count: int, seed: int = 0) -> Views:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(4, 0.3), count)
    probabilities[np.arange(count), probabilities.argmax(1)] -= 1
    features = random.normal(size=(count, 6))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return views(probabilities.tolist(), features.tolist())


def test_lengths_are_those_of_the_outer_products() -> None:
    made = some(20)
    whole = np.einsum("no,nf->nof", made.doubts.toarray(), made.features.toarray()).reshape(20, -1)
    np.testing.assert_allclose(made.lengths, (whole**2).sum(1), rtol=1e-5)


def test_the_first_is_the_most_doubtful_and_copies_are_not_chosen() -> None:
    doubts = [[-0.1, 0.1], [-0.5, 0.5], [-0.5, 0.5], [-0.4, 0.4]]
    features = [[1, 0], [0, 1], [0, 1], [1, 0]]
    for seed in range(20):
        chosen = choose(views(doubts, features), 2, np.random.default_rng(seed))
        assert chosen[0] in (1, 2)
        assert chosen[1] in (0, 3)  # its copy teaches nothing more


def test_doubts_decide_where_products_differ_alike() -> None:
    """Products at right angles are drawn by how long their gradients are."""
    sure, unsure = [-0.02, 0.02], [-0.5, 0.5]
    made = views([unsure, *[sure] * 9, unsure], np.eye(11).tolist())
    second = [choose(made, 2, np.random.default_rng(seed))[1] for seed in range(30)]
    assert np.mean(np.array(second) == 10) > 0.9


def test_what_the_model_is_sure_of_comes_last_but_comes() -> None:
    made = views([[-0.5, 0.5], [0, 0], [0, 0]], np.eye(3).tolist())
    assert sorted(choose(made, 2, np.random.default_rng(0))[1:]) in ([1], [2])
    assert choose(made, 5, np.random.default_rng(0)).tolist() == [0, 1, 2]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5))
def test_as_many_as_asked_for_each_once(total: int, count: int, seed: int) -> None:
    made = some(total, seed)
    chosen = choose(made, count, np.random.default_rng(seed))
    assert len(chosen) == min(total, count) == len(set(chosen.tolist()))
    assert chosen.tolist() == choose(made, count, np.random.default_rng(seed)).tolist()


def test_large_catalogs_are_thinned_out_by_doubt() -> None:
    made = some(2_000)
    random = np.random.default_rng(0)
    kept, keys = thin_out(made, candidate_keys(made, random), 200)
    assert len(kept) == len(keys) == 200
    assert (np.diff(kept.rows) > 0).all()
    assert kept.lengths.mean() > 1.5 * made.lengths.mean()


def test_thinning_out_part_by_part_is_thinning_out_the_whole() -> None:
    made = some(300)
    keys = candidate_keys(made, np.random.default_rng(1))
    whole, _ = thin_out(made, keys, 50)
    first, first_keys = thin_out(made.take(np.arange(150)), keys[:150], 50)
    both = Views.together([first, made.take(np.arange(150, 300))])
    parts, _ = thin_out(both, np.concatenate([first_keys, keys[150:]]), 50)
    assert parts.rows.tolist() == whole.rows.tolist()


def test_of_nothing_unsure_nothing_is_preferred() -> None:
    made = views([[0, 0]] * 3, np.eye(3).tolist())
    assert np.isneginf(candidate_keys(made, np.random.default_rng(0))).all()
