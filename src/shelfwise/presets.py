"""The ``auto`` recipe: what a person has not chosen is chosen here from the catalog, and written down."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import INPUT_ROLES, Role
from shelfwise.catalog.giveaway import Giveaway, find_giveaways
from shelfwise.encoders.registry import build_encoder, default_encoder_for
from shelfwise.errors import RecipeError
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe
from shelfwise.taxonomy.truth import Truth

_SHORT_TEXT_CHARACTERS = 120
"""Texts of up to this mean length also give in-word character n-grams (typos, plurals, scripts without spaces)."""
_SAMPLE_ROWS = 5_000
_FEW_VALUES_SHARE = 0.05
_RANKS = ((200, None), (1_000, 128))
_LARGEST_RANK = 256
"""Up to how many categories linear classifiers have which inner width (None: weights for every pair of word and category)."""


def _outcomes(recipe: Recipe, truth: Truth) -> int:
    if recipe.target.multilabel:
        return len({label for labels in truth.values for label in labels})
    return len(set(truth.values))


def complete(
    recipe: Recipe, catalog: Catalog, truth: Truth, groups: np.ndarray, reporter: Reporter
) -> Recipe:
    """The recipe with every input, encoder and classifier spelled out. What is left out, and why, is said.

    Raises RecipeError when an input is not a column of the catalog, or no input is left.
    """
    inputs = recipe.inputs or _choose_inputs(recipe, catalog, truth, groups, reporter)
    inputs = [_complete_input(one, catalog, recipe) for one in inputs]
    if not inputs:
        raise RecipeError(
            "expected at least one input (a text, category, number or image column) besides the target, but none is left; "
            "name columns with --inputs"
        )
    classifiers = recipe.classifiers or _choose_classifiers(
        inputs, sum(map(bool, truth.values)), _outcomes(recipe, truth)
    )
    known = {one.name for one in inputs}
    for classifier in classifiers:
        for name in classifier.inputs:
            if name not in known:
                raise RecipeError(
                    f"classifier '{classifier.name}' reads the input '{name}', which the recipe does not list; "
                    f"its inputs are {', '.join(sorted(known))}"
                )
    return recipe.model_copy(update={"inputs": inputs, "classifiers": classifiers})


def _choose_inputs(
    recipe: Recipe, catalog: Catalog, truth: Truth, groups: np.ndarray, reporter: Reporter
) -> list[InputRecipe]:
    target = set(recipe.target.columns)
    candidates = [
        name for name, field in catalog.fields.items() if field.role in INPUT_ROLES and name not in target
    ]
    scalar = {name: catalog.column(name) for name in candidates if catalog.fields[name].role != Role.IMAGE}
    giveaways: dict[str, Giveaway] = find_giveaways(
        scalar, truth.values, multilabel=recipe.target.multilabel, groups=groups, seed=recipe.training.seed
    )
    for name, giveaway in giveaways.items():
        reporter.say(f"left out '{name}': {giveaway.why} (name it with --inputs to use it all the same)")
    return [InputRecipe(name=name) for name in candidates if name not in giveaways]


def _complete_input(one: InputRecipe, catalog: Catalog, recipe: Recipe) -> InputRecipe:
    if one.name not in catalog.fields:
        nearest = difflib.get_close_matches(one.name, catalog.fields, n=1, cutoff=0.3)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise RecipeError(
            f"input '{one.name}' is not in the catalog, which has {', '.join(catalog.fields)}{hint}"
        )
    if one.name in recipe.target.columns:
        raise RecipeError(f"'{one.name}' is the target and cannot also be an input")
    role = Role(one.role) if one.role else _input_role(catalog, one.name)
    encoder = dict(one.encoder or _encoder(role, one.name, catalog, recipe))
    if recipe.image_model and role == Role.IMAGE and encoder.get("kind") == "pretrained_image":
        encoder["model"] = recipe.image_model
    if "kind" in encoder:
        options = {key: value for key, value in encoder.items() if key != "kind"}
        spelled_out = build_encoder(str(encoder["kind"]), options).options.model_dump(mode="json")
        encoder = {"kind": encoder["kind"], **spelled_out}
    return InputRecipe.model_validate({"name": one.name, "role": role.value, "encoder": encoder})


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
        return {"kind": "pretrained_image", "model": recipe.image_model}
    if role == Role.TEXT and _mean_length(catalog, name) <= _SHORT_TEXT_CHARACTERS:
        return {"kind": kind, "words": [1, 2], "chars": [2, 5]}
    return {"kind": kind}


def _mean_length(catalog: Catalog, name: str) -> float:
    values = catalog.input(name).values
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        return 0.0
    lengths = pc.utf8_length(values.slice(0, _SAMPLE_ROWS)).drop_null()
    return float(np.mean(lengths)) if len(lengths) else 0.0


@dataclass(frozen=True)
class _Effort:
    """How long to train on a catalog of some size: small ones need small batches and many rounds to take enough steps."""

    batch: int
    linear_epochs: int
    early_epochs: int
    image_epochs: int

    @classmethod
    def for_products(cls, products: int) -> _Effort:
        if products < 3_000:
            return cls(batch=32, linear_epochs=15, early_epochs=25, image_epochs=14)
        if products < 20_000:
            return cls(batch=64, linear_epochs=12, early_epochs=14, image_epochs=12)
        return cls(batch=256, linear_epochs=6, early_epochs=10, image_epochs=10)


def _choose_classifiers(inputs: list[InputRecipe], products: int, outcomes: int) -> list[ClassifierRecipe]:
    """One classifier per text, category and image input; one linear one over all words; one early fusion.

    The early fusion reads everything except images that have no pretrained backbone: a network trained from scratch inside
    it would learn the same again, for most of the training's time.
    """
    effort = _Effort.for_products(products)
    rank = next((rank for most, rank in _RANKS if outcomes <= most), _LARGEST_RANK)
    texts = [one.name for one in inputs if one.role == "text"]
    categories = [one.name for one in inputs if one.role == "category"]
    images = [one for one in inputs if one.role == "image"]
    taken = {one.name for one in inputs}
    classifiers = [_linear(name, [name], effort, rank) for name in [*texts, *categories]]
    classifiers += [_image(one, effort) for one in images]
    if texts and len(texts) + len(categories) > 1:
        classifiers.append(_linear(_free("words", taken), texts + categories, effort, rank))
    early = [one.name for one in inputs if one.role != "image" or _pretrained(one)]
    if len(early) > 1 or not (texts or categories or images):
        classifiers.append(
            ClassifierRecipe(
                name=_free("early", taken),
                inputs=early,
                hidden=[512],
                embedding=256,
                dropout=0.4,
                input_dropout=0.3,
                hide_inputs=0.05,
                epochs=effort.early_epochs,
                batch=effort.batch,
            )
        )
    return classifiers


def _linear(name: str, inputs: list[str], effort: _Effort, rank: int | None) -> ClassifierRecipe:
    return ClassifierRecipe(
        name=name,
        inputs=inputs,
        rank=rank,
        dropout=0.2,
        epochs=effort.linear_epochs,
        batch=effort.batch,
        learning_rate=3e-3,
        weight_decay=0.0,
    )


def _image(one: InputRecipe, effort: _Effort) -> ClassifierRecipe:
    if _pretrained(one):
        return ClassifierRecipe(
            name=one.name,
            inputs=[one.name],
            hidden=[512],
            input_dropout=0.2,
            epochs=effort.image_epochs,
            batch=effort.batch,
        )
    return ClassifierRecipe(
        name=one.name,
        inputs=[one.name],
        hidden=[256],
        dropout=0.2,
        epochs=effort.image_epochs,
        batch=min(effort.batch, 64),
        learning_rate=3e-3,
    )


def _pretrained(one: InputRecipe) -> bool:
    return (one.encoder or {}).get("kind") == "pretrained_image"


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
