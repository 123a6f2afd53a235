"""Drift: what arrives against what training saw, input by input, and how sure the model is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.review.desk_maker import arrive, make_desk, path_card, predicted, write_predictions

from shelfwise import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.input_figures import InputFigures, training_figures
from shelfwise.review.drift import Drift, measure_drift
from shelfwise.review.model_card import ModelCard, read_model_card
from shelfwise.review.pages.numbers import figures


def figures_of(catalog: Catalog, name: str, role: Role) -> InputFigures:
    column = catalog.input(name, role)
    return training_figures(column, column.state)


def card_of(folder: Path, **changes: object) -> ModelCard:
    """A card whose training catalog had cheaper products of known brands, all with pictures."""
    file = folder / "trained.csv"
    lines = [f"{number},some title {number},Brand {number % 2},{number % 10}.00" for number in range(100)]
    file.write_text("id,title,brand,price\n" + "\n".join(lines) + "\n")
    trained = Catalog.read(str(file), id="id")
    inputs = {
        "title": figures_of(trained, "title", Role.TEXT),
        "brand": figures_of(trained, "brand", Role.CATEGORY),
        "price": figures_of(trained, "price", Role.NUMBER),
        "image": InputFigures(role="image", products=100, present=100, failed=0),
    }
    return replace(path_card(), inputs=inputs, confidence=(0.0,) * 9 + (1.0,), **changes)


def drift_of(desk) -> Drift:  # type: ignore[no-untyped-def]
    with desk.database.read() as connection:
        return measure_drift(connection, desk.card)


def test_inputs_and_confidence_against_training(tmp_path: Path) -> None:
    states = {"title": "present", "brand": "present", "price": "present", "image": "present"}
    made = [
        predicted(number, 0.05, inputs=states | {"image": "absent" if number % 4 == 0 else "present"})
        for number in range(40)
    ]
    desk = make_desk(tmp_path, card=card_of(tmp_path), predictions=made)
    drift = drift_of(desk)
    moved = {one.name: one for one in drift.inputs}
    assert moved["image"].trained == 1
    assert moved["image"].arrived == moved["image"].moved + 0.5 == pytest.approx(0.75)  # type: ignore[operator]
    # Prices go from 0.50 to 39.50: seven in ten are above nearly all of training's.
    assert moved["price"].moved == pytest.approx(0.7, abs=0.06)
    # A third has the brand that training did not know.
    assert moved["brand"].moved == pytest.approx(1 / 3, abs=0.05)
    assert moved["brand"].strange == (0, pytest.approx(1 / 3, abs=0.05))
    assert drift.confidence == 1
    assert drift.confidence_shares[0] == (0, 1)


def test_files_add_up(tmp_path: Path) -> None:
    states = {"title": "present", "price": "present"}
    made = [predicted(number, inputs=states) for number in range(20)]
    desk = make_desk(tmp_path, card=card_of(tmp_path), predictions=made)
    whole = drift_of(desk)
    (tmp_path / "parts").mkdir()
    parts = make_desk(tmp_path / "parts", card=card_of(tmp_path), predictions=made[:9], titles=_titles(20))
    arrive(parts, write_predictions(tmp_path / "rest.parquet", made[9:]))
    assert {one.name for one in drift_of(parts).inputs} == {"title", "price"}
    prices = [
        next(one.moved for one in drift.inputs if one.name == "price") for drift in (whole, drift_of(parts))
    ]
    assert prices[0] == pytest.approx(prices[1])


def _titles(count: int) -> list[str]:
    return [f"title {number}" for number in range(count)]


def test_a_model_that_does_not_say_what_it_saw(tmp_path: Path) -> None:
    drift = drift_of(make_desk(tmp_path, 10))
    assert drift.confidence is None
    assert {one.name: (one.trained, one.moved) for one in drift.inputs} == {
        "title": (None, None),
        "image": (None, None),
    }


def test_a_trained_model_says_what_it_saw(model_folder: Path) -> None:
    card = read_model_card(model_folder)
    assert set(card.inputs) == {"title", "brand", "price", "image"}
    assert card.inputs["title"].products == 300
    assert len(card.inputs["price"].counts) == len(card.inputs["price"].edges) + 1
    assert sum(card.confidence) == pytest.approx(1)


def test_the_page_shows_it(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 10, card=card_of(tmp_path))
    assert figures(desk).drift.inputs
