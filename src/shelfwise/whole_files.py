"""The one way a file is written: aside, flushed to the disk, then renamed, so nobody ever finds half of one.

A kill or a power failure at any moment leaves the old file or the new one. What a killed process left aside is a hidden
``.NAME.….part``, which no reader of catalogs, models or caches takes for anything. ``tests/test_whole_files.py`` scans the
package for other ways to write.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

PART_SUFFIX = ".part"
"""The ending of files that are being written; not one that a catalog may have."""
_LONGEST_NAME = 80
"""Letters of the name that its part begins with: file systems allow 255 bytes."""


def part_of(path: Path) -> Path:
    """A new hidden name in the same folder, for what will become ``path``."""
    return path.with_name(f".{path.name[:_LONGEST_NAME]}.{secrets.token_hex(4)}{PART_SUFFIX}")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """The name to write to; when the block ends well it becomes ``path``, after its bytes have reached the disk.

    Its folder is created. With an error nothing is left behind, and what was at ``path`` stays. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
        publish(part, path)
    except BaseException:  # Ctrl-C too: nothing is left behind, and it is raised again
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file at once; text as UTF-8, what cannot be encoded as ``?``. Raises OSError."""
    data = content.encode("utf-8", errors="replace") if isinstance(content, str) else content
    with whole_file(path) as part:
        part.write_bytes(data)


def publish(part: Path, path: Path) -> None:
    """Give a finished file, or a finished folder of finished files, its name. Raises OSError."""
    if part.is_file():
        flush(part)
    os.replace(part, path)
    flush_folder(path.parent)


def flush(path: Path) -> None:
    """Wait until a file's bytes are on the disk. Raises OSError."""
    with path.open("rb+") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk, where the system can (Windows does so by itself)."""
    if os.name != "posix":
        return
    # Some network file systems refuse; the rename has happened all the same.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
