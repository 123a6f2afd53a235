"""Heads: vector → score per category. One head a file; a new one is a line here."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head
from shelfwise.heads.multilabel import MultilabelHead
from shelfwise.heads.per_level import PerLevelHead
from shelfwise.heads.tree import TreeHead
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

PATH_HEADS: dict[str, Callable[[PathTarget], Head]] = {"tree": TreeHead, "per_level": PerLevelHead}
LABEL_HEADS: dict[str, Callable[[LabelTarget], Head]] = {"multilabel": MultilabelHead}


def build_head(kind: str, target: Target) -> Head:
    """The head ``kind`` for ``target``; "auto" is ``tree`` for paths and ``multilabel`` for label sets.

    Raises RecipeError for a head that is not known or does not fit the target.
    """
    if isinstance(target, PathTarget):
        kind = "tree" if kind == "auto" else kind
        if kind in PATH_HEADS:
            return PATH_HEADS[kind](target)
    else:
        kind = "multilabel" if kind == "auto" else kind
        if kind in LABEL_HEADS:
            return LABEL_HEADS[kind](target)
    fitting = sorted(PATH_HEADS if isinstance(target, PathTarget) else LABEL_HEADS)
    nearest = difflib.get_close_matches(kind, fitting, n=1)
    hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
    raise RecipeError(f"expected a head for this target (one of {', '.join(fitting)}), got '{kind}'{hint}")
