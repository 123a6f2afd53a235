"""The declared configuration of a model: everything `train` decides, written down, editable, readable back."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from shelfwise.errors import RecipeError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _each_once(values: list[Any]) -> list[Any]:
    keys = [value.name if isinstance(value, BaseModel) else value for value in values]  # type: ignore[attr-defined]
    repeated = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
    if repeated is not None:
        raise ValueError(f"expected every name once, but '{repeated}' is there twice")
    return values


_EachOnce = AfterValidator(_each_once)
_Width = Annotated[int, Field(ge=1)]


class TargetRecipe(_Part):
    """What is predicted.

    ``columns`` is one column (of delimited paths, or of label sets) or one column per level. ``separator`` None
    recognises " > ", " / ", " | " and others from the values; an empty one splits nothing.
    """

    columns: Annotated[list[str], _EachOnce] = Field(default_factory=list)
    multilabel: bool = False
    separator: str | None = None
    min_products: int = Field(default=1, ge=1)
    """Labels with fewer training products are not learned (label sets only)."""
    label_space: Literal["auto", "labels", "sets"] = "auto"
    """Decide labels each for itself, or the known label sets as wholes; auto: sets where they repeat often enough."""

    @field_validator("columns", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class InputRecipe(_Part):
    """One input: the column ``name``, its ``role``, and the encoder (``kind`` and its own options) that reads it.

    ``role`` and ``encoder`` None are chosen from the catalog by ``fit``.
    """

    name: str
    role: Literal["text", "category", "number", "image"] | None = None
    encoder: dict[str, Any] | None = None


class ClassifierRecipe(_Part):
    """One classifier: which inputs it reads, its body and head.

    ``hidden`` empty is a linear classifier; with ``rank`` its weights are the product of two matrices of that inner width, as in
    fastText (Joulin et al. 2017): memory and time then grow with the rank instead of the number of categories.
    ``embedding`` is the width each input is projected to before a body.
    ``input_dropout`` drops single features, ``dropout`` hidden units, ``hide_inputs`` whole inputs of a product
    (so that the classifier learns to live without each of them).
    """

    name: str
    inputs: Annotated[list[str], _EachOnce] = Field(min_length=1)
    head: Literal["auto", "tree", "per_level", "multilabel", "label_sets"] = "auto"
    hidden: list[_Width] = Field(default_factory=list)
    rank: int | None = Field(default=None, ge=1)
    embedding: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    hide_inputs: float = Field(default=0.0, ge=0, lt=1)
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    sparse_learning_rate: float = Field(default=0.1, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)


class FusionRecipe(_Part):
    """How classifiers' scores become one: ``policies`` are tried, the best on held-out products is kept."""

    policies: list[str] = Field(default_factory=lambda: ["opinion_pool", "mean", "max"])


class TrainingRecipe(_Part):
    """How the parts are trained. ``held_out`` is the share of products (whole groups) that choose epochs, fit the
    policy, calibrate and set thresholds; with ``refit`` every classifier is then trained once more on all products."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    held_out: float = Field(default=0.2, gt=0, lt=0.9)
    refit: bool = True
    patience: int = Field(default=3, ge=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    class_weights: Literal["none", "balanced"] = "none"
    threads: int | None = Field(default=None, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"


class RoutingRecipe(_Part):
    """Which products a person sees: those whose confidence is under the lowest threshold that held ``precision``
    (of whole predictions; for label sets of single labels) on held-out products."""

    precision: float = Field(default=0.95, gt=0, le=1)
    alternatives: int = Field(default=5, ge=0)


class Recipe(_Part):
    """Everything a model is made from. Empty ``inputs`` and ``classifiers`` are chosen from the catalog by ``fit``.

    ``Recipe(target="category_path")`` is enough to start.
    """

    preset: Literal["auto"] = "auto"
    target: TargetRecipe = Field(default_factory=TargetRecipe)
    inputs: Annotated[list[InputRecipe], _EachOnce] = Field(default_factory=list)
    classifiers: Annotated[list[ClassifierRecipe], _EachOnce] = Field(default_factory=list)
    fusion: FusionRecipe = Field(default_factory=FusionRecipe)
    training: TrainingRecipe = Field(default_factory=TrainingRecipe)
    routing: RoutingRecipe = Field(default_factory=RoutingRecipe)
    image_model: str | None = None
    """A pretrained image backbone: local folder or hub name. None: ``small_cnn`` is trained from scratch."""

    @field_validator("target", mode="before")
    @classmethod
    def _target(cls, value: Any) -> Any:
        return {"columns": value} if isinstance(value, str | list) else value

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise RecipeError(_explain(error)) from error

    @classmethod
    def read(cls, name_or_file: str | Path) -> Recipe:
        """A recipe by preset name ("auto") or from a YAML file.

        Raises RecipeError for an unknown name, unreadable YAML, an unknown key (naming the nearest) or a bad value.
        """
        if str(name_or_file) in PRESETS:
            return cls(preset=str(name_or_file))
        file = Path(name_or_file)
        if not file.is_file():
            raise RecipeError(
                f"expected a recipe's name ({', '.join(PRESETS)}) or a YAML file, got '{name_or_file}', which is neither"
            )
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise RecipeError(
                f"{file}: expected YAML, but it cannot be read: {' '.join(str(error).split())}"
            ) from error
        if not isinstance(values, dict):
            raise RecipeError(
                f"{file}: expected a mapping of keys to values at the top, got {type(values).__name__}"
            )
        try:
            return cls(**values)
        except RecipeError as error:
            raise RecipeError(f"{file}: {error}") from error
        except TypeError as error:
            raise RecipeError(f"{file}: keys must be words: {error}") from error

    def to_yaml(self) -> str:
        """The recipe with every value spelled out; ``Recipe.read`` of it gives an equal recipe."""
        values = self.model_dump(mode="json")
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
        if yaml.safe_load(text) == values:
            return text
        # Some of Unicode's line breaks do not read back as PyYAML writes them; escaped they do.
        return yaml.safe_dump(values, sort_keys=False, width=100)


PRESETS = ("auto",)

_PARTS: list[type[BaseModel]] = [
    Recipe,
    TargetRecipe,
    InputRecipe,
    ClassifierRecipe,
    FusionRecipe,
    TrainingRecipe,
    RoutingRecipe,
]
_KNOWN_KEYS = sorted({key for part in _PARTS for key in part.model_fields})


def _explain(error: ValidationError) -> str:
    """The first problem of a recipe in one line."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(str(problem["loc"][-1]), _KNOWN_KEYS, n=1, cutoff=0.4)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        return f"unknown key '{where}' in the recipe{hint}"
    return f"recipe value '{where}': {problem['msg']}, got {problem['input']!r:.80}"
