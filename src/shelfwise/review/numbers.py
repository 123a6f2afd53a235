"""The desk's figures: how fast it goes, how often the model was right, and whether the promise holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from shelfwise.decision.router import LEFT_OUT, STOPPED
from shelfwise.review.intervals import Share, clustered_share, measured_share
from shelfwise.review.keys import Answer, from_key
from shelfwise.review.schema import decisions, products
from shelfwise.review.standing import final_decisions, stands

BANDS = 10
HOURS = 24
MOST_CATEGORIES = 25
_HOUR_S = 3_600.0
_KEPT, _STOPPED, _LEFT_OUT, _CHANGED = range(4)
"""What became of the model's answer; the two in the middle had been accepted cut short, and were changed."""


@dataclass(frozen=True)
class Pace:
    """One person's decisions. ``active_hours``: clock hours in which they decided at all."""

    person: str
    total: int
    last_hour: int
    active_hours: int

    @property
    def per_hour(self) -> float:
        """Decisions per hour in which the person worked."""
        return self.total / self.active_hours if self.active_hours else 0.0


@dataclass(frozen=True)
class Precision:
    """What the mixed sample shows of one model. ``waiting``: products of its part done so far that are still undecided.

    ``labels``: of the labels of accepted products those that people confirmed, where the promise is about single labels.
    """

    accepted: Share
    everything: Share
    labels: Share | None
    cannot_tell: int
    waiting: int


def paces(connection: Connection, now: float) -> list[Pace]:
    """How much each person decided, most first."""
    # Half an hour less, and rounded, since SQLite may have been built without floor. Not quite half an hour: on
    # the stroke of the hour the two databases round differently.
    hour = func.round(decisions.c.at / _HOUR_S - 0.499_999_9)
    recent = case((decisions.c.at > now - _HOUR_S, 1), else_=0)
    rows = connection.execute(
        select(
            decisions.c.person,
            func.count().label("total"),
            func.sum(recent).label("recent"),
            func.count(func.distinct(hour)).label("hours"),
        )
        .where(stands())
        .group_by(decisions.c.person)
        .order_by(func.count().desc(), decisions.c.person)
    )
    return [Pace(row.person, row.total, int(row.recent), row.hours) for row in rows]


def hourly(connection: Connection, now: float) -> list[int]:
    """Decisions in each of the last `HOURS` hours, the last one last."""
    bounds = [now - _HOUR_S * (HOURS - number) for number in range(HOURS)]
    which = case(
        *((decisions.c.at < end + _HOUR_S, number) for number, end in enumerate(bounds)), else_=HOURS - 1
    )
    rows = connection.execute(
        select(which.label("hour"), func.count())
        .where(stands(), decisions.c.at >= bounds[0])
        .group_by("hour")
    )
    counted = {row[0]: row[1] for row in rows}
    return [int(counted.get(number, 0)) for number in range(HOURS)]


def of_other_models(connection: Connection, model: int) -> int:
    """Decided products whose prediction was another model's: they say nothing of this one."""
    final = final_decisions()
    return int(
        connection.execute(
            select(func.count())
            .select_from(decisions)
            .join(final, final.c.id == decisions.c.id)
            .where(decisions.c.model != model)
        ).scalar_one()
    )


def acceptance_by_confidence(connection: Connection, model: int) -> list[Share]:
    """How often people kept the answer of a model, per tenth of its confidence."""
    confidence = decisions.c.confidence
    band = case(
        *((confidence < (number + 1) / BANDS, number) for number in range(BANDS - 1)), else_=BANDS - 1
    )
    counted = _kept_by(connection, band, *_judged(model))
    return [measured_share(*counted.get(number, (0, 0))) for number in range(BANDS)]


def acceptance_by_category(connection: Connection, model: int) -> list[tuple[Answer, Share]]:
    """How often people kept the answer of a model, per category that it gave; those decided most often."""
    counted = _kept_by(connection, decisions.c.before, *_judged(model), decisions.c.before != "")
    most = sorted(counted.items(), key=lambda one: (-one[1][1], one[0]))[:MOST_CATEGORIES]
    return [(from_key(before), measured_share(*kept)) for before, kept in most]


def sample_precision(connection: Connection, model: int, *, of_labels: bool = False) -> Precision:
    """Precision of one model measured on the mixed sample, whatever part of it is done.

    ``of_labels``: its promise is about single labels, so these are counted too. The sample's order is chance alone, so
    every product up to the furthest one decided in it belongs to the sample, also those that were decided in another order;
    leaving these out would favour the easy ones.
    """
    reached = connection.execute(
        select(func.max(products.c.sample))
        .join(decisions, decisions.c.product == products.c.pk)
        .where(decisions.c.queue == "sample", stands(), products.c.model == model)
    ).scalar()
    if reached is None:
        nothing = measured_share(0, 0)
        return Precision(nothing, nothing, nothing if of_labels else None, 0, 0)
    inside = and_(products.c.sample <= reached, products.c.model == model)
    by_route = _kept_by(connection, products.c.route, inside, *_judged(model))
    last = final_decisions()
    unsure = connection.execute(
        select(func.count())
        .select_from(decisions)
        .join(last, last.c.id == decisions.c.id)
        .join(products, products.c.pk == decisions.c.product)
        .where(inside, decisions.c.after == "")
    ).scalar_one()
    waiting = connection.execute(
        select(func.count()).select_from(products).where(and_(inside, products.c.status != "decided"))
    ).scalar_one()
    everything = tuple(map(sum, zip(*by_route.values(), strict=True))) if by_route else (0, 0)
    return Precision(
        accepted=measured_share(*by_route.get("accept", (0, 0))),
        everything=measured_share(int(everything[0]), int(everything[1])),
        labels=_confirmed_labels(connection, inside, *_judged(model)) if of_labels else None,
        cannot_tell=int(unsure),
        waiting=int(waiting),
    )


def _judged(model: int) -> tuple[ColumnElement[bool], ...]:
    """Decisions that say whether the model was right: of each product the one that counts, however many voted."""
    final = decisions.c.id.in_(select(final_decisions().c.id))
    return final, decisions.c.after != "", decisions.c.model == model


def _confirmed_labels(connection: Connection, *wanted: ColumnElement[bool]) -> Share:
    """Of the labels that accepted products were given, those that people left; labels that were left out do not count."""
    told = connection.execute(
        select(decisions.c.before, decisions.c.after, func.count().label("times"))
        .join(products, products.c.pk == decisions.c.product)
        .where(products.c.route == "accept", *wanted)
        .group_by(decisions.c.before, decisions.c.after)
    )
    counted: Counter[tuple[int, int]] = Counter()
    for row in told:
        given = set(from_key(row.before))
        counted[len(given & set(from_key(row.after))), len(given)] += row.times
    return clustered_share(counted)


def _kept_by(
    connection: Connection, by: ColumnElement[Any], *wanted: ColumnElement[bool]
) -> dict[Any, tuple[int, int]]:
    """Value of ``by`` → of how many ``wanted`` decisions the model's answer was kept, and how many there are.

    An answer that was accepted cut short says nothing of what was left out, so it is kept where a person completes it.
    """
    kept = decisions.c.after == decisions.c.before
    cut = and_(products.c.route == "accept", products.c.answer == decisions.c.before, ~kept)
    stopped, left_out = (
        and_(cut, products.c.reason.startswith(reason, autoescape=True)) for reason in (STOPPED, LEFT_OUT)
    )
    # Names are needed of these alone; else there would be a row for each pair of categories.
    said, found = (
        case((or_(stopped, left_out), answer), else_="") for answer in (decisions.c.before, decisions.c.after)
    )
    how = case((kept, _KEPT), (stopped, _STOPPED), (left_out, _LEFT_OUT), else_=_CHANGED)
    told = (
        select(by.label("by"), how.label("how"), said.label("said"), found.label("found"))
        .select_from(decisions)
        .join(products, products.c.pk == decisions.c.product)
        .where(*wanted)
        .subquery()
    )
    counted: dict[Any, tuple[int, int]] = {}
    for row in connection.execute(select(*told.c, func.count().label("of")).group_by(*told.c)):
        right, of = counted.get(row.by, (0, 0))
        fits = row.how == _KEPT or _completed(row.how, from_key(row.said), from_key(row.found))
        counted[row.by] = (right + (row.of if fits else 0), of + row.of)
    return counted


def _completed(how: int, said: Answer, found: Answer) -> bool:
    """Whether a part of a path or of a label set is right."""
    if how == _STOPPED:
        return found[: len(said)] == said
    return how == _LEFT_OUT and set(said) <= set(found)
