"""A model on disk: safetensors, JSON, YAML and text, with checksums; nothing in it is ever executed.

``model.json`` says what the model is, ``weights.safetensors`` holds its arrays, and ``checksums.txt`` the sha256 of every file;
``recipe.yaml`` is for people (copy it, edit it, pass it to ``--recipe``): loading compares its checksum and reads no more of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import save as save_tensors

from shelfwise.engine.manifest import EXPORT_FOLDER
from shelfwise.ensemble import Ensemble
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.exported_model import find_export
from shelfwise.profiling import timed
from shelfwise.recipe import Recipe
from shelfwise.storage.fitted_facts import FittedFacts
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
from shelfwise.storage.model_parts import FORMAT_VERSION, all_arrays, all_values, put_together
from shelfwise.storage.stored_model import StoredModel
from shelfwise.whole_folders import whole_folder


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
                # The export was made of the model that is replaced.
                if extra.name not in OWN_FILES | {EXPORT_FOLDER}:
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
    text = all_values(recipe, ensemble, facts).model_dump_json(indent=1).encode()
    refuse_too_large(text, MODEL_FILE)
    # not save_file: it makes files only the owner can read
    contents = {
        MODEL_FILE: text,
        WEIGHTS_FILE: save_tensors(all_arrays(ensemble)),
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
        return recipe, put_together(folder, recipe, stored, tensors, export), stored.facts
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
