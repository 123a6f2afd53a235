"""A model taken apart into what is stored (values for ``model.json``, arrays by name), and put together again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from shelfwise.decision.evidence import Evidence
from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.encoders.base import Encoder
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.ensemble import Ensemble, build_encoders
from shelfwise.errors import ModelFolderError
from shelfwise.exported_model import Export
from shelfwise.fusion import build_policy
from shelfwise.recipe import Recipe
from shelfwise.storage.fitted_facts import FittedFacts
from shelfwise.storage.stored_classifier import build_with_weights, classifier_arrays, packed, unpacked
from shelfwise.storage.stored_model import (
    StoredCalibration,
    StoredLabelRule,
    StoredLabelWise,
    StoredModel,
    StoredRule,
)
from shelfwise.storage.stored_novelty import StoredNovelty, StoredView, read_novelty
from shelfwise.taxonomy.targets import LabelTarget, Target, target_from_json

if TYPE_CHECKING:
    from shelfwise.training.network import Classifier

FORMAT_VERSION = 3
"""2: large arrays may be of half precision, and probabilities may hold a share of random labels. 3: label sets may be fused label
by label besides. All up to it are read."""
_POLICY_PREFIX = "policy/"
_LABEL_WISE_PREFIX = "label_wise/"
_CALIBRATION_PREFIX = "calibration/"
_EVIDENCE_PREFIX = "evidence/"
_MEMORY_PREFIX = "memory/"


def all_arrays(ensemble: Ensemble) -> dict[str, np.ndarray]:
    """Every array of a model, by its name in ``weights.safetensors``."""
    parts = {_prefix("encoder", name): encoder.state_arrays() for name, encoder in ensemble.encoders.items()}
    for classifier in ensemble.classifiers:
        parts[_prefix("classifier", classifier.recipe.name)] = packed(classifier_arrays(classifier))
    parts[_POLICY_PREFIX] = ensemble.policy.arrays()
    label_wise = ensemble.label_wise
    parts[_LABEL_WISE_PREFIX] = {} if label_wise is None else label_wise.policy.arrays()
    parts[_CALIBRATION_PREFIX] = ensemble.calibration.maps.arrays()
    parts[_EVIDENCE_PREFIX] = {} if ensemble.evidence is None else ensemble.evidence.arrays()
    parts[_MEMORY_PREFIX] = {} if ensemble.memory is None else ensemble.memory.arrays()
    return {
        # Not of numbers alone, such as a network's counters: it would make lists of one of them.
        prefix + key: np.ascontiguousarray(array) if array.ndim else array
        for prefix, arrays in parts.items()
        for key, array in arrays.items()
    }


def all_values(recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> StoredModel:
    """Everything of a model that is no array."""
    sparse = {
        name: is_sparse
        for classifier in ensemble.classifiers
        for name, is_sparse in classifier.reads_sparse.items()
    }
    return StoredModel(
        format_version=FORMAT_VERSION,
        recipe=recipe.model_dump(mode="json"),
        target=ensemble.target.to_json(),
        encoders={name: encoder.state_json() for name, encoder in ensemble.encoders.items()},
        sparse=sparse,
        classifiers=ensemble.names,
        policy=ensemble.policy.spec,
        policy_state=ensemble.policy.state(),
        label_wise=StoredLabelWise.of(ensemble.label_wise) if ensemble.label_wise else None,
        calibration=StoredCalibration.of(ensemble.calibration),
        accept=StoredRule.of(ensemble.accept),
        label_rules={kind: StoredLabelRule.of(rule) for kind, rule in ensemble.label_rules.items()},
        memory=[StoredView.of(view) for view in ensemble.memory.views] if ensemble.memory is not None else [],
        novelty=StoredNovelty.of(ensemble.novelty) if ensemble.novelty else None,
        facts=facts,
    )


def put_together(
    folder: Path, recipe: Recipe, stored: StoredModel, tensors: dict[str, np.ndarray], export: Export | None
) -> Ensemble:
    """The working model; ``tensors`` is emptied. ``export``: the networks that run in place of PyTorch's.

    Raises ModelFolderError, naming ``folder``, where the parts are not of one model.
    """
    target = target_from_json(stored.target)
    encoders = _fitted_encoders(folder, recipe, stored, tensors)
    classifiers = _classifiers(recipe, stored, tensors, encoders, target, export)
    if export is not None:
        export.attach_to(encoders)
    policy = build_policy(stored.policy, target.exclusive).load_state(
        stored.policy_state, _take(tensors, _POLICY_PREFIX), len(classifiers), target.n_outcomes
    )
    label_wise = None
    if stored.label_wise is not None and isinstance(target, LabelTarget) and target.sets:
        arrays, random_labels = _take(tensors, _LABEL_WISE_PREFIX), stored.calibration.random_labels
        label_wise = stored.label_wise.read(target, arrays, len(classifiers), random_labels)
    maps = _take(tensors, _CALIBRATION_PREFIX)
    shown = _take(tensors, _EVIDENCE_PREFIX)
    evidence = Evidence.read(shown, target, recipe.thresholds.kind) if shown else None
    memory, novelty = read_novelty(
        stored.memory, stored.novelty, _take(tensors, _MEMORY_PREFIX), encoders, target, stored.classifiers
    )
    _refuse_unmatched(folder, recipe, stored, target, tensors)
    labels = len(target.labels) if isinstance(target, LabelTarget) else 0
    return Ensemble(
        target,
        encoders,
        classifiers,
        policy,
        stored.calibration.read(labels, target.n_outcomes, maps),
        stored.accept.read(),
        list(stored.classifiers),
        {kind: rule.read(labels) for kind, rule in stored.label_rules.items()},
        evidence,
        memory,
        novelty,
        label_wise,
    )


def _fitted_encoders(
    folder: Path, recipe: Recipe, stored: StoredModel, tensors: dict[str, np.ndarray]
) -> dict[str, Encoder]:
    encoders = build_encoders(recipe.inputs)
    for name, encoder in encoders.items():
        state = _take(tensors, _prefix("encoder", name))
        if set(state) != set(encoder.load_state(state, stored.encoders[name]).state_arrays()):
            raise ModelFolderError(f"'{folder}' holds other arrays than the encoder of '{name}' keeps")
    return encoders


def _classifiers(
    recipe: Recipe,
    stored: StoredModel,
    tensors: dict[str, np.ndarray],
    encoders: Mapping[str, Encoder],
    target: Target,
    export: Export | None,
) -> list[Classifier | ExportedClassifier]:
    by_name = {one.name: one for one in recipe.classifiers}
    classifiers: list[Classifier | ExportedClassifier] = []
    for name in stored.classifiers:
        one, state = by_name[name], _take(tensors, _prefix("classifier", name))
        found = export and export.classifier(one, state, stored.sparse, encoders, target.n_outcomes)
        classifiers.append(found or build_with_weights(one, unpacked(state), stored.sparse, encoders, target))
    return classifiers


def _refuse_unmatched(
    folder: Path, recipe: Recipe, stored: StoredModel, target: Target, left: Mapping[str, np.ndarray]
) -> None:
    """Raise ModelFolderError where arrays are left over, or the recipe, target, calibration and rules are not of one model."""
    if left:
        raise ModelFolderError(
            f"'{folder}' holds arrays that belong to nothing: {', '.join(sorted(left)):.200}"
        )
    if (recipe.target.multilabel, len(stored.calibration.temperatures)) != (
        target.multilabel,
        len(stored.classifiers),
    ):
        raise ModelFolderError(
            f"'{folder}' has a recipe, a target and a calibration that are not of one model"
        )
    kinds = sorted(THRESHOLD_KINDS) if target.multilabel else []
    if sorted(stored.label_rules) != kinds:
        raise ModelFolderError(
            f"'{folder}' has {len(stored.label_rules)} ways to decide label sets, but {len(kinds)} are expected of a model of "
            "its target"
        )


def _prefix(room: str, name: str) -> str:
    """The start of the names of an encoder's or classifier's arrays; a slash in ``name`` cannot make two of them alike."""
    return f"{room}/{quote(name, safe=' ')}/"


def _take(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Take out the arrays under ``prefix``, named by what follows it."""
    return {key.removeprefix(prefix): tensors.pop(key) for key in list(tensors) if key.startswith(prefix)}
