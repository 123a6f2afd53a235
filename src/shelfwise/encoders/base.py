"""What every encoder is: it turns one input of every product into vectors, and says which it could not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import BaseModel, ConfigDict

from shelfwise.catalog.column import InputColumn, Role, State

if TYPE_CHECKING:
    from torch import nn

Progress = Callable[[int], None]
"""Called with the number of products done since the last call."""


def no_progress(done: int) -> None:
    """Report nothing."""


class EncoderOptions(BaseModel):
    """Options of an encoder; unknown keys are errors. Every field has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Encoded:
    """One input of N products as numbers.

    ``matrix`` is a CSR float32 matrix [N, width], a float32 array [N, width], uint8 pixels [N, 3, side, side], or a
    CSR int32 matrix [N, longest] of word numbers: row by row the words of a text, in order from column 0 on, 0 being no
    word (prepared, but not fitted, it is int64 hashes of words). So a text takes the memory of its words, not of the
    longest text. A CSR float32 matrix may be one whose rows are made on demand (``rows_on_demand.py``).
    Rows that are not PRESENT hold zeros and are never read as values: ``state`` (int8 [N]) says so.
    """

    matrix: sp.csr_matrix | np.ndarray
    state: np.ndarray
    reasons: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.state)

    @property
    def present(self) -> np.ndarray:
        """bool [N]: which products carry this input."""
        return self.state == State.PRESENT

    def take(self, rows: np.ndarray) -> Encoded:
        """The given rows, in the given order."""
        kept = {new: self.reasons[int(old)] for new, old in enumerate(rows) if int(old) in self.reasons}
        return Encoded(self.matrix[rows], self.state[rows], kept)


class Encoder(ABC):
    """input → vector, in three steps so that costly work is done once and nothing leaks from held-out products.

    1. ``prepare(column)``: the stateless part (hashing text, decoding images, running a frozen backbone), for any
       products, fitted or not.
    2. ``fit(prepared, rows)``: learns (vocabulary, scale …) from the training ``rows`` alone.
    3. ``transform(prepared)``: the numbers a network takes in.

    A prediction for a product never depends on the other products given to ``prepare`` or ``transform``.
    """

    kind: ClassVar[str]
    """The name used in a recipe."""
    roles: ClassVar[frozenset[Role]]
    """The roles of the columns this encoder can read."""
    Options: ClassVar[type[EncoderOptions]]

    def __init__(self, options: EncoderOptions) -> None:
        self.options = options

    @abstractmethod
    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """The stateless part of encoding; see the class."""

    def prepare_within(
        self, column: InputColumn, most_bytes: float, progress: Progress = no_progress
    ) -> Encoded:
        """``prepare`` for training: sparse rows that would take more than ``most_bytes`` of memory may be made on demand.

        Rows are the same either way (see ``rows_on_demand.py``); most encoders keep theirs.
        """
        return self.prepare(column, progress)

    @abstractmethod
    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn from the given rows of ``prepared`` and return self. Must work when none of them is present."""

    @abstractmethod
    def transform(self, prepared: Encoded) -> Encoded:
        """What was prepared, as the fitted encoder sees it: rows, order and reasons stay.

        A product whose value is PRESENT but holds nothing that training knew (no known word) becomes ABSENT.
        """

    @property
    @abstractmethod
    def width(self) -> int:
        """Length of the vector per product, after ``network`` where there is one."""

    def network(self) -> nn.Module | None:
        """A fresh trainable part from what ``transform`` gives to [B, width]; None where ``transform`` gives vectors."""
        return None

    @property
    def has_network(self) -> bool:
        """Whether ``network`` gives one: whether a part of this encoder is trained with its classifier."""
        return type(self).network is not Encoder.network

    def remarks(self) -> list[str]:
        """What a person should be told after ``fit``: sentences, most often none."""
        return []

    def state_arrays(self) -> dict[str, np.ndarray]:
        """What ``fit`` learned, as arrays (written to safetensors); names are the encoder's own."""
        return {}

    def state_json(self) -> dict[str, Any]:
        """What ``fit`` learned that is not an array (written to JSON)."""
        return {}

    @abstractmethod
    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Become the encoder that gave this state; return self. Raises ModelFolderError when it does not fit."""
