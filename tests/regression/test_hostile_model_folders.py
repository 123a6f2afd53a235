"""What attacks on model folders found, kept: each of these once got further than it should have."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fuzz.model_mutations import remake_checksums
from tests.tiny_catalog import read, tiny_rows, title_recipe

from shelfwise import Categorizer
from shelfwise.errors import ModelFolderError
from shelfwise.storage.model_files import CHECKSUM_FILE, MODEL_FILE, RECIPE_FILE, WEIGHTS_FILE

FILES = (MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    Categorizer(title_recipe()).fit(read(folder / "shop.csv", tiny_rows())).save(folder / "model")
    return folder / "model"


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


@pytest.mark.parametrize("name", FILES)
def test_links_were_followed(model: Path, name: str) -> None:
    outside = model.parent / "outside"
    os.replace(model / name, outside)
    (model / name).symlink_to(outside)
    with pytest.raises(ModelFolderError, match="links are not followed"):
        Categorizer.load(model)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")],
    ids=["pipe", "folder", "device"],
)
def test_what_is_no_file_was_opened_and_waited_for(
    model: Path, name: str, make: Callable[[Path], None]
) -> None:
    (model / name).unlink()
    make(model / name)
    with pytest.raises(ModelFolderError, match="plain file"):
        Categorizer.load(model)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_terabyte_was_read(model: Path, name: str) -> None:
    os.truncate(model / name, 1 << 40)  # takes no room on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFolderError, match="at most"):
        Categorizer.load(model)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10


def test_a_weights_file_longer_than_its_header_says_was_read(model: Path) -> None:
    os.truncate(model / WEIGHTS_FILE, 1 << 32)
    with pytest.raises(ModelFolderError, match="are there"):
        Categorizer.load(model)


def test_the_recipe_for_people_had_no_checksum(model: Path) -> None:
    with (model / RECIPE_FILE).open("a") as file:
        file.write("# harmless\n")
    with pytest.raises(ModelFolderError, match="checksum differs"):
        Categorizer.load(model)


_LOAD = """
import resource, sys
from shelfwise import Categorizer
from shelfwise.errors import ModelFolderError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    Categorizer.load(sys.argv[1])
except ModelFolderError as error:
    assert len(str(error)) < 1000
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_many_wrong_values_took_gigabytes_to_complain_about(model: Path) -> None:
    stored = json.loads((model / MODEL_FILE).read_bytes())
    stored["facts"]["training_counts"] = [0] * 300_000
    (model / MODEL_FILE).write_text(json.dumps(stored))
    remake_checksums(model)
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(model)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300, "MiB"


def test_more_values_than_any_model_has_were_parsed(model: Path) -> None:
    (model / MODEL_FILE).write_bytes(b"[" + b"0," * 1_100_000 + b"0]")
    remake_checksums(model)
    with pytest.raises(ModelFolderError, match="values"):
        Categorizer.load(model)


@pytest.mark.parametrize("line", ["../outside", "model.json/../x", "/etc/passwd", "a\\b", "model.pkl"])
def test_checksums_of_other_files_were_passed_over(model: Path, line: str) -> None:
    with (model / CHECKSUM_FILE).open("a") as file:
        file.write(f"{'0' * 64}  {line}\n")
    with pytest.raises(ModelFolderError, match="SHA-256"):
        Categorizer.load(model)
