"""`serve` and its reloads read a folder's checksums unchecked: a link to a device took all memory, and at a pipe they hung."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from shelfwise.engine.manifest import EXPORT_FOLDER, MANIFEST_FILE
from shelfwise.errors import ModelFolderError
from shelfwise.serving.served_model import ModelSlot


def hostile(kind: str, path: Path) -> None:
    """Put at ``path`` what must not be read."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        kept = path.with_name("elsewhere")
        kept.write_bytes(b"somebody else's")
        path.symlink_to(kept)
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
@pytest.mark.parametrize("kind", ["link", "pipe", "huge"])
@pytest.mark.parametrize("name", ["checksums.txt", f"{EXPORT_FOLDER}/{MANIFEST_FILE}"])
def test_a_hostile_folder_is_one_error(model_folder: Path, tmp_path: Path, kind: str, name: str) -> None:
    if name != "checksums.txt":
        pytest.importorskip("onnxruntime")
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    (folder / EXPORT_FOLDER).mkdir()
    hostile(kind, folder / name)
    said: list[BaseException] = []

    def load() -> None:
        try:
            ModelSlot(folder).load()
        except (ModelFolderError, MemoryError) as error:
            said.append(error)

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    loading.join(60)
    assert [type(error) for error in said] == [ModelFolderError]
