"""What is to be fitted on which products, and what that came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from shelfwise.encoders.base import Encoder
from shelfwise.ensemble import Prepared
from shelfwise.learning.lessons import Scores
from shelfwise.training.loop import Fit
from shelfwise.training.network import Classifier


@dataclass(frozen=True)
class Plan:
    """One fit of all classifiers: learn from ``fit``, and, where there are any, be stopped by ``held_out`` and score it.

    ``epochs``: how long to train each; None: as the recipe says. A classifier it does not name is left out. Without ``keep``
    only scores and curves are wanted. ``where`` is said of the fit in progress lines, ``unit`` names it among what is kept
    against a kill.
    """

    fit: np.ndarray
    held_out: np.ndarray | None = None
    epochs: Mapping[str, int] | None = None
    where: str = ""
    keep: bool = True
    unit: str = ""


@dataclass(frozen=True)
class Trained:
    """What one fit of encoders and classifiers gave; ``data`` is every input as those encoders see it. ``scores`` are of the
    plan's held-out products. Encoders, classifiers and data are empty where they were not to be kept."""

    encoders: dict[str, Encoder] = field(default_factory=dict)
    classifiers: dict[str, Classifier] = field(default_factory=dict)
    fits: dict[str, Fit] = field(default_factory=dict)
    data: Prepared = field(default_factory=dict)
    scores: dict[str, Scores] = field(default_factory=dict)
