"""Explanations as JSON: read back as they were written, and nothing else is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shelfwise.explain.explanation import Explanation, SimilarProduct, Vote, Word

VOTE = Vote("words", ("title", "brand"), ("Home", "Lamps"), 0.75, 0.5, 1.0)
WHY = Explanation((VOTE,), (Word("title", "lamp", -1.25),), (SimilarProduct("7", "Lamp", ("Home",), 0.5),))


def test_read_back_as_written() -> None:
    plain = WHY.to_json()
    assert plain == {
        "votes": [
            {
                "classifier": "words",
                "inputs": ["title", "brand"],
                "answer": ["Home", "Lamps"],
                "probability": 0.75,
                "chosen": 0.5,
                "weight": 1.0,
            }
        ],
        "words": [{"input": "title", "word": "lamp", "weight": -1.25}],
        "similar": [{"id": "7", "title": "Lamp", "answer": ["Home"], "similarity": 0.5}],
    }
    assert Explanation.from_json(plain) == Explanation.from_json(json.dumps(plain)) == WHY


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"votes": None},
        {"words": [{"input": "title", "word": "lamp", "weight": float("nan")}]},
        {"words": [{"input": "title", "word": "lamp", "weight": 1.0, "more": 1}]},
        {"words": [{"input": 3, "word": "lamp", "weight": 1.0}]},
        {"similar": [{"id": "7", "title": "Lamp", "answer": ["Home"], "similarity": 2}]},
    ],
    ids=["more", "none", "no number", "more in a word", "no name", "no share"],
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Explanation.from_json(WHY.to_json() | change)
    with pytest.raises(ValueError, match="validation error"):
        Explanation.from_json(json.dumps(WHY.to_json() | change))
