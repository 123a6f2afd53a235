"""Loads spoiled model folders, and predicts with those that load: a clear error or predictions, within time and memory.

    python tests/fuzz/fuzz_model_folders.py --count 1000 --seed 0

Ends with status 1, and says which mutations (by their seeds), where one ends in anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from tests.fuzz.model_mutations import MUTATIONS
from tests.tiny_catalog import (
    LINEAR,
    picture_recipe,
    read,
    text_recipe,
    tiny_rows,
    title_recipe,
    with_pictures,
)

from shelfwise import Catalog, Categorizer
from shelfwise.errors import ModelFolderError, ShelfwiseError

SECONDS_EACH = 30
MEMORY_EACH = 1 << 30  # bytes more than before

LABELS = {"columns": ["tags"], "multilabel": True}
SHORT = {"epochs": 2, "batch": 16, "hidden": [8], "embedding": 8}


def models(folder: Path, few: bool) -> tuple[list[Path], Catalog]:
    """One model of each kind of part (or of the commonest), and a catalog to predict."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = with_pictures(tiny_rows(), folder)
    catalog = read(folder / "shop.csv", rows)
    words = [{"name": "title", "encoder": {"kind": "kim_cnn", "filters": 4, "dense": 8, "embedding": 8}}]
    reader = [{"name": "title", "encoder": {"kind": "lstm", "units": 8, "embedding": 8}}]
    one = [{"name": "title", "inputs": ["title"], **SHORT}]
    recipes = {
        "text": text_recipe(fusion={"policies": ["policy_network"]}),
        "ridge": text_recipe(fusion={"policies": ["ridge"]}),
        "labels": text_recipe(target=LABELS, fusion={"policies": ["category_pool"]}),
        "pictures": picture_recipe(),
        "svm": title_recipe(classifiers=[{"name": "title", "inputs": ["title"], **LINEAR, "solver": "svm"}]),
        "kim": text_recipe(inputs=words, classifiers=[one[0] | {"head": "sequential"}]),
        "lstm": text_recipe(inputs=reader, classifiers=[one[0] | {"head": "level_decoder"}]),
    }
    if few:
        recipes = {name: recipes[name] for name in ("text", "labels", "kim")}
    for name, recipe in recipes.items():
        Categorizer(recipe).fit(catalog).save(folder / name)
    return [folder / name for name in recipes], read(folder / "some.csv", rows[:12])


class TookTooLong(BaseException):
    """No error that anything in the package catches."""


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise TookTooLong after so many seconds."""

    def over(_number: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def look(folder: Path, catalog: Catalog) -> str:
    """What came of loading the folder and predicting with it: ``refused`` or ``predicted``, or what went wrong."""
    try:
        with at_most(SECONDS_EACH):
            model = Categorizer.load(folder)
            predictions = model.predict(catalog)
    except ModelFolderError as error:
        return "refused" if len(str(error)) < 2_000 else "a very long message"
    except ShelfwiseError as error:
        return f"another error: {error!r:.300}"
    except TookTooLong:
        return "took too long"
    except Exception:  # noqa: BLE001 (whatever it is, it is what is looked for)
        return traceback.format_exc(limit=-4)
    if [one.id for one in predictions] != catalog.ids:
        return "other products than were asked for"
    sound = all(math.isfinite(one.confidence) and 0 <= one.confidence <= 1 for one in predictions)
    return "predicted" if sound else "a confidence that is none"


def run(count: int, seed: int, few: bool) -> int:
    """The number of mutations that ended badly."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="shelfwise-fuzz-") as place:
        originals, catalog = models(Path(place) / "models", few)
        return _run(count, seed, Path(place), originals, catalog)


def _run(count: int, seed: int, place: Path, originals: list[Path], catalog: Catalog) -> int:
    ends: Counter[str] = Counter()
    bad = 0
    for number in range(seed, seed + count):
        chance = random.Random(number)
        case = place / "case"
        folder = Path(shutil.copytree(chance.choice(originals), case / "model"))
        how = chance.choice(MUTATIONS)(folder, chance)
        before = _memory()
        started = time.monotonic()
        ended = look(folder, catalog)
        grown = _memory() - before
        if grown > MEMORY_EACH:
            ended = f"{grown >> 20} MiB of memory; {ended}"
        ends[ended if ended in ("refused", "predicted") else "bad"] += 1
        if ended not in ("refused", "predicted"):
            bad += 1
            print(f"seed {number} ({how}), {time.monotonic() - started:.1f} s: {ended}", flush=True)
        shutil.rmtree(case)
    told = ", ".join(f"{many} {name}" for name, many in sorted(ends.items()))
    print(f"{count} spoiled model folders from seed {seed}: {told}; at most {_memory() >> 20} MiB in all")
    return bad


def _memory() -> int:
    """The most bytes that this process has had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--few", action="store_true", help="fewer kinds of models")
    given = parser.parse_args()
    sys.exit(1 if run(given.count, given.seed, given.few) else 0)
