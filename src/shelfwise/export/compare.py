"""Whether an exported model answers as the original does: measured on real products, at every export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.ensemble import Ensemble, prepare
from shelfwise.errors import ShelfwiseError
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe

Right = Callable[[Sequence[Prediction]], np.ndarray]


@dataclass(frozen=True)
class Differences:
    """Between two models on the same products.

    ``largest``: of the probability of any outcome of any product. ``changed``: share of products whose answer or decision
    differs.
    """

    products: int
    largest: float
    changed: float


def differences(
    probabilities: tuple[np.ndarray, np.ndarray],
    predictions: tuple[Sequence[Prediction], Sequence[Prediction]],
) -> Differences:
    """Of two models' probabilities [N, outcomes] and predictions, N ≥ 1, of the same products in the same order."""
    before, after = predictions
    changed = [
        (one.answer, one.decision) != (other.answer, other.decision)
        for one, other in zip(before, after, strict=True)
    ]
    largest = float(np.abs(probabilities[0] - probabilities[1]).max(initial=0.0))
    return Differences(len(changed), largest, float(np.mean(changed)))


def show_enough(predictions: Sequence[Prediction], reporter: Reporter) -> None:
    """Say which inputs none of the products has, for then nothing shows what their networks do.

    ``predictions``: the original's, at least one. Raises ShelfwiseError where every product failed: there is nothing to compare.
    """
    if all(one.decision == "failed" for one in predictions):
        raise ShelfwiseError(
            f"expected products to compare the export on, but none of the {len(predictions):,} can be categorized "
            f"({predictions[0].reason}); name others: shelfwise export MODEL CATALOG -o FOLDER"
        )
    names = dict.fromkeys(name for one in predictions for name in one.inputs)
    for name in names:
        if not any(one.inputs.get(name) == "present" for one in predictions):
            reporter.say(
                f"none of the {len(predictions):,} products has '{name}', so what reads it was not compared; name products that "
                "have it, or say with --images where image paths start"
            )


def all_probabilities(recipe: Recipe, ensemble: Ensemble, catalog: Catalog) -> np.ndarray:
    """[N, outcomes]: fused and calibrated, before anything is decided."""
    prepared = prepare(ensemble.encoders, recipe.inputs, catalog, Silent())
    data = ensemble.transform(prepared)
    logits, present = ensemble.logits(data, np.arange(len(catalog)))
    return ensemble.probabilities(logits, present)
