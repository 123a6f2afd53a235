"""The declared configuration of a model: everything `train` decides, written down, editable, readable back."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from shelfwise.errors import RecipeError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _each_once(values: list[Any]) -> list[Any]:
    keys = [value.name if isinstance(value, BaseModel) else value for value in values]  # type: ignore[attr-defined]
    repeated = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
    if repeated is not None:
        raise ValueError(f"expected every name once, but '{repeated}' is there twice")
    return values


HEADS = (
    "auto",
    "tree",
    "conditional_tree",
    "per_level",
    "sequential",
    "level_decoder",
    "multilabel",
    "label_sets",
)
"""The heads there are; their options are checked when they are built (``heads.build_head``)."""

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
    decoding: Literal["auto", "highest_leaf", "beam", "per_level_argmax", "greedy"] = "auto"
    """How one path is taken from the probabilities of all; auto: what is right most often on held-out products."""
    mask_labels: bool = False
    """Take the words of all category names out of the text inputs, so that the answer cannot be read off them."""

    @field_validator("columns", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class InputRecipe(_Part):
    """One input: its ``name``, its ``role``, and the encoder (``kind`` and its own options) that reads it.

    ``role`` and ``encoder`` None are chosen from the catalog by ``fit``.
    """

    name: str
    column: str | Annotated[list[str], _EachOnce, Field(min_length=1)] | None = None
    """The column that is read; None: the one called ``name``. So two inputs, each with its own encoder, can read one column. A
    list of columns of texts is read as one text."""
    role: Literal["text", "category", "number", "image"] | None = None
    encoder: dict[str, Any] | None = None
    mask_words: list[str] | None = None
    """Words taken out of a text, singular or plural, in training and prediction alike; ``fit`` fills it for ``mask_labels``."""

    @property
    def columns(self) -> list[str]:
        """The columns that are read.

        >>> InputRecipe(name="meaning", column=["title", "description"]).columns, InputRecipe(name="title").columns
        (['title', 'description'], ['title'])
        """
        if self.column is None:
            return [self.name]
        return [self.column] if isinstance(self.column, str) else list(self.column)


_OPTIMIZER_DEFAULTS: dict[str, dict[str, float]] = {
    "adam": {"weight_decay": 0.0},
    "sgd": {"learning_rate": 0.1, "weight_decay": 0.0},
    "adadelta": {"learning_rate": 1.0, "weight_decay": 0.0},
}


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
    head: str | dict[str, Any] = "auto"
    """A head by its kind (one of ``HEADS``), or a mapping of ``kind`` and its own options."""
    hidden: list[_Width] = Field(default_factory=list)
    rank: int | None = Field(default=None, ge=1)
    embedding: int = Field(default=256, ge=1)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    hide_inputs: float = Field(default=0.0, ge=0, lt=1)
    epochs: int = Field(default=10, ge=1)
    batch: int = Field(default=256, ge=1)
    solver: Literal["gradient", "svm"] = "gradient"
    """How it is trained: by gradient descent, or (linear classifiers over sparse inputs only) one linear support vector machine a
    category, with ``regularisation`` its C. An SVM has no epochs, and takes none of the options of gradient descent."""
    regularisation: float = Field(default=2.0, gt=0)
    optimizer: Literal["adamw", "adam", "sgd", "adadelta"] = "adamw"
    """Of dense weights and word vectors; weights on sparse inputs always have their own."""
    learning_rate: float = Field(default=1e-3, gt=0)
    encoder_learning_rate: float | None = Field(default=None, gt=0)
    """Of what is trained inside the inputs' encoders (word vectors, convolutions, a backbone); null: ``learning_rate``."""
    sparse_learning_rate: float = Field(default=0.1, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _as_the_optimizer_wants_them(cls, values: Any) -> Any:
        """What is not given takes the values that suit the optimizer: the ones above are AdamW's."""
        name = values.get("optimizer") if isinstance(values, dict) else None
        return {**_OPTIMIZER_DEFAULTS.get(name, {}), **values} if isinstance(name, str) else values

    @field_validator("head")
    @classmethod
    def _head(cls, value: str | dict[str, Any]) -> str | dict[str, Any]:
        kind = value.get("kind") if isinstance(value, dict) else value
        if kind not in HEADS:
            nearest = difflib.get_close_matches(str(kind), HEADS, n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            known = ", ".join(f"'{name}'" for name in HEADS)
            raise ValueError(f"expected a head ({known}), or a mapping with its 'kind'{hint}")
        return value


class FusionRecipe(_Part):
    """How classifiers' scores become one: ``policies`` are tried, the best on held-out products is kept.

    A policy is given by its kind (``mean``), or by a mapping of ``kind`` and its own options
    (``{kind: policy_network, widths: [100]}``).
    """

    policies: Annotated[list[str | dict[str, Any]], _EachOnce] = Field(
        default_factory=lambda: list[str | dict[str, Any]](
            ["policy_network", "category_pool", "opinion_pool", "mean"]
        )
    )

    @field_validator("policies")
    @classmethod
    def _policies(cls, value: list[str | dict[str, Any]]) -> list[str | dict[str, Any]]:
        for one in value:
            if isinstance(one, dict) and not isinstance(one.get("kind"), str):
                raise ValueError("expected a policy's name, or a mapping with its 'kind'")
        return value


class TrainingRecipe(_Part):
    """How the parts are trained.

    ``folds``: into how many parts the products (whole groups) are divided; each part in turn is held out from the classifiers
    and scored by them, and those scores choose epochs, fit the policy, calibrate and set thresholds. With 1 only a share
    ``held_out`` is. None is chosen by ``fit``. With ``refit`` every classifier is then trained once more on all products."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    folds: int | None = Field(default=None, ge=1, le=20)
    held_out: float = Field(default=0.2, gt=0, lt=0.9)
    deduplicate: bool = False
    """Learn from one product of every group of near-duplicates."""
    clean_labels: bool = False
    """Do not learn from products whose label is probably wrong, by what quick classifiers that never saw them say."""
    refit: bool = True
    patience: int = Field(default=3, ge=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    class_weights: Literal["none", "balanced", "effective_number"] = "none"
    threads: int | None = Field(default=None, ge=1)
    feature_memory_gb: float = Field(default=2.0, ge=0)
    """Memory (10^9 bytes) for the n-grams of texts. Of larger catalogs they are counted anew from the texts whenever they are
    needed: the model is the same, and training takes a little longer."""
    device: Literal["auto", "cpu", "cuda"] = "auto"


class CalibrationRecipe(_Part):
    """How scores become probabilities, of every ``classifiers``' own before fusion, and of what was ``fused``.

    temperature: one number (label sets: a scale and a shift). vector: a scale and a shift for each category. isotonic: any rising
    curve; one for all paths, one for each label that has enough products. The last two need some thousand products.
    """

    classifiers: Literal["temperature", "vector", "isotonic"] = "temperature"
    fused: Literal["temperature", "vector", "isotonic"] = "temperature"


class ThresholdRecipe(_Part):
    """From which probability on a label is given (label sets only).

    ``kind``: 0.5 for all labels, one tuned for all, or one tuned for each. ``metric``: tuned for the F1 over all labels together
    or for the mean of every label's own. All kinds are fitted and kept: ``predict`` can change to another.
    """

    kind: Literal["fixed", "one", "per_label"] = "one"
    metric: Literal["micro", "macro"] = "micro"
    at_least_one: bool = False
    """Give the most probable label where none reaches its threshold."""


class RoutingRecipe(_Part):
    """Which products a person sees: those for which ``precision`` cannot be promised on what held-out products showed.

    ``of`` says of what: of whole predictions, or (label sets only) of single labels, each label for itself. ``precisions`` are
    other targets for single levels ("sub_category", "level 2"), top categories, or labels. With ``per_department`` every category
    on the first level holds the precision for itself. With ``back_off`` a path that is not sure enough is accepted as far as it
    is (of single labels: without those that are not). ``certainty`` is how sure a promise is, one-sided. All of it can be changed
    at prediction, without training."""

    precision: float = Field(default=0.95, gt=0, le=1)
    certainty: float = Field(default=0.95, ge=0.5, lt=1)
    precisions: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
    of: Literal["whole", "labels"] = "whole"
    per_department: bool = False
    back_off: bool = False
    alternatives: int = Field(default=5, ge=0)
    unknown: float = Field(default=0.02, ge=0, lt=1)
    """Share of known products that may be sent to a person as unlike anything known: the more, the more unknown ones are
    caught. 0 sends none. Fixed in training."""


class MemoryRecipe(_Part):
    """Which training products the model folder keeps, to tell what is unlike them and to show what is like them.

    Of each: numbers made of its inputs, its category and, with ``names``, its id and title, readable in the folder.
    """

    products: int = Field(default=8_192, ge=0, le=8_192)
    """At most so many; 0 keeps none: unknown products are then told by the classifiers' doubts alone, and explanations name no
    similar products."""
    names: bool = True


class Recipe(_Part):
    """Everything a model is made from. Empty ``inputs`` and ``classifiers`` are chosen from the catalog by ``fit``.

    ``Recipe(target="category_path")`` is enough to start.
    """

    preset: Literal["auto", "fast", "paper-a", "paper-b"] = "auto"
    target: TargetRecipe = Field(default_factory=TargetRecipe)
    inputs: Annotated[list[InputRecipe], _EachOnce] = Field(default_factory=list)
    classifiers: Annotated[list[ClassifierRecipe], _EachOnce] = Field(default_factory=list)
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
            super().__init__(**_over_preset(values))
        except ValidationError as error:
            raise RecipeError(_explain(error)) from error

    @classmethod
    def read(cls, name_or_file: str | Path) -> Recipe:
        """A recipe by preset name (one of ``PRESETS``) or from a YAML file.

        Raises RecipeError for an unknown name, unreadable YAML, an unknown key (naming the nearest) or a bad value.
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
        values = self.model_dump(mode="json")
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
        if yaml.safe_load(text) == values:
            return text
        # Some of Unicode's line breaks do not read back as PyYAML writes them; escaped they do.
        return yaml.safe_dump(values, sort_keys=False, width=100)


def read_values(file: Path) -> dict[str, Any]:
    """The mapping that a recipe's YAML file holds, not yet checked. Raises RecipeError when there is none."""
    if not file.is_file():
        raise RecipeError(
            f"expected a recipe's name ({', '.join(PRESETS)}) or a YAML file, got '{file}', which is neither"
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
    return values


PRESETS: dict[str, dict[str, Any]] = {
    "auto": {},
    "fast": {"training": {"folds": 1, "held_out": 0.1, "refit": False}},
    "paper-a": {
        "fusion": {
            "policies": [{"kind": "policy_network", "preset": "paper_trimodal"}, "ridge", "mean", "max"]
        }
    },
    "paper-b": {"training": {"folds": 1}},
}
"""Presets by name, and the values they set besides inputs and classifiers; what is given wins over them."""


def _over_preset(values: dict[str, Any]) -> dict[str, Any]:
    """The values given, laid over those of the preset they name."""
    preset = values.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        return values
    merged = dict(values)
    for key, defaults in PRESETS[preset].items():
        given = values.get(key, {})
        merged[key] = {**defaults, **given} if isinstance(given, dict) else given
    return merged


_PARTS: list[type[BaseModel]] = [
    Recipe,
    TargetRecipe,
    InputRecipe,
    ClassifierRecipe,
    FusionRecipe,
    TrainingRecipe,
    CalibrationRecipe,
    ThresholdRecipe,
    RoutingRecipe,
    MemoryRecipe,
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
