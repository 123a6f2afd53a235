"""A trained model's working parts, in the order a product meets them: encoders, classifiers, fusion, calibration, routing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.special import expit, log_softmax, softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.masking import mask_words
from shelfwise.decision.label_rules import LabelRule
from shelfwise.decision.path_decoding import Kind
from shelfwise.decision.routing import AcceptRule
from shelfwise.decision.thresholds import HALF, LabelThresholds, ThresholdKind
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.errors import RecipeError
from shelfwise.fusion.policies import Policy
from shelfwise.heads import build_head
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe
from shelfwise.taxonomy.targets import Target
from shelfwise.training.loop import outcome_logits
from shelfwise.training.network import Classifier

Prepared = dict[str, Encoded]
"""Every input of some products, by name, after the stateless part of encoding."""


@dataclass(frozen=True)
class Calibration:
    """What held-out products taught about scores.

    ``temperatures``: one divisor per classifier. ``scale`` and ``shift``: of the fused logits. ``thresholds``: from which
    probability on each label is given. ``set_scale`` and ``set_shift``: how the logit that a whole label set is right,
    were its labels independent, becomes the probability that it is. ``decoding``: how one path is taken from the probabilities of
    all.
    """

    temperatures: tuple[float, ...]
    scale: float = 1.0
    shift: float = 0.0
    thresholds: LabelThresholds = HALF
    set_scale: float = 1.0
    set_shift: float = 0.0
    decoding: Kind = "highest_leaf"


@dataclass
class Ensemble:
    """Everything between a catalog's columns and probabilities per outcome."""

    target: Target
    encoders: dict[str, Encoder]
    classifiers: list[Classifier]
    policy: Policy
    calibration: Calibration
    accept: AcceptRule
    names: list[str] = field(default_factory=list)
    label_rules: dict[ThresholdKind, LabelRule] = field(default_factory=dict)
    """Of label sets: every way to decide them; ``calibration`` and ``accept`` are those of the recipe's."""

    def deciding_by(self, kind: str) -> Ensemble:
        """The same parts, deciding label sets by another kind of threshold. Raises RecipeError where there is none."""
        rule = {str(known): rule for known, rule in self.label_rules.items()}.get(kind)
        if rule is None:
            known = ", ".join(self.label_rules) or "none, for it does not predict label sets"
            raise RecipeError(f"expected a kind of threshold that the model has ({known}), got '{kind}'")
        calibration = replace(
            self.calibration,
            thresholds=rule.thresholds,
            set_scale=rule.set_scale,
            set_shift=rule.set_shift,
        )
        return replace(self, calibration=calibration, accept=rule.accept)

    def transform(self, prepared: Prepared) -> Prepared:
        """What the networks take in."""
        return {name: encoder.transform(prepared[name]) for name, encoder in self.encoders.items()}

    def logits(self, data: Prepared, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated logits [classifiers, rows, outcomes] and presence bool [classifiers, rows]."""
        return stacked_logits(
            self.classifiers, data, rows, self.calibration.temperatures, self.target.exclusive
        )

    def probabilities(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[rows, outcomes]: fused and calibrated; zeros where no classifier is present."""
        fused = self.policy.combine(logits, present)
        return fused_probabilities(self.target, self.calibration, fused, np.any(present, axis=0))


def fused_probabilities(
    target: Target, calibration: Calibration, fused: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Fused logits [N, outcomes] as calibrated probabilities; zeros where ``present``, bool [N], is false."""
    scaled = fused * calibration.scale + calibration.shift
    probabilities = softmax(scaled, axis=1) if target.exclusive else expit(scaled)
    return np.where(present[:, None], probabilities, 0.0)


def build_encoders(inputs: list[InputRecipe]) -> dict[str, Encoder]:
    """A fresh encoder for every input. Raises RecipeError when one cannot read its input's role."""
    encoders = {}
    for one in inputs:
        if one.role is None or not one.encoder or "kind" not in one.encoder:
            raise RecipeError(f"input '{one.name}' needs a role and an encoder with its 'kind' in the recipe")
        options = {key: value for key, value in one.encoder.items() if key != "kind"}
        encoder = build_encoder(str(one.encoder["kind"]), options)
        if Role(one.role) not in encoder.roles:
            raise RecipeError(
                f"input '{one.name}' has the role {one.role}, which the encoder '{encoder.kind}' cannot read; it reads "
                f"{', '.join(sorted(encoder.roles))}"
            )
        encoders[one.name] = encoder
    return encoders


def prepare(
    encoders: Mapping[str, Encoder], inputs: list[InputRecipe], catalog: Catalog, reporter: Reporter
) -> Prepared:
    """The stateless part of encoding for every input of the catalog; a column it lacks is absent in all products."""
    prepared = {}
    for one in inputs:
        column = mask_words(catalog.input_or_absent(one.name, Role(str(one.role))), one.mask_words or ())
        with reporter.stage(f"reading {one.name}", len(catalog)) as stage:
            prepared[one.name] = encoders[one.name].prepare(column, stage.advance)
    return prepared


def build_classifier(
    recipe: ClassifierRecipe, encoders: Mapping[str, Encoder], data: Prepared, target: Target, seed: int
) -> Classifier:
    """An untrained classifier; its initial weights are a function of ``seed`` and its name."""
    torch.manual_seed(seed + sum(recipe.name.encode()))
    sparse = {name: not isinstance(data[name].matrix, np.ndarray) for name in recipe.inputs}
    return Classifier(recipe, encoders, sparse, build_head(recipe.head, target))


def usable(recipe: ClassifierRecipe, data: Prepared) -> np.ndarray:
    """bool [N]: products that carry at least one input of the classifier."""
    return np.logical_or.reduce([data[name].present for name in recipe.inputs])


def stacked_logits(
    classifiers: list[Classifier],
    data: Prepared,
    rows: np.ndarray,
    temperatures: tuple[float, ...],
    exclusive: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Every classifier's logits over its temperature [classifiers, rows, outcomes], and presence [classifiers, rows]."""
    logits, present = [], []
    for classifier, temperature in zip(classifiers, temperatures, strict=True):
        raw = outcome_logits(classifier, data, rows).astype(np.float64) / temperature
        logits.append(log_softmax(raw, axis=1) if exclusive else raw)
        present.append(usable(classifier.recipe, data)[rows])
    return np.stack(logits), np.stack(present)


def choose_device(recipe: Recipe) -> torch.device:
    """The device the recipe asks for. Raises RecipeError when CUDA is asked for and not there."""
    asked = recipe.training.device
    if asked == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "the recipe asks for device 'cuda', but PyTorch finds none here; use 'auto' or 'cpu'"
        )
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")
