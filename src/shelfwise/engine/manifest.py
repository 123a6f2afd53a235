"""What an export says of itself: which networks it holds, of which model, how exact they are; checked when it is read."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shelfwise.errors import ModelFolderError

EXPORT_FOLDER = "onnx"
"""The part of a model folder that holds its exported networks."""
MANIFEST_FILE = "export.json"
FORMAT_VERSION = 1
_AGAIN = "export the model again with `shelfwise export`, or delete that folder to do without it"

Precision = Literal["fp32", "int8"]
_MOST_MANIFEST_BYTES = 4 << 20
_MOST_NETWORK_BYTES = 2_000_000_000
"""What a file of ONNX's format can hold."""
_Digest = Field(pattern="^[0-9a-f]{64}$")
_FileName = Field(pattern=r"^[a-z]+_[0-9]+\.onnx$")


class ExportedFile(BaseModel):
    """One network's file, and its SHA-256."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: str = _FileName
    sha256: str = _Digest
    precision: Precision


class ExportedEncoder(ExportedFile):
    """A frozen image backbone: from pixels uint8 [B, 3, side, side] to ``width`` features.

    ``identity`` is the backbone's, as its encoder keeps it: which weights, and how pictures are prepared for them.
    """

    identity: dict[str, Any]
    width: int = Field(ge=1)


class Comparison(BaseModel):
    """How the exported model differs from the original on real products."""

    model_config = ConfigDict(extra="forbid", strict=True)

    products: int = Field(ge=1)
    largest_difference: float = Field(ge=0)
    """Of any probability of any outcome."""
    changed: float = Field(ge=0, le=1)
    """Share of products whose answer or decision is another."""
    most_changed: float = Field(ge=0, le=1)
    """What was allowed."""


class Manifest(BaseModel):
    """All of an export. ``model``: SHA-256 of the model folder's checksums, for networks are of one training only.

    ``kept``: classifiers and inputs whose networks stay with PyTorch, and why.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: int
    shelfwise: str
    precision: Precision
    model: str = _Digest
    encoders: dict[str, ExportedEncoder] = Field(default_factory=dict)
    classifiers: dict[str, ExportedFile] = Field(default_factory=dict)
    kept: dict[str, str] = Field(default_factory=dict)
    comparison: Comparison | None = None


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(model_folder: Path, model: str) -> Manifest | None:
    """What the export in ``model_folder`` says of itself; None where there is none.

    ``model``: the SHA-256 of the folder's checksums. Raises ModelFolderError where it is damaged, of a newer format, or of
    another model.
    """
    folder = model_folder / EXPORT_FOLDER
    if not folder.is_dir():
        return None
    try:
        found = Manifest.model_validate_json(read_manifest_text(model_folder))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ModelFolderError(
            f"'{folder / MANIFEST_FILE}' is damaged or was altered ({where}: {first['msg']}); {_AGAIN}"
        ) from error
    if found.format_version != FORMAT_VERSION:
        raise ModelFolderError(
            f"'{folder}' has export format {found.format_version}, this version of shelfwise reads {FORMAT_VERSION}; {_AGAIN}"
        )
    if found.model != model:
        raise ModelFolderError(f"the networks in '{folder}' were exported from another model; {_AGAIN}")
    return found


def read_manifest_text(model_folder: Path) -> bytes:
    """What the export in ``model_folder`` says, unread. Raises ModelFolderError where it is no plain file."""
    folder = model_folder / EXPORT_FOLDER
    try:
        return _read_plain(folder / MANIFEST_FILE, _MOST_MANIFEST_BYTES)
    except OSError as error:
        raise ModelFolderError(
            f"expected exported networks in '{folder}', but {MANIFEST_FILE} cannot be read ({error.strerror}); {_AGAIN}"
        ) from error


def read_network(model_folder: Path, exported: ExportedFile) -> bytes:
    """The bytes of one network. Raises ModelFolderError where they are not what was exported."""
    path = model_folder / EXPORT_FOLDER / exported.file
    try:
        data = _read_plain(path, _MOST_NETWORK_BYTES)
    except OSError as error:
        raise ModelFolderError(f"'{path}' cannot be read ({error.strerror}); {_AGAIN}") from error
    if digest(data) != exported.sha256:
        raise ModelFolderError(
            f"'{path}' is not what was exported (its checksum differs): it was truncated or altered; {_AGAIN}"
        )
    return data


def _read_plain(path: Path, most: int) -> bytes:
    """A plain file, not followed through a link. Raises OSError."""
    if path.is_symlink() or not path.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    if path.stat().st_size > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    return path.read_bytes()
