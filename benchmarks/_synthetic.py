"""Made-up catalogs of any size: real titles of Myntra, drawn again and again and perturbed, with their real categories.

``python benchmarks/_synthetic.py FOLDER PRODUCTS`` writes them as Parquet shards. A shard depends on the seed and its number
alone, so a larger catalog begins with the smaller one, and what is there already is kept.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from _common import DATA
from _processes import run_watched, shelfwise

SHARD_PRODUCTS = 100_000
ROW_GROUP = 20_000
TRAINED_ON = 20_000
"""Products that a model of titles learns from."""


def make_catalog(folder: Path, products: int, data: Path = DATA, seed: int = 0) -> list[Path]:
    """The shards (``id``, ``title``, ``category_path``) of a catalog of ``products``."""
    folder.mkdir(parents=True, exist_ok=True)
    titles, paths = _real(data)
    files = []
    for number, first in enumerate(range(0, products, SHARD_PRODUCTS)):
        count = min(SHARD_PRODUCTS, products - first)
        file = folder / f"products-{number:04d}-{count}.parquet"
        if not file.exists():
            part = file.with_suffix(".part")
            pq.write_table(_shard(titles, paths, first, count, seed), part, row_group_size=ROW_GROUP)
            part.rename(file)
        files.append(file)
    return files


def model_of_titles(folder: Path, data: Path, seed: int) -> Path:
    """A model of category paths from titles of another such catalog, by the preset ``fast``; trained where there is none."""
    model = folder / "model"
    if not model.exists():
        small = make_catalog(folder / "small", TRAINED_ON, data, seed)
        target = ("--target", "category_path", "--inputs", "title", "--recipe", "fast")
        run_watched(shelfwise("train", *small, *target, "-o", model))
    return model


def _real(data: Path) -> tuple[list[list[str]], list[str]]:
    files = sorted((data / "myntra").glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(file, columns=["title", "category_path"]) for file in files])
    known = [
        (title.split(), path)
        for title, path in zip(table["title"].to_pylist(), table["category_path"].to_pylist(), strict=True)
        if title and path
    ]
    return [words for words, _ in known], [path for _, path in known]


def _shard(titles: list[list[str]], paths: list[str], first: int, count: int, seed: int) -> pa.Table:
    draw = random.Random(f"{seed} {first}")
    chosen = [draw.randrange(len(titles)) for _ in range(count)]
    return pa.table(
        {
            "id": [f"made-up-{first + place:09d}" for place in range(count)],
            "title": [_perturbed(titles[one], titles, draw) for one in chosen],
            "category_path": [paths[one] for one in chosen],
        }
    )


def _perturbed(title: list[str], others: list[list[str]], draw: random.Random) -> str:
    """A word less, a word of another title, two words changed places, a number: each for three titles in ten."""
    words = list(title)
    if len(words) > 3 and draw.random() < 0.3:
        del words[draw.randrange(len(words))]
    if draw.random() < 0.3:
        words.insert(draw.randrange(len(words) + 1), draw.choice(draw.choice(others)))
    if len(words) > 1 and draw.random() < 0.3:
        place = draw.randrange(len(words) - 1)
        words[place], words[place + 1] = words[place + 1], words[place]
    if draw.random() < 0.3:
        words.append(str(draw.randrange(10_000)))
    return " ".join(words)


if __name__ == "__main__":
    print(len(make_catalog(Path(sys.argv[1]), int(sys.argv[2]))), "shards")
