"""The mean of what several policies say: each is wrong in its own way, and between near equals none has to be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from pydantic import Field

from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion.base import HeldOut, Policy, PolicyOptions, refuse_others


class BlendOptions(PolicyOptions):
    """``policies``: those whose logits are averaged, as recipes name them."""

    policies: tuple[str | dict[str, Any], ...] = Field(
        default=("policy_network", "category_pool"), min_length=2, max_length=8
    )


class Blend(Policy):
    """The mean of the logits of several policies, which are fitted on the same products."""

    kind = "blend"
    Options = BlendOptions
    options: BlendOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        from shelfwise.fusion.policies import build_policy

        super().__init__(exclusive, options)
        self._parts = [build_policy(spec, exclusive) for spec in self.options.policies]
        if any(isinstance(part, Blend) for part in self._parts):
            raise RecipeError(
                "expected policies that are no blends themselves in a 'blend'; name their parts"
            )

    @classmethod
    def of(cls, parts: Sequence[Policy]) -> Blend:
        """The blend of policies that are fitted already, two or more."""
        blend = cls(parts[0].exclusive, BlendOptions(policies=tuple(part.spec for part in parts)))
        blend._parts = list(parts)
        return blend

    @property
    def name(self) -> str:
        """The names of its parts."""
        return " + ".join(part.name for part in self._parts)

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        for part in self._parts:
            part.learn(products, seed)
        return self

    def cross_learn(self, products: HeldOut, seed: int) -> np.ndarray:
        """See the base class; each part is cross-fitted in its own way."""
        return self.together([part.cross_learn(products, seed) for part in self._parts], products.present)

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        return self.together([part.combine(logits, present) for part in self._parts], present)

    def together(self, said: Sequence[np.ndarray], present: np.ndarray) -> np.ndarray:
        """What the parts said, each logits [N, outcomes], as one; ``present``: bool [classifiers, N]."""
        return self._normalised(np.mean(said, axis=0), present)

    def state(self) -> dict[str, Any]:
        """``parts``: the state of each."""
        return {"parts": [part.state() for part in self._parts]}

    def arrays(self) -> dict[str, np.ndarray]:
        """Those of its parts, as ``part_P/…``."""
        return {
            f"{_prefix(number)}{name}": array
            for number, part in enumerate(self._parts)
            for name, array in part.arrays().items()
        }

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        states = state.get("parts")
        if (
            not isinstance(states, list)
            or len(states) != len(self._parts)
            or not all(isinstance(one, dict) for one in states)
        ):
            raise ModelFolderError(
                f"expected the states of a blend's {len(self._parts)} policies, got {states!r:.100}"
            )
        others = dict(arrays)
        for number, (part, one) in enumerate(zip(self._parts, states, strict=True)):
            names = [name for name in others if name.startswith(_prefix(number))]
            own = {name.removeprefix(_prefix(number)): others.pop(name) for name in names}
            part.load_state(one, own, classifiers, outcomes)
        refuse_others(self.kind, others, {})
        return self


def _prefix(number: int) -> str:
    return f"part_{number}/"
