"""Heads: vector → score per category. One head a file; a new one is a line here."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head
from shelfwise.heads.label_sets import LabelSetsHead
from shelfwise.heads.multilabel import MultilabelHead
from shelfwise.heads.per_level import PerLevelHead
from shelfwise.heads.tree import TreeHead
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

PATH_HEADS: dict[str, Callable[[PathTarget], Head]] = {"tree": TreeHead, "per_level": PerLevelHead}
LABEL_HEADS: dict[str, Callable[[LabelTarget], Head]] = {
    "multilabel": MultilabelHead,
    "label_sets": LabelSetsHead,
}


def build_head(kind: str, target: Target) -> Head:
    """The head ``kind`` for ``target``; "auto" is ``tree`` for paths and what fits the outcomes for label sets.

    Raises RecipeError for a head that is not known or does not fit the target.
    """
    if isinstance(target, PathTarget):
        kind = "tree" if kind == "auto" else kind
        if kind in PATH_HEADS:
            return PATH_HEADS[kind](target)
        fitting = sorted(PATH_HEADS)
    else:
        fits = "label_sets" if target.sets else "multilabel"
        if kind in ("auto", fits):
            return LABEL_HEADS[fits](target)
        fitting = [fits]
    nearest = difflib.get_close_matches(kind, fitting, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    raise RecipeError(f"expected a head for this target ({' or '.join(fitting)}), got '{kind}'{hint}")
