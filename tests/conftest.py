"""What many tests share: a made-up store, a model trained on it once, the command line, and the real data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from shelfwise.cli import main
from shelfwise.demo import StoreFiles, generate_store

# Several test processes share a few cores; more threads than that only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "2")
# Networks are compared to the last digits, also where the processor would have them compute in bfloat16.
os.environ["SHELFWISE_SINGLE_PRECISION"] = "1"

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

RAY_STARTS = 2

QUICK_RECIPE = """
target: {columns: [category_path]}
inputs: [{name: title}, {name: brand}, {name: price}, {name: image}]
classifiers:
- {name: words, inputs: [title, brand], epochs: 5, weight_decay: 0.0}
- {name: image, inputs: [image], hidden: [16], epochs: 1}
- {name: early, inputs: [title, brand, price], hidden: [64], epochs: 5}
routing: {precision: 0.6}
"""
"""Every kind of input and classifier, in seconds: how good it is does not matter to most tests."""


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


Shelfwise = Callable[..., Finished]


@pytest.fixture
def shelfwise(capsys: pytest.CaptureFixture[str]) -> Shelfwise:
    """Runs the command line in this process: ``shelfwise("predict", model, …)``."""

    def run(*args: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Finished(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real catalogs, read in place."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real catalogs in ../shared/data, which are not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> StoreFiles:
    """A made-up store: 300 labelled products, 45 held out, 30 new, with images. Not to be changed."""
    return generate_store(tmp_path_factory.mktemp("made-up-store"), products=300, seed=1)


@pytest.fixture(scope="session")
def quick_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe file that trains in seconds on ``store``."""
    file = tmp_path_factory.mktemp("recipe") / "quick.yaml"
    file.write_text(QUICK_RECIPE, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster of three workers for all tests, for starting it takes seconds; the folder of its machines' caches."""
    pytest.importorskip("ray", reason="needs the extra `ray`, which is not installed")
    from shelfwise.batch.on_ray import Actors, cluster
    from shelfwise.errors import ShelfwiseError

    caches = tmp_path_factory.mktemp("caches-of-the-cluster")
    with ExitStack() as held:
        for attempt in range(RAY_STARTS):
            with pytest.MonkeyPatch.context() as patched:
                patched.setenv(
                    "SHELFWISE_CACHE", str(caches)
                )  # its processes have what is set when it starts
                try:
                    held.enter_context(cluster(Actors(3)))
                    break
                except ShelfwiseError as error:
                    # Ray gives its own processes fifteen seconds to start, which a machine full of tests may not have.
                    if attempt + 1 == RAY_STARTS:
                        pytest.skip(f"Ray does not start here: {error}")
        yield caches


@pytest.fixture(scope="session")
def model_folder(store: StoreFiles, quick_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of paths, trained once on ``store`` by the command line. Not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "paths"
    with pytest.raises(SystemExit) as ended:
        main(["train", str(store.catalog), "--recipe", str(quick_recipe), "-o", str(folder), "--quiet"])
    assert ended.value.code == 0
    return folder
