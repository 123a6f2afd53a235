"""Files that a command is to write are looked at before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def outputs(*files: Path | str | None) -> list[Path]:
    """The files to be written, without those not asked for and without stdout (``-``)."""
    return [Path(file) for file in files if file is not None and str(file) != "-"]


def check_outputs(files: Sequence[Path], catalogs: Sequence[str]) -> None:
    """Refuse files that cannot be written or are the catalog's. Raises ShelfwiseError."""
    from shelfwise.batch.output import check_output_path, refuse_overwriting
    from shelfwise.catalog.locate import find_files

    sources = [file.path for file in find_files(catalogs)] if files else []
    for file in files:
        refuse_overwriting(check_output_path(file), sources)
