"""The parts of a recipe that say how scores become probabilities, and from which probability on a label is given."""

from __future__ import annotations

from typing import Literal

from shelfwise.recipe.part import RecipePart


class CalibrationRecipe(RecipePart):
    """How scores become probabilities, of every ``classifiers``' own before fusion, and of what was ``fused``.

    temperature: one number (label sets: a scale and a shift). vector: a scale and a shift for each category. isotonic: any rising
    curve; one for all paths, one for each label that has enough products. The last two need some thousand products.
    """

    classifiers: Literal["temperature", "vector", "isotonic"] = "temperature"
    fused: Literal["temperature", "vector", "isotonic"] = "temperature"


class ThresholdRecipe(RecipePart):
    """From which probability on a label is given (label sets only).

    ``kind``: 0.5 for all labels, one tuned for all, or one tuned for each. ``metric``: tuned for the F1 over all labels together
    or for the mean of every label's own. All kinds are fitted and kept: ``predict`` can change to another.
    """

    kind: Literal["fixed", "one", "per_label"] = "one"
    metric: Literal["micro", "macro"] = "micro"
    at_least_one: bool = False
    """Give the most probable label where none reaches its threshold."""
