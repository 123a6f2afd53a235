"""Heads: vector → score per category. One head a file; a new one is a line here (and its name one in ``recipe.HEADS``)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head
from shelfwise.heads.conditional_tree import ConditionalTreeHead
from shelfwise.heads.label_sets import LabelSetsHead
from shelfwise.heads.level_decoder import LevelDecoderHead
from shelfwise.heads.multilabel import MultilabelHead
from shelfwise.heads.per_level import PerLevelHead
from shelfwise.heads.sequential import SequentialHead
from shelfwise.heads.tree import TreeHead
from shelfwise.taxonomy.targets import PathTarget, Target

PATH_HEADS: dict[str, type[Head]] = {
    "tree": TreeHead,
    "conditional_tree": ConditionalTreeHead,
    "per_level": PerLevelHead,
    "sequential": SequentialHead,
    "level_decoder": LevelDecoderHead,
}
LABEL_HEADS: dict[str, type[Head]] = {
    "multilabel": MultilabelHead,
    "label_sets": LabelSetsHead,
}


def build_head(given: str | Mapping[str, Any], target: Target) -> Head:
    """The head for ``target``, given by its kind, or by a mapping of its ``kind`` and its own options.

    "auto" is ``tree`` for paths and what fits the outcomes for label sets. Raises RecipeError for a head that is not known or
    does not fit the target, for an unknown option (naming the nearest) and for a value that cannot work.
    """
    options = {} if isinstance(given, str) else {key: given[key] for key in given if key != "kind"}
    kind = given if isinstance(given, str) else str(given.get("kind", ""))
    if isinstance(target, PathTarget):
        kind, known = "tree" if kind == "auto" else kind, PATH_HEADS
    else:
        fits = "label_sets" if target.sets else "multilabel"
        kind, known = fits if kind == "auto" else kind, {fits: LABEL_HEADS[fits]}
    if kind not in known:
        raise RecipeError(
            f"expected a head for this target ({' or '.join(sorted(known))}), got '{kind}'{_nearest(kind, known)}"
        )
    return _build(kind, known[kind], target, options)


def _build(kind: str, head: type[Head], target: Target, options: dict[str, Any]) -> Head:
    # Heads are built from the target, those that have options from the target and them.
    build: Any = head
    try:
        checked = head.Options.model_validate(options)
    except ValidationError as error:
        raise RecipeError(_explained(kind, head, error)) from error
    built: Head = build(target, checked) if head.Options.model_fields else build(target)
    return built


def _explained(kind: str, head: type[Head], error: ValidationError) -> str:
    """One line on the first thing that is wrong with a head's options."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    known = head.Options.model_fields
    if first["type"] == "extra_forbidden":
        if not known:
            return f"expected no options for the head '{kind}', got '{key}'; remove it"
        return (
            f"expected options among {', '.join(known)} for the head '{kind}', got '{key}'"
            f"{_nearest(key, known)}"
        )
    wrong = first["msg"].removeprefix("Value error, ")
    return f"cannot use option '{key}' of the head '{kind}': {wrong}, got {first['input']!r:.80}; change it in the recipe"


def _nearest(word: str, known: Mapping[str, object]) -> str:
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{found[0]}'?" if found else ""
