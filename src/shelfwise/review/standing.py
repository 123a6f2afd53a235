"""Which decisions count: those that are neither skips nor undone, and of a decided product the last of them."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, Subquery, and_, exists, func, not_, select

from shelfwise.review.schema import decisions, products

ACTIONS = ("accept", "correct", "parent", "cannot_tell", "settle")
"""What a person decides; ``skip`` and ``undo`` are kept besides, and decide nothing."""


@cache
def stands() -> ColumnElement[bool]:
    """A condition on ``decisions``: it is a decision, and nobody has undone it."""
    return and_(decisions.c.action.in_(ACTIONS), not_undone())


@cache
def not_undone() -> ColumnElement[bool]:
    """A condition on ``decisions``: nothing undoes it."""
    later = decisions.alias("later")
    return not_(exists(select(later.c.id).where(later.c.undoes == decisions.c.id)))


def final_decisions() -> Subquery:
    """The ``id`` of the one decision that counts for each decided product: a settlement comes after the votes."""
    return (
        select(func.max(decisions.c.id).label("id"))
        .join(products, products.c.pk == decisions.c.product)
        .where(stands(), products.c.status == "decided")
        .group_by(decisions.c.product)
        .subquery()
    )
