"""Whether a file can be written, asked before hours of work and not after."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from shelfwise.errors import ShelfwiseError


def check_output_path(output: Path | str) -> Path:
    """The path of a file to be written, once it is sure that it can be; its folder is created.

    Raises ShelfwiseError where it is a folder, or where its folder cannot be created or written.
    """
    path = Path(output)
    if path.is_dir():
        raise ShelfwiseError(f"expected a file to write, got the folder '{path}'; give a file name inside it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ShelfwiseError(
            f"expected a folder '{path.parent}' to write in, but it cannot be made: {error.strerror}; "
            "choose another"
        ) from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ShelfwiseError(
            f"the folder '{path.parent}' cannot be written; choose another, or change its rights"
        )
    return path


def check_output_folder(output: str, inputs: Iterable[Path]) -> Path:
    """The folder to fill with shards. Raises ShelfwiseError where it is a file, or holds one of the ``inputs``."""
    folder = Path(output).resolve()
    if any(file.resolve().parent == folder for file in inputs):
        raise ShelfwiseError(f"'{folder}' holds the catalog's own files; choose another folder")
    if folder.exists() and not folder.is_dir():
        raise ShelfwiseError(f"expected a folder to write, but '{folder}' is a file; choose another name")
    return folder


def refuse_overwriting(output: Path, inputs: Iterable[Path]) -> None:
    """Raise ShelfwiseError where ``output`` is one of the files read: it would replace its own source."""
    if output.exists():
        for path in inputs:
            if path.exists() and path.samefile(output):
                raise ShelfwiseError(f"'{output}' is one of the catalog's own files; write to another name")


def explain_os_error(error: OSError) -> str:
    """What the operating system refused, in one line that says what to do about a full disk."""
    where = f"'{error.filename}': " if error.filename else ""
    what = error.strerror or " ".join(str(error).split())
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full ({what}); free some space or write elsewhere, then run it again"
    if error.errno == errno.EFBIG:
        return f"{where}the file has reached the largest size allowed here ({what}); write elsewhere"
    return f"{where}{what}"
