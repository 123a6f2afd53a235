"""A label that holds " | " was two strangers to the desk where predictions came as CSV, and was told as a path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.review.desk_maker import labelled, write_predictions

from shelfwise.review.categories import Categories
from shelfwise.review.errors import PredictionFileError
from shelfwise.review.model_card import ModelCard
from shelfwise.review.prediction_file import read_predictions

NAMES = ("warm | dry", "warm", "dry", "cold")
CARD = ModelCard("labels", True, Categories.from_names([(name,) for name in NAMES]), 0.9)


@pytest.mark.parametrize(
    "answer", [("warm | dry", "cold"), ("cold", "warm | dry"), ("warm", "dry"), ("warm | dry",), ("warm",)]
)
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_labels_come_back_as_they_were(tmp_path: Path, ending: str, answer: tuple[str, ...]) -> None:
    made = replace(labelled(0), answer=answer, part_confidence=(0.9,) * len(answer), alternatives=())
    file = write_predictions(tmp_path / f"predictions{ending}", [made], True)
    assert [one.answer for one in read_predictions(file, CARD)] == [answer]


def test_a_stranger_is_named_alone(tmp_path: Path) -> None:
    made = replace(labelled(0), answer=("wet", "windy"), part_confidence=(0.9, 0.9), alternatives=())
    file = write_predictions(tmp_path / "predictions.csv", [made], True)
    with pytest.raises(PredictionFileError, match="'wet' is not among the model's 4 categories"):
        list(read_predictions(file, CARD))
