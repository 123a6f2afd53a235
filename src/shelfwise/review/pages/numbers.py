"""The page of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from shelfwise.review import numbers
from shelfwise.review.desk import Desk
from shelfwise.review.drift import Drift, measure_drift
from shelfwise.review.intervals import Share
from shelfwise.review.keys import Answer
from shelfwise.review.web import SignedIn, TheDesk, page

router = APIRouter()

FIGURES_S = 10.0
"""Counting through all decisions takes a while on a large database; the figures may be this old."""


@dataclass(frozen=True)
class Figures:
    """Everything that the page shows."""

    paces: list[numbers.Pace]
    hourly: list[int]
    bands: list[Share]
    categories: list[tuple[Answer, Share]]
    precision: numbers.Precision
    elsewhere: int
    """Decided products whose predictions were other models', which these figures leave out."""
    drift: Drift

    @property
    def judged(self) -> int:
        """Decided products that say whether the model was right."""
        return sum(band.of for band in self.bands)


def figures(desk: Desk) -> Figures:
    """All figures, some seconds old at most."""

    def make() -> Figures:
        now = desk.clock()
        with desk.database.read() as connection:
            return Figures(
                numbers.paces(connection, now),
                numbers.hourly(connection, now),
                numbers.acceptance_by_confidence(connection, desk.model),
                numbers.acceptance_by_category(connection, desk.model),
                numbers.sample_precision(connection, desk.model, of_labels=desk.card.of_labels),
                numbers.of_other_models(connection, desk.model),
                measure_drift(connection, desk.card),
            )

    return desk.recent.get("figures", FIGURES_S, make)


@router.get("/numbers")
def show(request: Request, desk: TheDesk, session: SignedIn) -> Response:
    """How fast, how right, and whether it drifts."""
    return page(request, "numbers.html.j2", figures=figures(desk), progress=desk.progress())
