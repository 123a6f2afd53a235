"""A model on disk: safetensors, JSON, YAML and text, with checksums; nothing in it is ever executed.

``model.json`` says what the model is, ``weights.safetensors`` holds its arrays, and ``checksums.txt`` the sha256 of every file;
``recipe.yaml`` is for people (copy it, edit it, pass it to ``--recipe``): loading compares its checksum and reads no more of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import scipy.sparse as sp
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import save as save_tensors

from shelfwise.decision.evidence import Evidence
from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.engine.manifest import EXPORT_FOLDER
from shelfwise.ensemble import Ensemble, build_classifier, build_encoders
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.exported_model import Export, find_export
from shelfwise.fusion import build_policy
from shelfwise.profiling import timed
from shelfwise.recipe import ClassifierRecipe, Recipe
from shelfwise.storage.model_files import (
    CHECKSUM_FILE,
    MODEL_FILE,
    OWN_FILES,
    RECIPE_FILE,
    WEIGHTS_FILE,
    checksum_text,
    read_model_files,
    read_model_text,
    refuse_incomplete,
    refuse_too_large,
)
from shelfwise.storage.stored_model import (
    FittedFacts,
    StoredCalibration,
    StoredLabelRule,
    StoredModel,
    StoredRule,
)
from shelfwise.storage.stored_novelty import StoredNovelty, StoredView, read_novelty
from shelfwise.taxonomy.targets import LabelTarget, Target, target_from_json
from shelfwise.whole_folders import whole_folder

if TYPE_CHECKING:
    import torch

    from shelfwise.training.network import Classifier

FORMAT_VERSION = 1
_POLICY_PREFIX = "policy/"
_CALIBRATION_PREFIX = "calibration/"
_EVIDENCE_PREFIX = "evidence/"
_MEMORY_PREFIX = "memory/"


@timed("write")
def save_model(folder: Path, recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> None:
    """Write the model folder: complete or not at all. Replaces an existing model folder, refuses any other folder.

    Files in a replaced folder that are not the model's own (a report, notes) are kept.
    """
    refuse_foreign_folder(folder)
    with whole_folder(folder) as written:
        _write(written, recipe, ensemble, facts)
        if folder.exists():
            for extra in folder.iterdir():
                if (
                    extra.name not in OWN_FILES and extra.name != EXPORT_FOLDER
                ):  # that was made of the old model
                    _copy(extra, written / extra.name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def refuse_foreign_folder(folder: Path) -> None:
    """Raise ModelFolderError when ``folder`` exists and is neither empty nor a model folder."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ModelFolderError(
            f"expected a folder to write the model to, but '{folder}' is a file; choose another name"
        )
    # Other tools write a "model.json" too; the checksums beside it are ours.
    ours = all((folder / name).is_file() for name in (MODEL_FILE, CHECKSUM_FILE))
    if any(folder.iterdir()) and not ours:
        raise ModelFolderError(
            f"'{folder}' holds files that are not a model; choose an empty or new folder, so that nothing is lost"
        )


def _write(folder: Path, recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> None:
    tensors: dict[str, np.ndarray] = {}
    for name, encoder in ensemble.encoders.items():
        for key, array in encoder.state_arrays().items():
            tensors[_prefix("encoder", name) + key] = np.ascontiguousarray(array)
    for classifier in ensemble.classifiers:
        for key, array in _arrays(classifier).items():
            tensors[_prefix("classifier", classifier.recipe.name) + key] = array
    for key, array in ensemble.policy.arrays().items():
        tensors[_POLICY_PREFIX + key] = np.ascontiguousarray(array)
    for key, array in ensemble.calibration.maps.arrays().items():
        tensors[_CALIBRATION_PREFIX + key] = np.ascontiguousarray(array)
    for key, array in ensemble.evidence.arrays().items() if ensemble.evidence is not None else ():
        tensors[_EVIDENCE_PREFIX + key] = np.ascontiguousarray(array)
    for key, array in ensemble.memory.arrays().items() if ensemble.memory is not None else ():
        tensors[_MEMORY_PREFIX + key] = np.ascontiguousarray(array)
    sparse = {
        name: is_sparse
        for classifier in ensemble.classifiers
        for name, is_sparse in classifier.reads_sparse.items()
    }
    stored = StoredModel(
        format_version=FORMAT_VERSION,
        recipe=recipe.model_dump(mode="json"),
        target=ensemble.target.to_json(),
        encoders={name: encoder.state_json() for name, encoder in ensemble.encoders.items()},
        sparse=sparse,
        classifiers=ensemble.names,
        policy=ensemble.policy.spec,
        policy_state=ensemble.policy.state(),
        calibration=StoredCalibration.of(ensemble.calibration),
        accept=StoredRule.of(ensemble.accept),
        label_rules={kind: StoredLabelRule.of(rule) for kind, rule in ensemble.label_rules.items()},
        memory=[StoredView.of(view) for view in ensemble.memory.views] if ensemble.memory is not None else [],
        novelty=StoredNovelty.of(ensemble.novelty) if ensemble.novelty else None,
        facts=facts,
    )
    text = stored.model_dump_json(indent=1).encode()
    refuse_too_large(text, MODEL_FILE)
    # not save_file: it makes files only the owner can read
    contents = {
        MODEL_FILE: text,
        WEIGHTS_FILE: save_tensors(tensors),
        RECIPE_FILE: recipe.to_yaml().encode(),
    }
    contents[CHECKSUM_FILE] = checksum_text(contents).encode()
    for name, data in contents.items():
        (folder / name).write_bytes(data)


_DOES_NOT_FIT = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Python, NumPy and PyTorch raise for names, shapes and numbers that do not go together."""


def load_model(folder: Path, exported: bool = True) -> tuple[Recipe, Ensemble, FittedFacts]:
    """Read a model folder. Raises ModelFolderError when anything is missing, altered, or of a newer format.

    ``exported``: use the networks that were exported, where there are such and ONNX Runtime is installed.
    """
    if not folder.is_dir():
        raise ModelFolderError(
            f"expected a model folder, but '{folder}' is not a folder; train one with `shelfwise train`"
        )
    refuse_incomplete(folder)
    _refuse_other_format(folder, read_model_text(folder))
    try:
        text, tensors = read_model_files(folder)
        stored = StoredModel.model_validate_json(text)
        recipe = Recipe(**stored.recipe)
        export = find_export(folder) if exported else None
        return recipe, _rebuild(folder, recipe, stored, tensors, export), stored.facts
    except (RecipeError, SafetensorError, ValidationError, *_DOES_NOT_FIT) as error:
        # Cut before it is split: a hostile file can be wrong a million times.
        problem = " ".join(str(error)[:2_000].split())
        raise ModelFolderError(f"'{folder}' does not hold together as a model: {problem:.300}") from error


def _refuse_other_format(folder: Path, text: bytes) -> None:
    try:
        version = json.loads(text).get("format_version")
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelFolderError(
            f"'{folder / MODEL_FILE}' is not readable JSON; train or copy the model again"
        ) from error
    if not isinstance(version, int) or version < 1:
        raise ModelFolderError(f"'{folder / MODEL_FILE}' does not say its format version")
    if version > FORMAT_VERSION:
        raise ModelFolderError(
            f"'{folder}' has model format {version}, but this version of shelfwise reads up to {FORMAT_VERSION}; "
            "install a newer shelfwise"
        )


def _rebuild(
    folder: Path, recipe: Recipe, stored: StoredModel, tensors: dict[str, np.ndarray], export: Export | None
) -> Ensemble:
    target = target_from_json(stored.target)
    encoders = build_encoders(recipe.inputs)
    for name, encoder in encoders.items():
        state = _take(tensors, _prefix("encoder", name))
        if set(state) != set(encoder.load_state(state, stored.encoders[name]).state_arrays()):
            raise ModelFolderError(f"'{folder}' holds other arrays than the encoder of '{name}' keeps")
    by_name = {one.name: one for one in recipe.classifiers}
    classifiers: list[Classifier | ExportedClassifier] = []
    for name in stored.classifiers:
        one, state = by_name[name], _take(tensors, _prefix("classifier", name))
        found = export and export.classifier(one, state, stored.sparse, encoders, target.n_outcomes)
        classifiers.append(found or _with_pytorch(one, state, stored.sparse, encoders, target))
    if export is not None:
        export.attach_to(encoders)
    policy = build_policy(stored.policy, target.exclusive).load_state(
        stored.policy_state, _take(tensors, _POLICY_PREFIX), len(classifiers), target.n_outcomes
    )
    maps = _take(tensors, _CALIBRATION_PREFIX)
    shown = _take(tensors, _EVIDENCE_PREFIX)
    evidence = Evidence.read(shown, target, recipe.thresholds.kind) if shown else None
    memory, novelty = read_novelty(
        stored.memory, stored.novelty, _take(tensors, _MEMORY_PREFIX), encoders, target, stored.classifiers
    )
    if tensors:
        raise ModelFolderError(
            f"'{folder}' holds arrays that belong to nothing: {', '.join(sorted(tensors)):.200}"
        )
    if recipe.target.multilabel != target.multilabel or len(stored.calibration.temperatures) != len(
        classifiers
    ):
        raise ModelFolderError(
            f"'{folder}' has a recipe, a target and a calibration that are not of one model"
        )
    labels = len(target.labels) if isinstance(target, LabelTarget) else 0
    if sorted(stored.label_rules) != (sorted(THRESHOLD_KINDS) if labels else []):
        raise ModelFolderError(
            f"'{folder}' has {len(stored.label_rules)} ways to decide label sets, but {len(THRESHOLD_KINDS) if labels else 0} "
            "are expected of a model of its target"
        )
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
    )


def _with_pytorch(
    one: ClassifierRecipe,
    state: dict[str, np.ndarray],
    sparse: dict[str, bool],
    encoders: dict[str, Encoder],
    target: Target,
) -> Classifier:
    import torch

    shapes = {key: _shape(sparse[key], encoders[key]) for key in one.inputs}
    with torch.device("meta"):  # takes no memory, whatever sizes the recipe claims
        expected = build_classifier(one, encoders, shapes, target, 0).state_dict()
    _refuse_unfit(one.name, state, expected)
    classifier = build_classifier(one, encoders, shapes, target, 0)
    classifier.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()}, strict=True)
    return classifier.eval()


def _arrays(classifier: Classifier | ExportedClassifier) -> dict[str, np.ndarray]:
    if isinstance(classifier, ExportedClassifier):
        return classifier.state
    return {
        key: tensor.detach().cpu().contiguous().numpy() for key, tensor in classifier.state_dict().items()
    }


def _prefix(room: str, name: str) -> str:
    """The start of the names of an encoder's or classifier's arrays; a slash in ``name`` cannot make two of them alike."""
    return f"{room}/{quote(name, safe=' ')}/"


def _take(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Take out the arrays under ``prefix``, named by what follows it."""
    return {key.removeprefix(prefix): tensors.pop(key) for key in list(tensors) if key.startswith(prefix)}


def _refuse_unfit(name: str, state: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    found = {key: (array.dtype.name, array.shape) for key, array in state.items()}
    wanted = {
        key: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for key, tensor in expected.items()
    }
    for key in sorted({*found, *wanted}):
        if found.get(key) != wanted.get(key):
            raise ModelFolderError(
                f"expected {wanted.get(key, 'no array')} as '{key}' of classifier '{name}', got {found.get(key, 'none')}"
            )
        if not np.isfinite(state[key]).all():
            raise ModelFolderError(f"expected finite numbers as '{key}' of classifier '{name}', got others")


def _shape(sparse: bool, encoder: Encoder) -> Encoded:
    """An empty input of the kind the classifier was trained on."""
    width = encoder.width
    matrix = sp.csr_matrix((0, width), dtype=np.float32) if sparse else np.zeros((0, width), np.float32)
    return Encoded(matrix, np.zeros(0, np.int8))
