"""Which decisions count: those that are neither skips nor undone, whatever was added after them."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, and_, exists, not_, select

from shelfwise.review.schema import decisions

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
