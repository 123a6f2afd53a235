"""Which files a catalog is made of: files, folders and globs become an ordered list of readable files."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfwise.errors import CatalogError

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_NAMED_ONLY = frozenset({".json"})  # in a folder, a .json file is more often settings than products
_READABLE = "CSV, TSV, JSON lines (.jsonl) or Parquet, the first three also with .gz"


@dataclass(frozen=True)
class CatalogFile:
    """A file and the format its name declares: csv, tsv, jsonl or parquet."""

    path: Path
    format: str


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[CatalogFile]:
    """The catalog files that files, folders and globs stand for, each once.

    Order: as given; within a folder or a glob, by name. A folder stands for the catalog files directly in it.
    Raises CatalogError when something does not exist, has no catalog file, or is of an unknown format.
    """
    found: dict[Path, CatalogFile] = {}
    given = [os.fspath(path) for path in paths]
    if "" in given:  # to the file system it is the current folder, but nobody means that by it
        raise CatalogError(
            "Expected a file, folder or glob as catalog, got an empty text. Give its name, or . for the current folder."
        )
    if not given:
        raise CatalogError("No catalog was given: expected one or more files, folders or globs.")
    for text in given:
        for file in _expand(text):
            found.setdefault(file.path.resolve(), file)
    return list(found.values())


def _expand(text: str) -> list[CatalogFile]:
    path = Path(text).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        known = format_of(path)
        if known is None:
            raise CatalogError(f"{path}: '{path.suffix}' is not a catalog format; expected {_READABLE}.")
        if not path.is_file():  # a pipe waits for whoever writes into it, and can be read only once
            raise CatalogError(
                f"{path}: expected a file or folder, got a pipe, socket or device. Write its content to a file first."
            )
        return [CatalogFile(path, known)]
    if glob.has_magic(text):
        names = sorted(glob.glob(str(path), recursive=True))
        files = [CatalogFile(Path(name), found) for name in names if (found := format_of(Path(name)))]
        files = [file for file in files if file.path.is_file()]
        if not files:
            raise CatalogError(f"{text}: no file matches; expected files of {_READABLE}.")
        return files
    raise CatalogError(f"{path}: no such file or folder. Check the spelling, or give a glob in quotes.")


def _in_folder(folder: Path) -> list[CatalogFile]:
    files = []
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith((".", "_"))
        known = format_of(path)
        if known and path.is_file() and not hidden and path.suffix.lower() not in _NAMED_ONLY:
            files.append(CatalogFile(path, known))
    if not files:
        raise CatalogError(
            f"{folder}: the folder holds no catalog file; expected {_READABLE}. "
            f"For files in folders below it, give a glob such as '{folder}/**/*.parquet'."
        )
    return files


def format_of(path: Path) -> str | None:
    """The format a file's name declares, or None when it declares none that can be read."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] == ".gz":
        inner = FORMATS.get(suffixes[-2]) if len(suffixes) == 2 else None
        return inner if inner != "parquet" else None
    return FORMATS.get(suffixes[-1]) if suffixes else None
