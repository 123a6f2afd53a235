"""What is told of why a product got its answer: votes, words, similar products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import pyarrow as pa
from pydantic import ConfigDict, Field, TypeAdapter

Share = Annotated[float, Field(ge=0, le=1)]
_AS_WRITTEN = ConfigDict(extra="forbid", allow_inf_nan=False)
"""What is read back is checked: nothing more, nothing less, and finite numbers."""


@dataclass(frozen=True)
class Vote:
    """What one classifier says of a product.

    ``answer``: the category it would choose alone, with its ``probability``; ``chosen``: how probable it finds the answer that
    was given. ``weight`` (of all votes they add up to 1): how much its word counts in the fusion for this product and answer.
    """

    __pydantic_config__ = _AS_WRITTEN

    classifier: str
    inputs: tuple[str, ...]
    answer: tuple[str, ...]
    probability: Share
    chosen: Share
    weight: Share


@dataclass(frozen=True)
class Word:
    """A word, phrase or value of one input and how much it speaks for the answer (above 0) or against it (below 0).

    ``weight`` is in log-odds: what the word adds to the answer's fused score, measured against the mean of all categories.
    """

    __pydantic_config__ = _AS_WRITTEN

    input: str
    word: str
    weight: float


@dataclass(frozen=True)
class SimilarProduct:
    """A labelled product of the training catalog. ``similarity``: cosine, by all words and by pictures."""

    __pydantic_config__ = _AS_WRITTEN

    id: str
    title: str
    answer: tuple[str, ...]
    similarity: Share


@dataclass(frozen=True)
class Explanation:
    """Why a product got its answer. ``votes`` with the most weight first; ``words`` with the strongest first, for and against;
    ``similar`` with the likest first."""

    __pydantic_config__ = _AS_WRITTEN

    votes: tuple[Vote, ...]
    words: tuple[Word, ...]
    similar: tuple[SimilarProduct, ...]

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON, which is also what Arrow makes a struct of."""
        plain: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return plain

    @staticmethod
    def from_json(value: str | dict[str, Any]) -> Explanation:
        """What ``to_json`` gave, as text or as what it says. Raises ValueError for anything else."""
        adapter = _adapter()
        return adapter.validate_json(value) if isinstance(value, str) else adapter.validate_python(value)


@cache
def _adapter() -> TypeAdapter[Explanation]:
    """Reads and writes explanations; made once, because that takes a millisecond."""
    return TypeAdapter(Explanation)


def explanation_type() -> pa.DataType:
    """The Arrow type of an explanation in a prediction file."""
    strings, number = pa.list_(pa.string()), pa.float64()
    vote = pa.struct(
        [
            ("classifier", pa.string()),
            ("inputs", strings),
            ("answer", strings),
            ("probability", number),
            ("chosen", number),
            ("weight", number),
        ]
    )
    word = pa.struct([("input", pa.string()), ("word", pa.string()), ("weight", number)])
    similar = pa.struct(
        [("id", pa.string()), ("title", pa.string()), ("answer", strings), ("similarity", number)]
    )
    return pa.struct([("votes", pa.list_(vote)), ("words", pa.list_(word)), ("similar", pa.list_(similar))])
