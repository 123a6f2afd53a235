"""A model on disk: safetensors, JSON, YAML and text, with checksums; nothing in it is ever executed.

``model.json`` says what the model is, ``weights.safetensors`` holds its arrays, and ``checksums.txt`` the sha256 of both;
``recipe.yaml`` is for people (copy it, edit it, pass it to ``--recipe``): loading never reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from shelfwise.decision.thresholds import THRESHOLD_KINDS
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.ensemble import Ensemble, build_classifier, build_encoders
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion import build_policy
from shelfwise.recipe import Recipe
from shelfwise.stored_model import (
    FittedFacts,
    StoredCalibration,
    StoredLabelRule,
    StoredModel,
    StoredRule,
)
from shelfwise.taxonomy.targets import LabelTarget, target_from_json

FORMAT_VERSION = 1
MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE = (
    "model.json",
    "weights.safetensors",
    "checksums.txt",
    "recipe.yaml",
)
_POLICY_PREFIX = "policy/"
_OWN_FILES = frozenset({MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE})


def save_model(folder: Path, recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> None:
    """Write the model folder: complete or not at all. Replaces an existing model folder, refuses any other folder.

    Files in a replaced folder that are not the model's own (a report, notes) are kept.
    """
    refuse_foreign_folder(folder)
    folder = folder.resolve()  # "." has no name, and of a link what it points to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        written = working / "model"
        written.mkdir()  # with the permissions that the user's umask gives, which mkdtemp's have not
        _write(written, recipe, ensemble, facts)
        if folder.exists():
            for extra in folder.iterdir():
                if extra.name not in _OWN_FILES:
                    _copy(extra, written / extra.name)
            _replace(folder, written, aside=working / "replaced")
        else:
            os.replace(written, folder)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _replace(folder: Path, written: Path, aside: Path) -> None:
    os.replace(folder, aside)
    try:
        os.replace(written, folder)
    except BaseException:
        os.replace(aside, folder)
        raise


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
        for key, tensor in classifier.state_dict().items():
            tensors[_prefix("classifier", classifier.recipe.name) + key] = (
                tensor.detach().cpu().contiguous().numpy()
            )
    for key, array in ensemble.policy.arrays().items():
        tensors[_POLICY_PREFIX + key] = np.ascontiguousarray(array)
    (folder / WEIGHTS_FILE).write_bytes(
        save_tensors(tensors)
    )  # not save_file: it makes files only the owner can read
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
        facts=facts,
    )
    (folder / MODEL_FILE).write_text(stored.model_dump_json(indent=1), encoding="utf-8")
    (folder / RECIPE_FILE).write_text(recipe.to_yaml(), encoding="utf-8")
    sums = [f"{_checksum(folder / name)}  {name}\n" for name in (MODEL_FILE, WEIGHTS_FILE)]
    (folder / CHECKSUM_FILE).write_text("".join(sums), encoding="ascii")


_DOES_NOT_FIT = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What Python, NumPy and PyTorch raise for names, shapes and numbers that do not go together."""


def load_model(folder: Path) -> tuple[Recipe, Ensemble, FittedFacts]:
    """Read a model folder. Raises ModelFolderError when anything is missing, altered, or of a newer format."""
    if not folder.is_dir():
        raise ModelFolderError(
            f"expected a model folder, but '{folder}' is not a folder; train one with `shelfwise train`"
        )
    for name in (MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE):
        if not (folder / name).is_file():
            raise ModelFolderError(
                f"'{folder}' is not a whole model folder: {name} is missing; train or copy it again"
            )
    text = (folder / MODEL_FILE).read_bytes()
    _refuse_other_format(folder, text)
    _verify(folder)
    try:
        stored = StoredModel.model_validate_json(text)
        recipe = Recipe(**stored.recipe)
        return recipe, _rebuild(folder, recipe, stored), stored.facts
    except (RecipeError, SafetensorError, ValidationError, *_DOES_NOT_FIT) as error:
        problem = " ".join(str(error).split())
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


def _verify(folder: Path) -> None:
    listed = {}
    for line in (folder / CHECKSUM_FILE).read_text(encoding="ascii", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    for name in (MODEL_FILE, WEIGHTS_FILE):
        if listed.get(name) != _checksum(folder / name):
            raise ModelFolderError(
                f"'{folder / name}' is not what training wrote (its checksum differs): it was truncated or altered; train or "
                "copy the model again"
            )


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _rebuild(folder: Path, recipe: Recipe, stored: StoredModel) -> Ensemble:
    tensors = load_tensors((folder / WEIGHTS_FILE).read_bytes())
    target = target_from_json(stored.target)
    encoders = build_encoders(recipe.inputs)
    for name, encoder in encoders.items():
        state = _take(tensors, _prefix("encoder", name))
        if set(state) != set(encoder.load_state(state, stored.encoders[name]).state_arrays()):
            raise ModelFolderError(f"'{folder}' holds other arrays than the encoder of '{name}' keeps")
    by_name = {one.name: one for one in recipe.classifiers}
    classifiers = []
    for name in stored.classifiers:
        one = by_name[name]
        shapes = {key: _shape(stored.sparse[key], encoders[key]) for key in one.inputs}
        with torch.device("meta"):  # takes no memory, whatever sizes the recipe claims
            expected = build_classifier(one, encoders, shapes, target, 0).state_dict()
        state = _take(tensors, _prefix("classifier", name))
        _refuse_unfit(name, state, expected)
        classifier = build_classifier(one, encoders, shapes, target, 0)
        classifier.load_state_dict(
            {key: torch.from_numpy(array) for key, array in state.items()}, strict=True
        )
        classifiers.append(classifier.eval())
    policy = build_policy(stored.policy, target.exclusive).load_state(
        stored.policy_state, _take(tensors, _POLICY_PREFIX), len(classifiers), target.n_outcomes
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
        stored.calibration.read(labels),
        stored.accept.read(),
        list(stored.classifiers),
        {kind: rule.read(labels) for kind, rule in stored.label_rules.items()},
    )


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
