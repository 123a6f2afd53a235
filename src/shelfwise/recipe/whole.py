"""The whole recipe: every part together, checked, read from a file and written to one."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, field_validator

from shelfwise.errors import RecipeError
from shelfwise.recipe.calibration import CalibrationRecipe, ThresholdRecipe
from shelfwise.recipe.classifiers import ClassifierRecipe
from shelfwise.recipe.files import as_yaml, read_values
from shelfwise.recipe.fusion import FusionRecipe
from shelfwise.recipe.inputs import InputRecipe
from shelfwise.recipe.memory import MemoryRecipe
from shelfwise.recipe.part import EachOnce, RecipePart
from shelfwise.recipe.presets import PRESETS, over_preset
from shelfwise.recipe.routing import RoutingRecipe
from shelfwise.recipe.target import TargetRecipe
from shelfwise.recipe.training import TrainingRecipe


class Recipe(RecipePart):
    """Everything a model is made from. Empty ``inputs`` and ``classifiers`` are chosen from the catalog by ``fit``.

    ``Recipe(target="category_path")`` is enough to start.
    """

    preset: Literal["auto", "fast", "paper-a", "paper-b"] = "auto"
    target: TargetRecipe = Field(default_factory=TargetRecipe)
    inputs: Annotated[list[InputRecipe], EachOnce] = Field(default_factory=list)
    classifiers: Annotated[list[ClassifierRecipe], EachOnce] = Field(default_factory=list)
    fusion: FusionRecipe = Field(default_factory=FusionRecipe)
    training: TrainingRecipe = Field(default_factory=TrainingRecipe)
    calibration: CalibrationRecipe = Field(default_factory=CalibrationRecipe)
    thresholds: ThresholdRecipe = Field(default_factory=ThresholdRecipe)
    routing: RoutingRecipe = Field(default_factory=RoutingRecipe)
    memory: MemoryRecipe = Field(default_factory=MemoryRecipe)
    image_model: str | None = None
    """A pretrained image backbone: local folder or hub name. None: ``small_cnn`` is trained from scratch."""
    text_model: str | None = None
    """A pretrained sentence encoder: local folder or hub name. None: texts are read by their words alone."""

    @field_validator("target", mode="before")
    @classmethod
    def _target(cls, value: Any) -> Any:
        return {"columns": value} if isinstance(value, str | list) else value

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**over_preset(values))
        except ValidationError as error:
            raise RecipeError(_explained(error)) from error

    @classmethod
    def read(cls, name_or_file: str | Path) -> Recipe:
        """A recipe by preset name (one of ``PRESETS``) or from a YAML file.

        Raises RecipeError for an unknown name, unreadable YAML, an unknown key (naming the nearest, or where it belongs) or a bad
        value.
        """
        if str(name_or_file) in PRESETS:
            return cls(preset=str(name_or_file))
        file = Path(name_or_file)
        values = read_values(file)
        if "search" in values:
            raise RecipeError(
                f"{file}: its block 'search' is for `shelfwise search`; use the recipe.yaml that this writes, or take it out"
            )
        try:
            return cls(**values)
        except RecipeError as error:
            raise RecipeError(f"{file}: {error}") from error
        except TypeError as error:
            raise RecipeError(f"{file}: keys must be words: {error}") from error

    def to_yaml(self) -> str:
        """The recipe with every value spelled out; ``Recipe.read`` of it gives an equal recipe."""
        return as_yaml(self.model_dump(mode="json"))


_PLACES = {"inputs": "to an input", "classifiers": "to a classifier"}
_ALIKE, _SOMEWHAT_ALIKE = 0.85, 0.6
"""Of difflib's ratio: 'column' and 'columns' are alike, 'threads' and 'thresholds' somewhat."""
_TOP = "at the top of the recipe"


def _parts() -> dict[str, type[RecipePart]]:
    """The recipe's own keys that hold a part, or a list of parts, and of what kind."""
    found = {}
    for key, field in Recipe.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, RecipePart):
                found[key] = kind
    return found


def _hint(where: tuple[int | str, ...]) -> str:
    """What may be meant by an unknown key at ``where``: one of the same part's, or where else there is one of this name."""
    key, parts = str(where[-1]), _parts()
    own = (parts[str(where[0])] if len(where) > 1 else Recipe).model_fields
    places = [_PLACES.get(name, f"to '{name}'") for name, part in parts.items() if key in part.model_fields]
    places += [_TOP] if key in Recipe.model_fields else []
    # A key of another part, to the letter, is more likely meant than one of this part that looks somewhat like it.
    nearest = difflib.get_close_matches(key, own, n=1, cutoff=_ALIKE if places else _SOMEWHAT_ALIKE)
    if nearest:
        return f"; did you mean '{nearest[0]}'?"
    return f"; '{key}' belongs {' or '.join(places)}" if places else ""


def _explained(error: ValidationError) -> str:
    """The first problem of a recipe in one line."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{where}' in the recipe{_hint(problem['loc'])}"
    return f"recipe value '{where}': {problem['msg']}, got {problem['input']!r:.80}"
