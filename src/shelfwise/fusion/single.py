"""One classifier alone: what fusion must not lose to."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import Policy, PolicyOptions, refuse_others
from shelfwise.fusion.mean import Mean


class Single(Policy):
    """One classifier's word alone; where it is absent, the mean of those present."""

    kind = "single"

    def __init__(self, exclusive: bool, which: int = 0, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self.which = which

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        if present[self.which].all():
            return logits[self.which]
        others = Mean(self.exclusive).combine(logits, present)
        return np.where(present[self.which][:, None], logits[self.which], others)

    def state(self) -> dict[str, Any]:
        """``which``: the classifier's position."""
        return {"which": self.which}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        which = state.get("which")
        if type(which) is not int or not 0 <= which < classifiers:
            raise ModelFolderError(f"expected a policy over {classifiers} classifiers, got {which!r:.50}")
        refuse_others(self.kind, arrays, {})
        self.which = which
        return self
