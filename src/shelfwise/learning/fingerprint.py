"""What the result of a training depends on, as digests: training that finds the same ones may go on from what is there."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import torch

from shelfwise import __version__
from shelfwise.encoders.pretrained import PretrainedEncoder
from shelfwise.encoders.rows_on_demand import is_on_demand
from shelfwise.encoders.token_encoder import TokenEncoder
from shelfwise.encoders.vocabulary import row_blocks
from shelfwise.ensemble import Prepared, build_encoders
from shelfwise.learning.rounds import Round
from shelfwise.precision import precision
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import Target

_ROWS_AT_ONCE = 4_096


def training_fingerprint(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    truth: np.ndarray,
    groups: np.ndarray,
    rounds: Sequence[Round],
    refit: np.ndarray | None,
    device: torch.device,
) -> dict[str, str]:
    """Digests of the recipe, the catalog as training sees it, the program, and the machine as far as it rounds differently.

    The arguments are those of ``fit_ensemble``.
    """
    data = hashlib.blake2b(digest_size=16)
    data.update(_json(target.to_json()))
    for name, encoded in sorted(prepared.items()):
        data.update(_json([name, encoded.matrix.shape, encoded.matrix.dtype.str]))
        _add(data, encoded.state)
        if isinstance(encoded.matrix, np.ndarray):
            _add(data, encoded.matrix)
        elif is_on_demand(encoded.matrix):
            for block in row_blocks(len(encoded)):
                rows = encoded.matrix[block]
                for part in (rows.data, rows.indices, rows.indptr):
                    _add(data, part)
        else:
            for part in (encoded.matrix.data, encoded.matrix.indices, encoded.matrix.indptr):
                _add(data, part)
    for rows in (truth, groups, *(part for one in rounds for part in (one.fit, one.held_out))):
        _add(data, rows)
    _add(data, np.zeros(0) if refit is None else refit)
    return {
        "recipe": _digest(recipe.model_dump(mode="json")),
        "file of word vectors or pretrained model": _digest(_files_read(recipe, prepared)),
        "catalog": data.hexdigest(),
        "version of shelfwise or its libraries": _digest(
            [__version__, torch.__version__, np.__version__, scipy.__version__, sklearn.__version__]
        ),
        "machine, precision or number of threads": _digest(_machine(device)),
    }


def _files_read(recipe: Recipe, prepared: Prepared) -> list[Any]:
    """What networks begin with and the recipe only names, by its contents.

    Features of a frozen backbone stand in ``prepared``, but not the layers that are trained, nor word vectors.
    """
    found: list[Any] = []
    for name, encoder in build_encoders([one for one in recipe.inputs if one.name in prepared]).items():
        if isinstance(encoder, TokenEncoder) and encoder.options.word_vectors is not None:
            found.append([name, _file_digest(encoder.options.word_vectors)])
        elif isinstance(encoder, PretrainedEncoder) and encoder.options.model:
            found.append([name, encoder.identity()])
    return found


def _file_digest(file: Path) -> str:
    """Of a file's contents; "unreadable" where it cannot be read, which is the encoder's to tell."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "blake2b").hexdigest()
    except OSError:
        return "unreadable"


def _machine(device: torch.device) -> list[Any]:
    """Kernels round by what the processor can do, in which numbers networks compute, and how work is cut into threads."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    capability = torch.backends.cpu.get_cpu_capability()
    return [platform.machine(), capability, str(precision()), torch.get_num_threads(), device.type, name]


def _add(digest: Any, array: np.ndarray) -> None:
    """An array's type, shape and values, a part at a time: it may lie in a file and be larger than the memory."""
    digest.update(_json([array.dtype.str, list(array.shape)]))
    for start in range(0, len(array), _ROWS_AT_ONCE):
        digest.update(array[start : start + _ROWS_AT_ONCE].tobytes())


def _digest(value: Any) -> str:
    return hashlib.blake2b(_json(value), digest_size=16).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
