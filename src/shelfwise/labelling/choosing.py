"""Which products to label: those that the model would learn most from, and no two that teach the same.

BADGE (Ash et al. 2020, *Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds*): each product stands for the
gradient that its label would give the last layer, were the model's answer right; k-means++ seeding (Arthur & Vassilvitskii 2007)
then draws products whose gradients are long (the model is unsure) and far from those drawn before (they differ). The gradient
is doubts ⊗ features, so the inner product of two is that of the doubts times that of the features, and the outer products,
as wide as all weights of the model, are never made.
"""

from __future__ import annotations

import numpy as np

from shelfwise.labelling.views import Views

MOST_CANDIDATES = 40_000
"""Of larger catalogs so many are drawn first, the unsure ones likelier: beyond it choosing takes time and gains little."""


def thin_out(views: Views, keys: np.ndarray, most: int = MOST_CANDIDATES) -> tuple[Views, np.ndarray]:
    """At most ``most`` products, those with the largest ``keys`` (`candidate_keys`), in their order; and their keys."""
    if len(views) <= most:
        return views, keys
    kept = np.sort(np.argpartition(keys, -most)[-most:])
    return views.take(kept), keys[kept]


def candidate_keys(views: Views, random: np.random.Generator) -> np.ndarray:
    """float64 [N]: the largest keys are a draw without replacement, with chances by the gradients' squared lengths.

    Keys of Efraimidis & Spirakis (2006), so that a catalog can be thinned out part by part.
    """
    lengths = views.lengths
    draws = np.log(np.maximum(random.random(len(views)), np.finfo(float).tiny))
    return np.divide(draws, lengths, out=np.full(len(draws), -np.inf), where=lengths > 0)


def choose(views: Views, count: int, random: np.random.Generator) -> np.ndarray:
    """int64 [≤ count]: places of the products to label, the most worthwhile ones first; all where there are no more."""
    total = len(views)
    if total <= count:
        return np.argsort(-views.lengths, kind="stable")
    lengths = views.lengths
    far = lengths.copy()
    chosen = [int(lengths.argmax())]
    free = np.ones(total, bool)
    while True:
        last = chosen[-1]
        free[last] = False
        inner = _inner(views.doubts, last) * _inner(views.features, last)
        np.minimum(far, np.maximum(lengths + lengths[last] - 2 * inner, 0.0), out=far)
        if len(chosen) == count:
            return np.array(chosen, dtype=np.int64)
        chances = np.where(free, far, 0.0)
        summed = chances.cumsum()
        if summed[-1] > 0:
            place = int(np.searchsorted(summed, random.random() * summed[-1], side="right"))
            # Rounding may point past the last one that has a chance.
            place = min(place, int(np.flatnonzero(chances)[-1]))
        else:
            # The model is sure of all that is left, or they are copies: any is as good.
            place = int(random.choice(np.flatnonzero(free)))
        chosen.append(place)


def _inner(matrix, row: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    """float64 [N]: every row's inner product with one of them."""
    one = matrix[row]
    wide = np.zeros(matrix.shape[1], np.float32)
    wide[one.indices] = one.data
    return np.asarray(matrix @ wide, dtype=np.float64)
