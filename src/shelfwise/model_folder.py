"""A model on disk: safetensors, JSON, YAML and text, with checksums; nothing in it is ever executed.

``model.json`` says what the model is, with the sha256 and size of ``weights.safetensors``, its own checksum in
``checksums.txt``; ``recipe.yaml`` is for people (copy it, edit it, pass it to ``--recipe``): loading never reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save_file

from shelfwise.decision.routing import AcceptRule
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.ensemble import Calibration, Ensemble, build_classifier, build_encoders
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.fusion import build_policy
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import target_from_json

FORMAT_VERSION = 1
MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE = "model.json", "weights.safetensors", "checksums.txt", "recipe.yaml"
_OWN_FILES = frozenset({MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE})


class FittedFacts(BaseModel):
    """What is told of a training. ``curves``: per classifier, (epoch, loss, held-out score) points."""

    model_config = ConfigDict(extra="forbid")

    version: str
    catalog: list[str]
    products: int
    labelled: int
    groups: int
    fitted: int
    chosen_on: int
    calibrated_on: int
    refitted: bool
    training_counts: list[tuple[tuple[str, ...], int]]
    policy: str
    scores: dict[str, float]
    curves: dict[str, list[tuple[int, float, float | None]]]
    separator: str | None = None


class _Stored(BaseModel):
    """The shape of ``model.json``."""

    model_config = ConfigDict(extra="forbid")

    format_version: int
    recipe: dict[str, Any]
    target: dict[str, Any]
    encoders: dict[str, dict[str, Any]]
    sparse: dict[str, bool]
    classifiers: list[str]
    policy: str
    policy_state: dict[str, Any]
    calibration: dict[str, Any]
    accept: dict[str, Any]
    facts: FittedFacts


def save_model(folder: Path, recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> None:
    """Write the model folder: complete or not at all. Replaces an existing model folder, refuses any other folder.

    Files in a replaced folder that are not the model's own (a report, notes) are kept.
    """
    refuse_foreign_folder(folder)
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
            os.replace(folder, working / "replaced")
        os.replace(written, folder)
    finally:
        shutil.rmtree(working, ignore_errors=True)


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
        raise ModelFolderError(f"expected a folder to write the model to, but '{folder}' is a file; choose another name")
    if any(folder.iterdir()) and not (folder / MODEL_FILE).is_file():
        raise ModelFolderError(
            f"'{folder}' holds files that are not a model; choose an empty or new folder, so that nothing is lost"
        )


def _write(folder: Path, recipe: Recipe, ensemble: Ensemble, facts: FittedFacts) -> None:
    tensors: dict[str, np.ndarray] = {}
    for name, encoder in ensemble.encoders.items():
        for key, array in encoder.state_arrays().items():
            tensors[f"encoder/{name}/{key}"] = np.ascontiguousarray(array)
    for classifier in ensemble.classifiers:
        for key, tensor in classifier.state_dict().items():
            tensors[f"classifier/{classifier.recipe.name}/{key}"] = tensor.detach().cpu().contiguous().numpy()
    save_file(tensors, folder / WEIGHTS_FILE)
    sparse = {
        name: is_sparse
        for classifier in ensemble.classifiers
        for name, is_sparse in classifier.reads_sparse.items()
    }
    stored = _Stored(
        format_version=FORMAT_VERSION,
        recipe=recipe.model_dump(mode="json"),
        target=ensemble.target.to_json(),
        encoders={name: encoder.state_json() for name, encoder in ensemble.encoders.items()},
        sparse=sparse,
        classifiers=ensemble.names,
        policy=ensemble.policy.kind,
        policy_state=ensemble.policy.state(),
        calibration=dict(ensemble.calibration.__dict__),
        accept={**ensemble.accept.__dict__, "threshold": ensemble.accept.threshold if ensemble.accept.possible else None},
        facts=facts,
    )
    (folder / MODEL_FILE).write_text(stored.model_dump_json(indent=1), encoding="utf-8")
    (folder / RECIPE_FILE).write_text(recipe.to_yaml(), encoding="utf-8")
    sums = [f"{_checksum(folder / name)}  {name}\n" for name in (MODEL_FILE, WEIGHTS_FILE)]
    (folder / CHECKSUM_FILE).write_text("".join(sums), encoding="ascii")


def load_model(folder: Path) -> tuple[Recipe, Ensemble, FittedFacts]:
    """Read a model folder. Raises ModelFolderError when anything is missing, altered, or of a newer format."""
    if not folder.is_dir():
        raise ModelFolderError(f"expected a model folder, but '{folder}' is not a folder; train one with `shelfwise train`")
    for name in (MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE):
        if not (folder / name).is_file():
            raise ModelFolderError(f"'{folder}' is not a whole model folder: {name} is missing; train or copy it again")
    text = (folder / MODEL_FILE).read_bytes()
    _refuse_other_format(folder, text)
    _verify(folder)
    try:
        stored = _Stored.model_validate_json(text)
        recipe = Recipe(**stored.recipe)
        return recipe, _rebuild(folder, recipe, stored), stored.facts
    except (ValidationError, RecipeError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        problem = " ".join(str(error).split())
        raise ModelFolderError(f"'{folder}' does not hold together as a model: {problem:.300}") from error


def _refuse_other_format(folder: Path, text: bytes) -> None:
    try:
        version = json.loads(text).get("format_version")
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelFolderError(f"'{folder / MODEL_FILE}' is not readable JSON; train or copy the model again") from error
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


def _rebuild(folder: Path, recipe: Recipe, stored: _Stored) -> Ensemble:
    tensors = load_tensors((folder / WEIGHTS_FILE).read_bytes())
    target = target_from_json(stored.target)
    encoders = build_encoders(recipe.inputs)
    for name, encoder in encoders.items():
        prefix = f"encoder/{name}/"
        arrays = {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
        encoder.load_state(arrays, stored.encoders[name])
    by_name = {one.name: one for one in recipe.classifiers}
    classifiers = []
    for name in stored.classifiers:
        one = by_name[name]
        shapes = {key: _shape(stored.sparse[key], encoders[key]) for key in one.inputs}
        classifier = build_classifier(one, encoders, shapes, target, 0)
        prefix = f"classifier/{name}/"
        state = {key.removeprefix(prefix): torch.from_numpy(tensors[key]) for key in tensors if key.startswith(prefix)}
        classifier.load_state_dict(state, strict=True)
        classifiers.append(classifier.eval())
    policy = build_policy(stored.policy, not target.multilabel).load_state(stored.policy_state, len(classifiers))
    values = dict(stored.calibration)
    calibration = Calibration(**{**values, "temperatures": tuple(map(float, values["temperatures"]))})
    if len(calibration.temperatures) != len(classifiers):
        raise ModelFolderError(f"'{folder}' has {len(classifiers)} classifiers and another number of temperatures")
    accept = dict(stored.accept)
    threshold = float("inf") if accept["threshold"] is None else float(accept["threshold"])
    rule = AcceptRule(**{**accept, "threshold": threshold})
    return Ensemble(target, encoders, classifiers, policy, calibration, rule, list(stored.classifiers))


def _shape(sparse: bool, encoder: Encoder) -> Encoded:
    """An empty input of the kind the classifier was trained on."""
    width = encoder.width
    matrix = sp.csr_matrix((0, width), dtype=np.float32) if sparse else np.zeros((0, width), np.float32)
    return Encoded(matrix, np.zeros(0, np.int8))
