"""The queue: what waits, in which order, narrowed as a person likes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from starlette.responses import Response

from shelfwise.review.desk import Desk
from shelfwise.review.filters import Order, QueueFilter
from shelfwise.review.input_names import input_names
from shelfwise.review.keys import Answer, from_key, to_key
from shelfwise.review.queue import MAX_PAGES, PAGE, Line, listing
from shelfwise.review.web import SignedIn, TheDesk, page, whole_number

router = APIRouter()

MOST_CHOICES = 300
"""Categories in the filter's list; deeper ones are reached from the products."""


@dataclass(frozen=True)
class Row:
    """One product of the list, with its category as a number for links."""

    line: Line
    answer: Answer
    number: int | None


@router.get("/")
def show(request: Request, desk: TheDesk, session: SignedIn) -> Response:
    """One page of products."""
    chosen = QueueFilter.of(request.query_params)
    number = min(whole_number(request.query_params.get("page", "0"), "page"), MAX_PAGES - 1)
    with desk.database.read() as connection:
        lines = listing(
            connection,
            chosen,
            desk.categories,
            desk.card.multilabel,
            session.person,
            desk.clock(),
            number,
        )
    found = desk.count(chosen, session.person)
    last = min((found - 1) // PAGE, MAX_PAGES - 1) if found else 0
    return page(
        request,
        "queue.html.j2",
        chosen=chosen,
        rows=[_row(desk, line) for line in lines],
        found=found,
        number=number,
        last=last,
        progress=desk.progress(),
        tabs=[
            (name, what, why, replace(QueueFilter(), order=name).query)
            for name, what, why in _TABS
            if name != "disputed" or desk.votes > 1 or desk.progress().disputed
        ],
        choices=_choices(desk),
        inputs=_inputs(desk),
    )


_TABS: tuple[tuple[Order, str, str], ...] = (
    ("uncertain", "Most uncertain", "least confidence first"),
    ("valuable", "Most valuable", "greatest value first"),
    ("sample", "Mixed sample", "chance alone, to measure"),
    ("disputed", "Disagreements", "votes that differ"),
)


def _row(desk: Desk, line: Line) -> Row:
    answer = from_key(line.answer)
    return Row(line, answer, desk.categories.number.get(answer))


def _choices(desk: Desk) -> list[tuple[int, Answer, int]]:
    """Categories to narrow by: the upper two levels, as many as a list can take."""

    def make() -> list[tuple[int, Answer, int]]:
        counts = desk.categories.counts
        upper = [
            (number, category, counts[number])
            for number, category in enumerate(desk.categories.all)
            if len(category) <= 2
        ]
        if len(upper) > MOST_CHOICES:
            upper = [one for one in upper if len(one[1]) == 1]
        most = sorted(upper, key=lambda one: -one[2])[:MOST_CHOICES]
        return sorted(most, key=lambda one: to_key(one[1]))

    return desk.recent.get("choices", 1e9, make)


def _inputs(desk: Desk) -> list[str]:
    """The inputs that products may lack."""

    def make() -> list[str]:
        with desk.database.read() as connection:
            return input_names(connection)

    return desk.recent.get("inputs", 60.0, make)
