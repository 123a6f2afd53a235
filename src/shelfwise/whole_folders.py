"""A folder that is complete or absent: written aside, flushed, and put in place in one step, also where one was before.

Linux and macOS can exchange two folders in one step, so that an older folder is there until the new one is. Elsewhere it takes
two steps; a kill between them leaves no folder under the name, and the next writing puts the old one back first.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shelfwise.locking import take
from shelfwise.whole_files import flush, flush_folder

_ENDING = ".saving"
_NEW, _OLD, _LOCK = "new", "replaced", "lock"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux, linux/fs.h
_RENAME_SWAP = 2  # macOS, sys/stdio.h


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """The empty folder to write to; when the block ends well it becomes ``folder``, and one that was there is removed.

    With an error nothing is left behind, and what was there stays. What killed processes left aside is tidied up first.
    Raises OSError.
    """
    folder = folder.resolve()  # "." has no name, and of a link what it points to is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    tidy_up(folder)
    working = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=_ENDING, dir=folder.parent))
    lock = take(working / _LOCK)
    try:
        written = working / _NEW
        written.mkdir()  # with the permissions that the user's umask gives, which mkdtemp's have not
        yield written
        _flush_all(written)
        if folder.exists():
            _replace(folder, written, aside=working / _OLD)
        else:
            os.replace(written, folder)
        flush_folder(folder.parent)
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(working, ignore_errors=True)


def tidy_up(folder: Path) -> None:
    """Remove what killed processes left aside of ``folder``; an older folder that one of them had moved away comes back."""
    for left in folder.parent.glob(f".{_literal(folder.name)}.*{_ENDING}"):
        lock = take(left / _LOCK)
        if lock is None:  # a process that is alive is writing there
            continue
        try:
            old = left / _OLD
            if old.is_dir() and not folder.exists():
                os.replace(old, folder)
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)


def _replace(folder: Path, written: Path, aside: Path) -> None:
    if exchange(written, folder):
        return
    os.replace(folder, aside)
    try:
        os.replace(written, folder)
    except BaseException:  # Ctrl-C too: the old folder gets its name back, and it is raised again
        os.replace(aside, folder)
        raise


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders change names in one step; False where the system or the disk cannot."""
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    with suppress(AttributeError):
        if sys.platform == "darwin":
            return bool(library.renamex_np(names[0], names[1], _RENAME_SWAP) == 0)
        return bool(library.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)
    return False


def _flush_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        if path.is_dir():
            flush_folder(path)
        elif os.access(path, os.W_OK):
            flush(path)
    flush_folder(folder)


def _literal(name: str) -> str:
    """A name as a pattern that matches nothing else."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
