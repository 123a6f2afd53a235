"""The part of a recipe that says how models are trained: on whom, for how long, with what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shelfwise.recipe.part import RecipePart

MOST_THREADS = 1_024
"""OpenMP keeps a note of each on the stack, and with a hundred thousand it ends the process."""


class TrainingRecipe(RecipePart):
    """How the parts are trained.

    ``folds``: into how many parts the products (whole groups) are divided; each part in turn is held out from the classifiers
    and scored by them, and those scores choose epochs, fit the policy, calibrate and set thresholds. With 1 only a share
    ``held_out`` is. None is chosen by ``fit``. With ``refit`` every classifier is then trained once more on all products."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    folds: int | None = Field(default=None, ge=1, le=20)
    held_out: float = Field(default=0.2, gt=0, lt=0.9)
    deduplicate: bool = False
    """Learn from one product of every group of near-duplicates."""
    clean_labels: bool = False
    """Do not learn from products whose label is probably wrong, by what quick classifiers that never saw them say."""
    refit: bool = True
    patience: int = Field(default=3, ge=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    threads: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    feature_memory_gb: float = Field(default=2.0, ge=0)
    """Memory (10^9 bytes) for the n-grams of texts. Of larger catalogs they are counted anew from the texts whenever they are
    needed: the model is the same, and training takes a little longer."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
