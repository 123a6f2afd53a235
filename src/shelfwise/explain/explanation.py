"""What is told of why a product got its answer: votes, words, similar products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class Vote:
    """What one classifier says of a product.

    ``answer``: the category it would choose alone, with its ``probability`` (0–1); ``chosen``: how probable it finds the answer
    that was given. ``weight`` (0–1; of all votes they add up to 1): how much its word counts in the fusion for this product and
    answer.
    """

    classifier: str
    inputs: tuple[str, ...]
    answer: tuple[str, ...]
    probability: float
    chosen: float
    weight: float


@dataclass(frozen=True)
class Word:
    """A word, phrase or value of one input and how much it speaks for the answer (above 0) or against it (below 0).

    ``weight`` is in log-odds: what the word adds to the answer's fused score, measured against the mean of all categories.
    """

    input: str
    word: str
    weight: float


@dataclass(frozen=True)
class SimilarProduct:
    """A labelled product of the training catalog. ``similarity``: cosine, 0–1, by all words and by pictures."""

    id: str
    title: str
    answer: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class Explanation:
    """Why a product got its answer. ``votes`` with the most weight first; ``words`` with the strongest first, for and against;
    ``similar`` with the likest first."""

    votes: tuple[Vote, ...]
    words: tuple[Word, ...]
    similar: tuple[SimilarProduct, ...]

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON, which is also what Arrow makes a struct of."""
        return {
            "votes": [
                {
                    "classifier": one.classifier,
                    "inputs": list(one.inputs),
                    "answer": list(one.answer),
                    "probability": one.probability,
                    "chosen": one.chosen,
                    "weight": one.weight,
                }
                for one in self.votes
            ],
            "words": [{"input": one.input, "word": one.word, "weight": one.weight} for one in self.words],
            "similar": [
                {"id": one.id, "title": one.title, "answer": list(one.answer), "similarity": one.similarity}
                for one in self.similar
            ],
        }

    @classmethod
    def from_json(cls, value: str | dict[str, Any]) -> Self:
        """What ``to_json`` gave, as text or as what it says. Raises ValueError for anything else."""
        checked = (
            _Checked.model_validate_json(value) if isinstance(value, str) else _Checked.model_validate(value)
        )
        return cls(
            tuple(Vote(**dict(one)) for one in checked.votes),
            tuple(Word(**dict(one)) for one in checked.words),
            tuple(SimilarProduct(**dict(one)) for one in checked.similar),
        )


_Share = Annotated[float, Field(ge=0, le=1)]


class _CheckedPart(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _CheckedVote(_CheckedPart):
    classifier: str
    inputs: tuple[str, ...]
    answer: tuple[str, ...]
    probability: _Share
    chosen: _Share
    weight: _Share


class _CheckedWord(_CheckedPart):
    input: str
    word: str
    weight: float


class _CheckedSimilar(_CheckedPart):
    id: str
    title: str
    answer: tuple[str, ...]
    similarity: _Share


class _Checked(_CheckedPart):
    votes: list[_CheckedVote]
    words: list[_CheckedWord]
    similar: list[_CheckedSimilar]


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
