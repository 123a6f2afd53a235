"""Who learns and who is held out: every round trains classifiers on some products and has them score others.

What is chosen and calibrated later (policy, temperatures, thresholds) is fitted on these scores alone, so no product is ever
scored by a classifier that was trained on it or on its group (out-of-fold predictions; Wolpert 1992, *Stacked generalization*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.catalog.split import grouped_folds, grouped_split
from shelfwise.errors import RecipeError, TargetError
from shelfwise.recipe import Recipe

LEAST_PRODUCTS = 10
MOST_HELD_OUT = 40_000
"""More held-out products than this sharpen nothing and cost memory."""
_WORTH_LEARNING = 0.01
"""Held-out products of a smaller share are not worth another training on all."""
_MOST_MOVED = 0.01
"""Held-out products of categories of their own that may be learned from after all: each makes what is left easier than new
products are, by so much that a promise is wrong by a third of a point where a third of them would be accepted."""
_FEW_CLASSIFIERS = 1
_MOST_FOLDED = 100_000
_FOLDS = 4
_MANY_PRODUCTS = 20_000
_FOLDS_OF_MANY = 3
_FOLDS_FROM_SCRATCH = 2


@dataclass(frozen=True)
class Round:
    """Row numbers: classifiers learn from ``fit`` and then score ``held_out``; no group is in both."""

    fit: np.ndarray
    held_out: np.ndarray


def choose_folds(recipe: Recipe, products: int, classifiers: int, pictures_from_scratch: bool) -> int:
    """How many folds suit a catalog: four where there is something to fuse, three where two thirds of the products teach nearly
    as much as three quarters, two where networks on pictures are trained from scratch (they take nearly all the time); one
    held-out part where classifiers would be trained for little (a single one has no policy to fit, and from 100,000 products on
    one part teaches enough).
    """
    if not recipe.training.refit or classifiers <= _FEW_CLASSIFIERS or products > _MOST_FOLDED:
        return 1
    if pictures_from_scratch:
        return _FOLDS_FROM_SCRATCH
    return _FOLDS_OF_MANY if products >= _MANY_PRODUCTS else _FOLDS


def plan_rounds(labelled: np.ndarray, groups: np.ndarray, ids: Sequence[str], recipe: Recipe) -> list[Round]:
    """The rounds for the products ``labelled`` (ascending rows); ``groups`` and ``ids`` are the whole catalog's.

    With ``training.folds`` of 2 or more each product is held out once (at most ``MOST_HELD_OUT`` in all), with 1 a share of
    ``training.held_out`` is. Raises TargetError when there are too few products, CatalogError when they are too alike.
    """
    if len(labelled) < LEAST_PRODUCTS:
        raise TargetError(
            f"expected at least {LEAST_PRODUCTS} labelled products to learn from and check on, got {len(labelled)}"
        )
    training = recipe.training
    mine, keys = groups[labelled], [ids[row] for row in labelled]
    folds = min(training.folds or 1, len(np.unique(mine)))
    if folds == 1:
        held = min(training.held_out, MOST_HELD_OUT / len(labelled))
        fit, rest = grouped_split(mine, [1 - held, held], training.seed, keys=keys)
        return [Round(labelled[fit], labelled[rest])]
    if not training.refit:
        raise RecipeError(
            "expected 'refit: true' with 'training.folds' above 1, because the classifiers of one fold are no whole model, got "
            f"'refit: false' and folds {folds}; set folds to 1 to keep the classifiers of one held-out split"
        )
    fold_of = grouped_folds(mine, folds, training.seed, keys=keys)
    kept = _sample(len(labelled), min(len(labelled), MOST_HELD_OUT), training.seed)
    return [Round(labelled[fold_of != fold], labelled[(fold_of == fold) & kept]) for fold in range(folds)]


def with_every_category(one: Round, outcomes: np.ndarray, groups: np.ndarray) -> Round | None:
    """The round, but no category is held out whole: one that nobody learned from could never be answered where nothing is learned
    from once more. ``outcomes`` and ``groups`` int64 are of all rows; whole groups change sides.

    None where that would be more than a few of the held-out products. New products have categories of a single product, too, and
    what is promised by products without them does not hold: of Flipkart's titles 99 % were right of what was left, and 83 % of
    new ones. Then all must be learned from once more."""
    lost = np.setdiff1d(outcomes[one.held_out], outcomes[one.fit])
    moved = np.isin(groups[one.held_out], groups[one.held_out[np.isin(outcomes[one.held_out], lost)]])
    if not moved.any():
        return one
    if moved.mean() > _MOST_MOVED:
        return None
    return Round(np.sort(np.concatenate([one.fit, one.held_out[moved]])), one.held_out[~moved])


def refit_rows(recipe: Recipe, labelled: np.ndarray, rounds: Sequence[Round]) -> np.ndarray | None:
    """All ``labelled`` rows where they are to be learned from once more at the end; None where the recipe wants no such
    training, or where the only round learned from all but a hundredth of them: it would double the time for nothing.
    """
    left_out = len(labelled) - len(rounds[0].fit)
    nothing_new = len(rounds) == 1 and left_out < _WORTH_LEARNING * len(labelled)
    return labelled if recipe.training.refit and not nothing_new else None


def _sample(total: int, count: int, seed: int) -> np.ndarray:
    """bool [total] with ``count`` of them true."""
    kept = np.zeros(total, dtype=bool)
    kept[np.random.default_rng(seed).permutation(total)[:count]] = True
    return kept
