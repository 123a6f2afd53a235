"""One shard of the feature cache on disk: written whole, checked when read, and nothing that runs code."""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from shelfwise.whole_files import write_whole

KEY_BYTES = 16
SUFFIX = ".safetensors"
UNREADABLE = (OSError, SafetensorError, ValueError, KeyError)
"""What reading a shard that is missing, cut off or foreign raises."""


def cache_folder() -> Path:
    """Where caches live: ``$SHELFWISE_CACHE``, or the platform's place. Safe to delete at any time."""
    chosen = os.environ.get("SHELFWISE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "shelfwise"


def content_key(data: bytes) -> bytes:
    """The key of some content: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=KEY_BYTES).digest()


def shard_names(folder: Path) -> list[str]:
    """The shards of one namespace, sorted; none where the folder cannot be read."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    except OSError:
        return []


def write_shard(folder: Path, keys: Sequence[bytes], vectors: np.ndarray) -> str:
    """Write one complete shard, named by its keys, and return its name. Raises OSError.

    ``vectors`` [K, width] keep their type, float32 or float16.
    """
    vectors = np.ascontiguousarray(vectors)
    tensors: dict[str, np.ndarray] = {
        "keys": np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), KEY_BYTES),
        "checksums": np.array([zlib.crc32(row) for row in vectors], dtype=np.uint32),
        "vectors": vectors,
    }
    name = f"{content_key(b''.join(keys)).hex()}{SUFFIX}"
    write_whole(folder / name, save(tensors))
    return name


def read_keys(path: Path) -> tuple[list[bytes], int]:
    """A shard's keys and its vectors' length, without reading the vectors. Raises one of ``UNREADABLE``."""
    with safe_open(path, framework="numpy") as shard:
        keys = shard.get_tensor("keys")
        count, width = shard.get_slice("vectors").get_shape()
    if keys.shape != (count, KEY_BYTES) or keys.dtype != np.uint8:
        raise ValueError(f"expected {count} keys of {KEY_BYTES} bytes, got {keys.dtype} {keys.shape}")
    return [row.tobytes() for row in keys], width


def read_rows(path: Path, rows: np.ndarray | None, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """(Checksum right bool [R], vectors [R, width]) of some rows (None: all). Raises one of ``UNREADABLE``."""
    with safe_open(path, framework="numpy") as shard:
        checksums = shard.get_tensor("checksums")
        vectors = shard.get_tensor("vectors")
    if vectors.dtype != dtype or len(checksums) != len(vectors):
        raise ValueError(
            f"expected {dtype} vectors with a checksum each, got {vectors.dtype} {vectors.shape}"
        )
    whole = rows is None or np.array_equal(rows, np.arange(len(vectors)))
    picked = vectors if whole else vectors[rows]
    expected = checksums if rows is None else checksums[rows]
    sound = np.array([zlib.crc32(row) for row in picked], dtype=np.uint32) == expected
    return sound, picked
