"""How many products carry each input, held against training: a promise made with an input is not about products without it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

_FEWEST_TO_TELL = 10
"""Of fewer products it is not told that they lack an input: that each lacks it, its own prediction says."""
_LARGE_LOSS = 0.2
"""Share of the products that carried an input in training and do not here, from which that is told ..."""
_BEYOND_CHANCE = 4.0
"""... if it is this many standard deviations of what chance would make of two samples of these sizes."""


@dataclass(frozen=True)
class Carried:
    """How many of some products carry an input, here and in training."""

    present: int
    products: int
    trained_present: int
    trained_products: int

    def __add__(self, other: Carried) -> Carried:
        """Of both; they are of one training."""
        return Carried(
            self.present + other.present,
            self.products + other.products,
            self.trained_present,
            self.trained_products,
        )

    @property
    def much_less(self) -> bool:
        """Whether far fewer carry it here than in training, beyond chance."""
        if self.products < _FEWEST_TO_TELL or not self.trained_products:
            return False
        here, then = self.present / self.products, self.trained_present / self.trained_products
        both = (self.present + self.trained_present) / (self.products + self.trained_products)
        spread = math.sqrt(both * (1 - both) * (1 / self.products + 1 / self.trained_products))
        return then - here >= max(_LARGE_LOSS, _BEYOND_CHANCE * spread)


@runtime_checkable
class ListensForCarried(Protocol):
    """A reporter that gathers what products carry, because they are part of a catalog of which it tells as a whole."""

    def carries(self, inputs: Mapping[str, Carried]) -> None: ...


def sparse_inputs(inputs: Mapping[str, Carried]) -> Iterator[str]:
    """A line for each input, by name, that far fewer products carry than in training: what was promised is not about them."""
    for name, one in inputs.items():
        if one.much_less:
            yield (
                f"'{name}' is filled in {_percent(one.present, one.products)} of the {one.products:,} products here, and was in "
                f"{_percent(one.trained_present, one.trained_products)} of those learned from: expect fewer right answers than "
                "training told, also among the accepted; train without it (see --inputs), or on products like these"
            )


def _percent(count: int, whole: int) -> str:
    """A share that is 0 % or 100 % only where it is none or all."""
    share = count / whole
    return f"{share:.0%}" if share in (0, 1) else f"{min(max(share, 0.001), 0.999):.1%}"
