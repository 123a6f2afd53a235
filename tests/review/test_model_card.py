"""What the desk is told of a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_catalog import read, text_recipe, tiny_rows

from shelfwise import Categorizer
from shelfwise.review.model_card import read_model_card


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Categorizer:
    return Categorizer(text_recipe()).fit(read(tmp_path_factory.mktemp("shop") / "shop.csv", tiny_rows(240)))


def test_what_was_accepted_with_every_promise_together(model: Categorizer, tmp_path: Path) -> None:
    """Of departments the first one alone was told, and of answers cut short nothing."""
    asked = model.with_routing(precision=0.7, precisions={"Home": 0.8, "Toys": 0.999}, back_off=True)
    asked.save(tmp_path / "model")
    card = read_model_card(tmp_path / "model")
    home, toys = (promise.rule for promise in asked.router_.promises)
    assert toys.coverage == 0
    assert home.coverage > 0
    assert card.precision == 0.8
    assert card.coverage == pytest.approx(home.coverage * home.basis / (home.basis + toys.basis))


def test_nothing_could_be_accepted(model: Categorizer, tmp_path: Path) -> None:
    model.with_routing(precision=0.999).save(tmp_path / "model")
    card = read_model_card(tmp_path / "model")
    assert (card.precision, card.coverage) == (0.999, None)
