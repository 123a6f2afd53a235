"""What a sentence encoder adds to a recipe: texts are read a second time, by what they mean."""

from __future__ import annotations

from shelfwise.encoders.registry import build_encoder
from shelfwise.errors import RecipeError
from shelfwise.learning.recommended import reads_meaning
from shelfwise.recipe import InputRecipe, Recipe

_ADDS = ("auto", "fast")
"""The presets that know what to do with sentence vectors; the papers' have encoders of their own for texts."""
MAX_TOKENS = 128
"""Of a text that ``--text-model`` reads: what a product is stands at the beginning."""
_SUFFIX = "_meaning"


def with_meaning(inputs: list[InputRecipe], recipe: Recipe) -> list[InputRecipe]:
    """The inputs, and, with a ``text_model``, every text among them a second time under another name, as a sentence vector.

    A recipe that says itself what its classifiers read, or that has sentence vectors already, stays as it is. ``inputs`` have
    their roles and encoders. Raises RecipeError for a preset that has no use for a text model.
    """
    if not recipe.text_model or recipe.classifiers or any(map(reads_meaning, inputs)):
        return inputs
    if recipe.preset not in _ADDS:
        raise RecipeError(
            f"the preset '{recipe.preset}' reads texts as its paper did and has no use for a text model ('{recipe.text_model}'); "
            f"leave --text-model out, or use the preset {' or '.join(_ADDS)}"
        )
    taken = {one.name for one in inputs}
    options = {"model": recipe.text_model, "max_tokens": MAX_TOKENS}
    encoder = {
        "kind": "pretrained_text",
        **build_encoder("pretrained_text", options).options.model_dump(mode="json"),
    }
    meanings = []
    for one in inputs:
        if one.role == "text":
            name = _free(one.name + _SUFFIX, taken)
            taken.add(name)
            meanings.append(
                one.model_copy(update={"name": name, "column": one.column or one.name, "encoder": encoder})
            )
    return inputs + meanings


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
