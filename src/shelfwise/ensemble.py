"""A trained model's working parts, in the order a product meets them: encoders, classifiers, fusion, calibration, routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_softmax, softmax

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import InputColumn, Role
from shelfwise.catalog.inputs import joined_texts
from shelfwise.catalog.masking import mask_words
from shelfwise.decision.calibrators import CalibrationMaps
from shelfwise.decision.confidence import Decided, decide
from shelfwise.decision.evidence import DECIMALS, Evidence
from shelfwise.decision.label_rules import LabelRule
from shelfwise.decision.novelty import NoveltyRule
from shelfwise.decision.path_decoding import Kind
from shelfwise.decision.routing import AcceptRule
from shelfwise.decision.thresholds import HALF, LabelThresholds, ThresholdKind
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.errors import RecipeError
from shelfwise.explain.memory import Memory
from shelfwise.fusion.label_wise import LabelWise
from shelfwise.fusion.policies import Policy
from shelfwise.profiling import timed
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe
from shelfwise.taxonomy.targets import LabelTarget, Target

if TYPE_CHECKING:
    import torch

    from shelfwise.training.network import Classifier

Prepared = dict[str, Encoded]
"""Every input of some products, by name, after the stateless part of encoding."""


@dataclass(frozen=True)
class Calibration:
    """What held-out products taught about scores.

    ``temperatures``: one divisor per classifier. ``scale`` and ``shift``: of the fused logits. ``thresholds``: from which
    probability on each label is given. ``set_scale`` and ``set_shift``: how the logit that a whole label set is right,
    were its labels independent, becomes the probability that it is. ``decoding``: how one path is taken from the probabilities of
    all. ``maps``: what comes after the temperatures, and after scale and shift, where the recipe wants more than those.
    ``random_labels``: the share (0 to under 1) of labels that look drawn evenly from all outcomes, which no score foretells.
    """

    temperatures: tuple[float, ...]
    scale: float = 1.0
    shift: float = 0.0
    thresholds: LabelThresholds = HALF
    set_scale: float = 1.0
    set_shift: float = 0.0
    decoding: Kind = "highest_leaf"
    maps: CalibrationMaps = field(default_factory=CalibrationMaps)
    random_labels: float = 0.0


@dataclass
class Ensemble:
    """Everything between a catalog's columns and probabilities per outcome."""

    target: Target
    encoders: dict[str, Encoder]
    classifiers: Sequence[Classifier | ExportedClassifier]
    policy: Policy
    calibration: Calibration
    accept: AcceptRule
    names: list[str] = field(default_factory=list)
    label_rules: dict[ThresholdKind, LabelRule] = field(default_factory=dict)
    """Of label sets: every way to decide them; ``calibration`` and ``accept`` are those of the recipe's."""
    evidence: Evidence | None = None
    """What held-out products showed: promises and sets rest on it. None in models of earlier versions."""
    memory: Memory | None = None
    """Some of the training products, to compare others with; None where the recipe wants none kept."""
    novelty: NoveltyRule | None = None
    """Which products are unlike anything known; None where held-out products could not teach it."""
    label_wise: LabelWise | None = None
    """Of label sets learned as wholes: their labels fused each for itself, where that was better on held-out products."""

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
        evidence = self.evidence
        if evidence is not None:
            evidence = evidence.deciding_by(kind)
        return replace(self, calibration=calibration, accept=rule.accept, evidence=evidence)

    @timed("encode")
    def transform(self, prepared: Prepared) -> Prepared:
        """What the networks take in."""
        return {name: encoder.transform(prepared[name]) for name, encoder in self.encoders.items()}

    def logits(self, data: Prepared, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Calibrated logits [classifiers, rows, outcomes] and presence bool [classifiers, rows]."""
        return stacked_logits(self.classifiers, data, rows, self.calibration, self.target.exclusive)

    def probabilities(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[rows, outcomes]: fused and calibrated; zeros where no classifier is present."""
        fused = self.policy.combine(logits, present)
        return fused_probabilities(self.target, self.calibration, fused, np.any(present, axis=0))

    def decide(self, probabilities: np.ndarray, logits: np.ndarray, present: np.ndarray) -> Decided:
        """The answers to what was fused; ``logits`` [classifiers, rows, outcomes] and ``present`` are what was fused."""
        by_label = label_probabilities(self.target, self.label_wise, probabilities, logits, present)
        return decide(self.target, probabilities, self.calibration, by_label)


def fused_probabilities(
    target: Target, calibration: Calibration, fused: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Fused logits [N, outcomes] as calibrated probabilities; zeros where ``present``, bool [N], is false."""
    scaled = fused * calibration.scale + calibration.shift
    if calibration.maps.fused is not None:
        scaled = calibration.maps.fused(scaled, target.exclusive)
    if not target.exclusive:
        return np.where(present[:, None], expit(scaled), 0.0)
    probabilities = softmax(scaled, axis=1)
    if calibration.random_labels:
        # Meeker scores instead would drown a label set in the hundreds of sets that are all but impossible.
        probabilities = probabilities * (1 - calibration.random_labels)
        probabilities += calibration.random_labels / target.n_outcomes
    return np.where(present[:, None], probabilities, 0.0)


def label_probabilities(
    target: Target,
    label_wise: LabelWise | None,
    probabilities: np.ndarray,
    logits: np.ndarray,
    present: np.ndarray,
) -> np.ndarray | None:
    """[N, labels], from fused probabilities [N, outcomes] and the classifiers' calibrated logits; None where labels are not fused
    each for itself."""
    if label_wise is None or not isinstance(target, LabelTarget):
        return None
    by_set = target.label_probabilities(probabilities)
    return np.round(label_wise.averaged(by_set, logits, present), DECIMALS)


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


def read_input(catalog: Catalog, one: InputRecipe) -> InputColumn:
    """What an input is in a catalog, before its encoder: its column, or its columns' texts as one. ABSENT where there is none.

    Words that the recipe masks are taken out.
    """
    read = [catalog.input_or_absent(column, Role(str(one.role))) for column in one.columns]
    column = replace(read[0], name=one.name) if len(read) == 1 else joined_texts(one.name, read)
    return mask_words(column, one.mask_words or ())


@timed("encode")
def prepare(
    encoders: Mapping[str, Encoder],
    inputs: list[InputRecipe],
    catalog: Catalog,
    reporter: Reporter,
    most_bytes: float | None = None,
) -> Prepared:
    """The stateless part of encoding for every input of the catalog; a column it lacks is absent in all products.

    ``most_bytes``: memory for the features of texts, shared by the inputs; None sets no limit.
    """
    prepared = {}
    texts = sum(one.role == "text" for one in inputs)
    for one in inputs:
        column = read_input(catalog, one)
        with reporter.stage(f"reading {one.name}", len(catalog)) as stage:
            if most_bytes is None:
                prepared[one.name] = encoders[one.name].prepare(column, stage.advance)
            else:
                share = most_bytes / max(1, texts)
                prepared[one.name] = encoders[one.name].prepare_within(column, share, stage.advance)
    return prepared


def build_classifier(
    recipe: ClassifierRecipe, encoders: Mapping[str, Encoder], data: Prepared, target: Target, seed: int
) -> Classifier:
    """An untrained classifier; its initial weights are a function of ``seed`` and its name."""
    import torch

    from shelfwise.heads import build_head
    from shelfwise.training.network import Classifier

    torch.manual_seed(seed + sum(recipe.name.encode()))
    sparse = {name: not isinstance(data[name].matrix, np.ndarray) for name in recipe.inputs}
    return Classifier(recipe, encoders, sparse, build_head(recipe.head, target))


def usable(recipe: ClassifierRecipe, data: Prepared) -> np.ndarray:
    """bool [N]: products that carry at least one input of the classifier."""
    return np.logical_or.reduce([data[name].present for name in recipe.inputs])


@timed("classify")
def stacked_logits(
    classifiers: Sequence[Classifier | ExportedClassifier],
    data: Prepared,
    rows: np.ndarray,
    calibration: Calibration,
    exclusive: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Every classifier's calibrated logits [classifiers, rows, outcomes], and presence [classifiers, rows]."""
    present = np.stack([usable(classifier.recipe, data)[rows] for classifier in classifiers])
    # One that can read none of the products has nothing to say, and need not be run to say it.
    asked = [bool(here.any()) or not present.any() for here in present]
    raw = {
        which: _outcome_logits(classifier, data, rows)
        for which, classifier in enumerate(classifiers)
        if asked[which]
    }
    nothing = np.zeros_like(next(iter(raw.values())))
    everything = np.stack([raw.get(which, nothing) for which in range(len(classifiers))])
    return calibrated_logits(everything, calibration, exclusive), present


def calibrated_logits(raw: np.ndarray, calibration: Calibration, exclusive: bool) -> np.ndarray:
    """Raw logits [classifiers, N, outcomes] as each classifier's calibrated ones; of exclusive outcomes log-probabilities."""
    calibrated = []
    for which, (mine, temperature) in enumerate(zip(raw, calibration.temperatures, strict=True)):
        scaled = mine.astype(np.float64) / temperature
        if exclusive:
            scaled = log_softmax(scaled, axis=1)
        one = calibration.maps.of_classifier(which)
        calibrated.append(scaled if one is None else one(scaled, exclusive))
    return np.stack(calibrated)


def _outcome_logits(
    classifier: Classifier | ExportedClassifier, data: Prepared, rows: np.ndarray
) -> np.ndarray:
    """float32 [rows, outcomes], by whichever engine has the classifier."""
    if isinstance(classifier, ExportedClassifier):
        return classifier.outcome_logits(data, rows)
    from shelfwise.training.loop import outcome_logits

    return outcome_logits(classifier, data, rows)


def choose_device(recipe: Recipe) -> torch.device:
    """The device the recipe asks for. Raises RecipeError when CUDA is asked for and not there."""
    import torch

    asked = recipe.training.device
    if asked == "cuda" and not torch.cuda.is_available():
        raise RecipeError(
            "the recipe asks for device 'cuda', but PyTorch finds none here; use 'auto' or 'cpu'"
        )
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")
