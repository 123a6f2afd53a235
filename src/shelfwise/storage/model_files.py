"""The files of a model folder, read as if an enemy had written them: nothing is followed, run or allocated on their word.

Links are refused, and so is what is no plain file; sizes are looked at before reading, the shapes in the header of the weights
before the weights; what is read is read once, and the bytes that are checked are the bytes that are used.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load as load_tensors

from shelfwise.errors import ModelFolderError

MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE = (
    "model.json",
    "weights.safetensors",
    "checksums.txt",
    "recipe.yaml",
)
OWN_FILES = frozenset({MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE})
CHECKED_FILES = (MODEL_FILE, WEIGHTS_FILE, RECIPE_FILE)
"""What ``checksums.txt`` lists."""

LIMIT_VARIABLE = "SHELFWISE_MODEL_GB"
"""The environment variable with the most gigabytes (10⁹ bytes) that a model's weights may have."""
DEFAULT_LIMIT_GB = 8.0
MOST_JSON_BYTES = 64 << 20
MOST_JSON_VALUES = 1_000_000
"""Text becomes about 20 times as large in memory where it is nothing but small values."""
_MOST_TEXT_BYTES = 4 << 20  # of recipe.yaml
_MOST_CHECKSUM_BYTES = 1 << 16
_MOST_HEADER_BYTES = 16 << 20
_MOST_DIMENSIONS = 8
_BYTES_OF = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_BYTES_OF |= {"U16": 2, "U32": 4, "U64": 8}
"""The types that NumPy has too, as safetensors calls them."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\x00]+)")


def read_model_files(folder: Path) -> tuple[bytes, dict[str, np.ndarray]]:
    """(The text of ``model.json``, the arrays) of a folder whose files are all there and have their checksums.

    Raises ModelFolderError.
    """
    refuse_incomplete(folder)
    sums = _checksums(folder)
    text = read_model_text(folder)
    _compare(folder, MODEL_FILE, text, sums)
    if RECIPE_FILE in sums:  # models of earlier versions do not list it
        _compare(folder, RECIPE_FILE, _read(folder, RECIPE_FILE, _MOST_TEXT_BYTES), sums)
    weights = _read_weights(folder)
    _compare(folder, WEIGHTS_FILE, weights, sums)
    return text, load_tensors(weights)


def refuse_incomplete(folder: Path) -> None:
    """Raise ModelFolderError where a file that every model has is missing."""
    for name in (MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE):
        if not os.path.lexists(folder / name):
            raise ModelFolderError(
                f"'{folder}' is not a whole model folder: {name} is missing; train or copy it again"
            )


def read_model_text(folder: Path) -> bytes:
    """The text of ``model.json``, of a size and a number of values that can be looked at. Raises ModelFolderError."""
    text = _read(folder, MODEL_FILE, MOST_JSON_BYTES)
    refuse_too_large(text, str(folder / MODEL_FILE))
    return text


def refuse_too_large(text: bytes, where: str) -> None:
    """Raise ModelFolderError for more text or values than a model has."""
    values = sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if len(text) > MOST_JSON_BYTES or values > MOST_JSON_VALUES:
        raise ModelFolderError(
            f"expected at most {MOST_JSON_BYTES >> 20} MiB and {MOST_JSON_VALUES:,} values in '{where}', got "
            f"{len(text) >> 20} MiB and about {values:,} values"
        )


def read_checksum_text(folder: Path) -> bytes:
    """The text of ``checksums.txt``. Raises ModelFolderError."""
    return _read(folder, CHECKSUM_FILE, _MOST_CHECKSUM_BYTES)


def checksum_text(contents: Mapping[str, bytes]) -> str:
    """The lines of ``checksums.txt`` for files by name."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())


def _checksums(folder: Path) -> dict[str, str]:
    """Checksums by file. Raises ModelFolderError for a line that is none, and for files that are not a model's."""
    listed: dict[str, str] = {}
    text = read_checksum_text(folder).decode("ascii", errors="replace")
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or found[2] not in CHECKED_FILES or found[2] in listed:
            raise ModelFolderError(
                f"expected lines of a SHA-256, two spaces and a file of the model in '{folder / CHECKSUM_FILE}', got "
                f"{line[:100]!r}; train or copy the model again"
            )
        listed[found[2]] = found[1]
    return listed


def _compare(folder: Path, name: str, data: bytes, sums: Mapping[str, str]) -> None:
    if sums.get(name) != hashlib.sha256(data).hexdigest():
        raise ModelFolderError(
            f"'{folder / name}' is not what training wrote (its checksum differs): it was truncated or altered; train or "
            "copy the model again"
        )


def _read(folder: Path, name: str, most: int) -> bytes:
    """A plain file of at most ``most`` bytes, whole. Raises ModelFolderError."""
    handle, size = _open(folder, name)
    with os.fdopen(handle, "rb") as file:
        if size > most:
            raise _too_large(folder / name, size, most)
        return _all(file.read(most + 1), folder / name, most)


def _read_weights(folder: Path) -> bytes:
    """The weights' file, once its header says that it holds arrays, one after the other, and nothing else."""
    most = _limit()
    handle, size = _open(folder, WEIGHTS_FILE)
    path = folder / WEIGHTS_FILE
    with os.fdopen(handle, "rb") as file:
        if size > most:
            raise _too_large(path, size, most, f"; where you trust it, raise {LIMIT_VARIABLE}")
        begin = file.read(8)
        length = int.from_bytes(begin, "little")
        if len(begin) < 8 or length > min(_MOST_HEADER_BYTES, size - 8):
            raise ModelFolderError(
                f"'{path}' is no safetensors file: it was truncated or altered; train or copy the model again"
            )
        header = file.read(length)
        _check_header(path, header, size - 8 - length)
        rest = file.read(size - 8 - length + 1)
    return _all(begin + header + rest, path, size)


def _check_header(path: Path, header: bytes, length: int) -> None:
    """Raise ModelFolderError unless ``header`` describes arrays that fill ``length`` bytes."""
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(
            f"the header of '{path}' is not readable; train or copy the model again"
        ) from error
    if not isinstance(entries, dict):
        raise ModelFolderError(f"the header of '{path}' names no arrays; train or copy the model again")
    total = 0
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        size = _array_bytes(entry)
        if size is None:
            raise ModelFolderError(
                f"expected a type and a shape of '{name[:80]}' in '{path}', got {str(entry)[:120]}; train or copy the model "
                "again"
            )
        total += size
    if total != length:
        raise ModelFolderError(
            f"the arrays that '{path}' speaks of take {total:,} bytes, but {length:,} are there: it was truncated or "
            "altered; train or copy the model again"
        )


def _array_bytes(entry: object) -> int | None:
    """The bytes that an entry of the header says its array has; None where it is none."""
    if not isinstance(entry, dict):
        return None
    shape, each = entry.get("shape"), _BYTES_OF.get(str(entry.get("dtype")))
    if each is None or not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        return None
    # Also of an empty array no side may be huge: what is made of one can be as large as its sides.
    if not all(type(side) is int and 0 <= side < 2**40 for side in shape):
        return None
    return each * math.prod(shape)


def _open(folder: Path, name: str) -> tuple[int, int]:
    """(An open handle, the size) of a plain file in ``folder`` itself. Raises ModelFolderError for a link and the like."""
    path = folder / name
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if path.is_symlink():  # before opening, for systems without O_NOFOLLOW
            raise OSError(errno.ELOOP, "it is a link")
        handle = os.open(path, flags)
        found = os.fstat(handle)
    except OSError as error:
        why = (
            "it is a link, and links are not followed" if error.errno == errno.ELOOP else str(error.strerror)
        )
        raise ModelFolderError(
            f"expected '{path}' to be a plain file of the model, but {why}; copy the file itself"
        ) from error
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise ModelFolderError(f"expected '{path}' to be a plain file of the model, but it is something else")
    return handle, found.st_size


def _all(data: bytes, path: Path, most: int) -> bytes:
    if len(data) > most:
        raise ModelFolderError(f"'{path}' grew while it was read; try again when nothing writes to it")
    return data


def _too_large(path: Path, size: int, most: int, hint: str = "") -> ModelFolderError:
    return ModelFolderError(
        f"expected at most {most:,} bytes in '{path}', got {size:,}: no model of this version is so large{hint}"
    )


def _limit() -> int:
    asked = os.environ.get(LIMIT_VARIABLE, "").strip()
    try:
        gigabytes = float(asked) if asked else DEFAULT_LIMIT_GB
    except ValueError:
        gigabytes = -1.0
    if not 0 < gigabytes < 1e6:
        raise ModelFolderError(f"expected a number of gigabytes above 0 in {LIMIT_VARIABLE}, got {asked!r}")
    return int(gigabytes * 1e9)
