"""Desks without a trained model: a made-up card and made-up predictions, of any size, and a desk as a process.

Run as a program it serves a desk until it is killed: ``python desk_maker.py DATABASE PORT``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from shelfwise import Catalog
from shelfwise.batch.write import PredictionWriter
from shelfwise.predictions import Alternative, Prediction
from shelfwise.progress import Silent
from shelfwise.review import clock
from shelfwise.review.arrivals import add_model, queue_file
from shelfwise.review.arriving_products import Arrived
from shelfwise.review.categories import Categories
from shelfwise.review.database import Database
from shelfwise.review.desk import Desk
from shelfwise.review.model_card import ModelCard
from shelfwise.review.people import EVERYONE, set_token
from shelfwise.review.product_fields import ProductFields

TOKEN = "a token for tests"
PATHS = (
    ("Home", "Kitchen", "Pots"),
    ("Home", "Kitchen", "Pans"),
    ("Home", "Lamps"),
    ("Toys", "Dolls"),
    ("Toys", "Cars"),
)
LABELS = ("red", "green", "blue", "soft", "hard")
COUNTS = dict(zip(PATHS, (40, 30, 20, 10, 5), strict=True))


def path_card(fingerprint: str = "model-one", paths: Sequence[tuple[str, ...]] = PATHS) -> ModelCard:
    """A model of paths."""
    nodes = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    return ModelCard(
        fingerprint,
        False,
        Categories.from_names(nodes, COUNTS),
        0.95,
        0.5,
        dict.fromkeys(paths, 1) | COUNTS,
    )


def label_card() -> ModelCard:
    """A model of label sets."""
    names = [(name,) for name in LABELS]
    return ModelCard("model-labels", True, Categories.from_names(names), 0.9, None, {})


def predicted(number: int, confidence: float | None = None, **changes: object) -> Prediction:
    """One of many predictions: every fifth product accepted, every eleventh without a picture."""
    path = PATHS[number % len(PATHS)]
    other = PATHS[(number + 1) % len(PATHS)]
    sure = (number * 37 % 100) / 100 if confidence is None else confidence
    values: dict[str, object] = {
        "id": f"p{number:05d}",
        "answer": path,
        "confidence": sure,
        "part_confidence": tuple(
            min(1.0, sure + 0.1 * (len(path) - 1 - level)) for level in range(len(path))
        ),
        "decision": "accept" if sure >= 0.8 else "review",
        "reason": "" if sure >= 0.8 else f"confidence {sure:.3f} is below 0.800",
        "alternatives": (Alternative(other, round((1 - sure) / 2, 6)),),
        "inputs": {"title": "present", "image": "absent" if number % 11 == 0 else "present"},
    }
    return Prediction(**(values | changes))  # type: ignore[arg-type]


def labelled(number: int) -> Prediction:
    """One of many predictions of label sets."""
    names = (LABELS[number % 5], LABELS[(number + 2) % 5])
    other = Alternative((LABELS[(number + 1) % 5],), 0.2)
    return Prediction(
        f"p{number:05d}", names, 0.5, (0.9, 0.6), "review", "unsure", (other,), {"title": "present"}
    )


def write_predictions(path: Path, predictions: Sequence[Prediction], multilabel: bool = False) -> Path:
    """A prediction file as `shelfwise predict` writes it."""
    with PredictionWriter(path, multilabel) as writer:
        writer.write(predictions)
    return path


def write_catalog(path: Path, count: int, titles: Sequence[str] | None = None) -> Path:
    """The catalog that the predictions are of."""
    names = titles or [
        f"{word} of kind {number}" for number, word in zip(range(count), _words(count), strict=True)
    ]
    lines = [f"p{number:05d},{names[number]},Brand {number % 3},{number}.50" for number in range(count)]
    path.write_text("id,title,brand,price\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def _words(count: int) -> list[str]:
    random = np.random.default_rng(3)
    syllables = ("ba", "ko", "ri", "tu", "me", "lo", "si", "da")
    return [
        "".join(random.choice(syllables, 4)) + " " + "".join(random.choice(syllables, 3))
        for _ in range(count)
    ]


@dataclass
class Turned:
    """A clock that only moves when it is told to."""

    at: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


def make_desk(
    folder: Path,
    count: int = 12,
    *,
    database: str | None = None,
    card: ModelCard | None = None,
    predictions: Sequence[Prediction] | None = None,
    titles: Sequence[str] | None = None,
    votes: int = 1,
    at: clock.Clock | None = None,
    worth: str | None = None,
) -> Desk:
    """A desk with ``count`` products queued and the shared token `TOKEN`."""
    card = card or path_card()
    made = predictions if predictions is not None else [predicted(number) for number in range(count)]
    file = write_predictions(folder / "predictions.parquet", made, card.multilabel)
    catalog = Catalog.read(write_catalog(folder / "catalog.csv", len(titles or made), titles), id="id")
    shop = ProductFields(catalog, worth=worth)
    store = Database(database or str(folder / "review.db"))
    model = add_model(store, card)
    queue_file(store, file, card, model, shop, Silent())
    desk = Desk(store, card, model, shop, votes=votes, clock=at or Turned())
    with store.write() as connection:
        set_token(connection, EVERYONE, TOKEN, desk.clock())
    return desk


def arrive(desk: Desk, file: Path) -> Arrived:
    """Queue one more file."""
    return queue_file(desk.database, file, desk.card, desk.model, desk.shop, Silent())


def field(html: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"no field {name} in the page"
    return found.group(1)


def sign_in(client: httpx.Client, name: str = "Ann", token: str = TOKEN) -> httpx.Response:
    """Sign a client in."""
    return client.post("/sign-in", data={"name": name, "token": token, "next": "/"})


def decision_of(html: str, **changes: object) -> dict[str, object]:
    """The form of a product's page, filled as its first button does it."""
    names = ("csrf", "product", "arrival", "taxonomy", "ticket", "query")
    form: dict[str, object] = {name: field(html, name) for name in names}
    chosen = re.search(r'name="to" value="(\d+)" data-key="a"', html)
    if chosen:
        form["to"] = chosen.group(1)
    return form | changes


def run(database: str, port: int) -> None:
    """Serve the desk of a database that `make_desk` filled."""
    from shelfwise.review.listening import listen
    from shelfwise.review.run import serve

    store = Database(database)
    card = path_card()
    desk = Desk(store, card, add_model(store, card), ProductFields(None))
    serve(desk, listen("127.0.0.1", port), loopback=True)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
