"""Completes a recipe: what a person has not chosen is chosen here, by the preset and from the catalog, and written down."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import INPUT_ROLES, Role
from shelfwise.catalog.giveaway import Giveaway, find_giveaways
from shelfwise.catalog.inspection_plan import plan_inputs, told_in_one_line
from shelfwise.encoders.registry import build_encoder, default_encoder_for
from shelfwise.errors import RecipeError
from shelfwise.heads.tree import unequal_depths
from shelfwise.learning import paper_recipes, recommended
from shelfwise.learning.meaning import with_meaning
from shelfwise.learning.recommended import Task, by_machines, trains_on_pictures
from shelfwise.learning.rounds import choose_folds
from shelfwise.learning.text_width import text_width
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe
from shelfwise.taxonomy.truth import Truth

_SHORT_TEXT_CHARACTERS = 120
"""Texts of up to this mean length also give in-word character n-grams (typos, plurals, scripts without spaces)."""
_FEW_CHARACTERS = 3_000_000
"""So do longer ones while a column holds no more characters in all: with few products they help, and cost little."""
_SAMPLE_ROWS = 5_000
_SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_SPACELESS_SHARE = 0.1
"""Of a column's characters, from which on it counts as written without spaces: what looks like a word there is a sentence, and a
single character may be a word."""
_FEW_VALUES_SHARE = 0.05


@dataclass(frozen=True)
class _Preset:
    """``classifiers``: from the inputs and the task. ``encoder``: from a role, the mean length of a text and the image model;
    None, or an answer of None, leaves the choice to ``auto``."""

    classifiers: Callable[[list[InputRecipe], Task], list[ClassifierRecipe]]
    encoder: Callable[[Role, float, str | None], dict[str, Any] | None] | None = None


_PRESETS = {
    "auto": _Preset(recommended.accurate),
    "fast": _Preset(recommended.fast),
    "paper-a": _Preset(paper_recipes.late_classifiers, paper_recipes.late_encoder),
    "paper-b": _Preset(paper_recipes.early_classifiers, paper_recipes.early_encoder),
}


def _outcomes(recipe: Recipe, truth: Truth) -> int:
    if recipe.target.multilabel:
        return len({label for labels in truth.values for label in labels})
    return len(set(truth.values))


def _planes(recipe: Recipe, truth: Truth) -> int:
    if recipe.target.multilabel:
        return _outcomes(recipe, truth)
    paths = set(filter(None, truth.values))
    names = {(level, name) for path in paths for level, name in enumerate(path)}
    return len(names) + len(paths) * unequal_depths(paths)


def complete(
    recipe: Recipe, catalog: Catalog, truth: Truth, groups: np.ndarray, reporter: Reporter
) -> Recipe:
    """The recipe with every input, encoder and classifier spelled out. What is left out, and why, is said.

    Raises RecipeError when an input is not a column of the catalog, or no input is left.
    """
    inputs = recipe.inputs or _choose_inputs(recipe, catalog, truth, groups, reporter)
    inputs = with_meaning([_complete_input(one, catalog, recipe) for one in inputs], recipe)
    if not inputs:
        raise RecipeError(
            "expected at least one input (a text, category, number or image column) besides the target, but none is left; "
            "name columns with --inputs"
        )
    task = Task(
        sum(map(bool, truth.values)),
        _outcomes(recipe, truth),
        recipe.target.multilabel,
        _planes(recipe, truth),
    )
    if not recipe.classifiers and not by_machines(task):
        task = replace(task, ngrams=text_width(inputs, catalog, recipe.training.seed))
    classifiers = recipe.classifiers or _PRESETS[recipe.preset].classifiers(inputs, task)
    known = {one.name for one in inputs}
    for classifier in classifiers:
        for name in classifier.inputs:
            if name not in known:
                raise RecipeError(
                    f"classifier '{classifier.name}' reads the input '{name}', which the recipe does not list; "
                    f"its inputs are {', '.join(sorted(known))}"
                )
    folds = recipe.training.folds or choose_folds(
        recipe, task.products, len(classifiers), any(map(trains_on_pictures, inputs))
    )
    training = recipe.training.model_copy(update={"folds": folds})
    return recipe.model_copy(update={"inputs": inputs, "classifiers": classifiers, "training": training})


def _choose_inputs(
    recipe: Recipe, catalog: Catalog, truth: Truth, groups: np.ndarray, reporter: Reporter
) -> list[InputRecipe]:
    target = set(recipe.target.columns)
    candidates = [
        name for name, field in catalog.fields.items() if field.role in INPUT_ROLES and name not in target
    ]
    scalar = {name: catalog.column(name) for name in candidates if catalog.fields[name].role != Role.IMAGE}
    giveaways: dict[str, Giveaway] = find_giveaways(
        scalar,
        truth.values,
        multilabel=recipe.target.multilabel,
        groups=groups,
        seed=recipe.training.seed,
        numbers=[name for name in scalar if catalog.fields[name].role == Role.NUMBER],
    )
    for name, giveaway in giveaways.items():
        reporter.say(f"left out '{name}': {giveaway.why} (name it with --inputs to use it all the same)")
    unread = told_in_one_line(plan_inputs(catalog, recipe.target.columns, giveaways)[1])
    if unread:
        reporter.say(unread)
    return [InputRecipe(name=name) for name in candidates if name not in giveaways]


def _complete_input(one: InputRecipe, catalog: Catalog, recipe: Recipe) -> InputRecipe:
    for name in one.columns:
        if name not in catalog.fields:
            nearest = difflib.get_close_matches(name, catalog.fields, n=1, cutoff=0.3)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise RecipeError(
                f"input '{name}' is not in the catalog, which has {', '.join(catalog.fields)}{hint}"
            )
        if name in recipe.target.columns:
            raise RecipeError(f"'{name}' is the target and cannot also be an input")
    first, several = one.columns[0], len(one.columns) > 1
    role = Role(one.role or (Role.TEXT if several else _input_role(catalog, first)))
    if several and role != Role.TEXT:
        raise RecipeError(
            f"input '{one.name}' reads {len(one.columns)} columns as one, which only texts can be, but has the role "
            f"{role.value}; give it the role text, or one column"
        )
    chosen = _PRESETS[recipe.preset].encoder
    encoder = dict(
        one.encoder
        or (chosen and chosen(role, _mean_length(catalog, first), recipe.image_model))
        or _encoder(role, first, catalog, recipe)
    )
    if recipe.image_model and role == Role.IMAGE and encoder.get("kind") == "pretrained_image":
        encoder["model"] = recipe.image_model
    if recipe.text_model and encoder.get("kind") == "pretrained_text":
        encoder["model"] = recipe.text_model
    if "kind" in encoder:
        options = {key: value for key, value in encoder.items() if key != "kind"}
        spelled_out = build_encoder(str(encoder["kind"]), options).options.model_dump(mode="json")
        encoder = {"kind": encoder["kind"], **spelled_out}
    return one.model_copy(update={"role": role.value, "encoder": encoder})


def _input_role(catalog: Catalog, name: str) -> Role:
    guessed = catalog.fields[name].role
    if guessed in INPUT_ROLES:
        return guessed
    column = catalog.column(name)  # named by the person although it does not look like an input
    if pa.types.is_floating(column.type):
        return Role.NUMBER
    if pa.types.is_string(column.type) and pc.count_distinct(column).as_py() <= _FEW_VALUES_SHARE * len(
        column
    ):
        return Role.CATEGORY
    return Role.TEXT


def _encoder(role: Role, name: str, catalog: Catalog, recipe: Recipe) -> dict[str, object]:
    kind = default_encoder_for(role)
    if role == Role.IMAGE and recipe.image_model:
        return {"kind": "pretrained_image", "model": recipe.image_model, "features": "layers"}
    if role == Role.TEXT:
        length = _mean_length(catalog, name)
        if _written_without_spaces(catalog, name):
            return {"kind": kind, "words": [1, 2], "chars": [1, 5 if length <= _SHORT_TEXT_CHARACTERS else 3]}
        if length <= _SHORT_TEXT_CHARACTERS or length * len(catalog) <= _FEW_CHARACTERS:
            return {"kind": kind, "words": [1, 2], "chars": [2, 5]}
    return {"kind": kind}


def _mean_length(catalog: Catalog, name: str) -> float:
    texts = _sampled_texts(catalog, name)
    return float(np.mean(pc.utf8_length(texts))) if texts is not None and len(texts) else 0.0


def _written_without_spaces(catalog: Catalog, name: str) -> bool:
    texts = _sampled_texts(catalog, name)
    if texts is None:
        return False
    found = pc.sum(pc.count_substring_regex(texts, pattern=_SPACELESS)).as_py() or 0
    return bool(found > _SPACELESS_SHARE * (pc.sum(pc.utf8_length(texts)).as_py() or 0))


def _sampled_texts(catalog: Catalog, name: str) -> pa.Array | pa.ChunkedArray | None:
    """The first texts of a column; None where it holds none."""
    values = catalog.input(name).values
    if not isinstance(values, pa.Array | pa.ChunkedArray) or not pa.types.is_string(values.type):
        return None
    return values.slice(0, _SAMPLE_ROWS).drop_null()
