"""Training speed of the networks on words, beside the same networks in a bare PyTorch loop, and what padding costs.

The bare loop is the least that trains: forward, loss, backward, AdamW, over batches that were padded before its clock began.
Its batches are of like length as ours are; that chance alone would pad more is the second of its rows.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from _common import Bar, Column, Result, arguments, need, ratio, run_benchmark

if TYPE_CHECKING:
    import numpy as np
    import torch

    from shelfwise.encoders.base import Encoded, Encoder
    from shelfwise.taxonomy.targets import LabelTarget

LEAST_RATIO, MOST_WASTE = 0.9, 0.2
MIN_PRODUCTS = 30
BATCH = 64
TEXT = {"title": "paper_title", "description": "paper_description"}
STUDIES: dict[str, dict[str, Any]] = {
    "kim_cnn": {"encoder": {"kind": "kim_cnn", "preset": "paper"}},
    "lstm": {"encoder": {"kind": "lstm"}},
    "mlp": {"encoder": {"kind": "bag_of_words"}, "hidden": [256, 256, 256], "dropout": 0.5},
}
COLUMNS = [
    Column("network"),
    Column("input"),
    Column("loop"),
    Column("products/s", ",.0f"),
    Column("ours / bare"),
    Column("padding", ".1%"),
]


@dataclass(frozen=True)
class Material:
    """One text of every product, encoded, and the labels to learn."""

    name: str
    encoder: Encoder
    encoded: Encoded
    truth: np.ndarray
    rows: np.ndarray
    target: LabelTarget

    @property
    def words(self) -> int:
        """How many different words have a vector or a column."""
        return len(self.encoder.state_arrays().get("words", self.encoder.state_arrays().get("buckets", ())))


def measure(args: argparse.Namespace) -> Result:
    """All loops in turn, ``args.repeats`` times; of each step the fastest counts, whatever else the machine was doing."""
    import torch

    torch.set_num_threads(args.threads)
    result = Result(
        "Training networks on words: H&M, labels of at least 30 products",
        "hm, all products with the text trained on, one epoch a run (nothing is scored here)",
        COLUMNS,
    )
    made = {
        (kind, name): _material(args, kind, name)
        for kind in STUDIES
        for name in (TEXT if kind != "mlp" else ["description"])
    }
    for (kind, name), material in made.items():
        result.facts[f"with {name}"] = len(material.rows)
        _study(result, kind, material, args)
    _both_texts(result, made["kim_cnn", "title"], made["kim_cnn", "description"], args.seed)
    result.notes += [
        f"Batches of {BATCH}; kim_cnn and lstm are the papers' (width 5, 200 filters, dense 170; 128 units, mean), on "
        "vectors of 300 and 128 numbers trained from chance; mlp is 3 × 256 ReLU on the bag of words.",
        "padding: share of the places in batches that hold no word, each batch padded to its longest text.",
        "Both loops have AdamW. Ours moves the vectors of a batch's words alone (and sparse columns by Adagrad); the bare "
        "one all of them.",
    ]
    return result


def _material(args: argparse.Namespace, kind: str, name: str) -> Material:
    import numpy as np
    from _data import subsample, value_groups

    from shelfwise import Catalog
    from shelfwise.catalog.column import Role
    from shelfwise.encoders.registry import build_encoder
    from shelfwise.recipe import TargetRecipe
    from shelfwise.taxonomy.targets import LabelTarget
    from shelfwise.taxonomy.truth import read_truth

    (folder,) = need(args.data, "hm")
    catalog = Catalog.read(folder)
    codes = value_groups(catalog.column("product_code").to_pylist())
    catalog = catalog.take(subsample(codes, catalog.ids, args.products, args.seed))
    values = list(read_truth(catalog, TargetRecipe(columns=["labels"], multilabel=True)).values)
    names, counts = np.unique([label for labels in values for label in labels], return_counts=True)
    target = LabelTarget(tuple(names[counts >= MIN_PRODUCTS].tolist()))
    options = {key: value for key, value in STUDIES[kind]["encoder"].items() if key != "kind"}
    encoder = build_encoder(kind="bag_of_words" if kind == "mlp" else kind, options=options)
    if kind != "mlp":
        encoder = build_encoder(kind, {**options, "text": TEXT[name]})
    prepared = encoder.prepare(catalog.input(name, Role.TEXT))
    encoded = encoder.fit(prepared, np.arange(len(catalog))).transform(prepared)
    return Material(name, encoder, encoded, target.encode(values), np.flatnonzero(encoded.present), target)


def _study(result: Result, kind: str, material: Material, args: argparse.Namespace) -> None:
    import numpy as np

    from shelfwise.training.sequences import LengthOrder, is_sequence, lengths, padding_waste

    # What the loop draws in its first epoch: all loops go through the same products in the same order.
    random = np.random.default_rng([args.seed, 0])
    order = LengthOrder({material.name: material.encoded}, [material.name], len(material.truth))
    alike = list(order.batches(material.rows, BATCH, random))
    bare = {"bare, lengths alike": alike}
    if is_sequence(material.encoded):
        bare["bare, by chance"] = np.array_split(random.permutation(material.rows), len(alike))
    steps = dict.fromkeys(["ours", *bare], np.full(len(alike), np.inf))
    for turn in range(args.repeats + 1):
        found = {"ours": _ours(kind, material, args.seed)}
        found |= {loop: _bare(kind, material, batches, args.seed) for loop, batches in bare.items()}
        if turn:  # the first is not counted: it loads and compiles what all use
            steps = {loop: np.minimum(steps[loop], seconds) for loop, seconds in found.items()}
    speed = {loop: len(material.rows) / seconds.sum() for loop, seconds in steps.items()}
    for loop in speed:
        row: dict[str, Any] = {
            "network": kind,
            "input": material.name,
            "loop": loop,
            "products/s": speed[loop],
        }
        if loop != "ours":
            row["ours / bare"] = ratio(speed["ours"], speed[loop])
        if is_sequence(material.encoded):
            row["padding"] = padding_waste(bare.get(loop, alike), lengths(material.encoded))
        result.rows.append(row)
    share = speed["ours"] / speed["bare, lengths alike"]
    result.bars.append(
        Bar(f"{kind} on {material.name}: speed in units of the bare loop's", share, LEAST_RATIO)
    )
    if is_sequence(material.encoded):
        waste = padding_waste(alike, lengths(material.encoded))
        result.bars.append(Bar(f"{kind} on {material.name}: padding", waste, MOST_WASTE, "at most", ".3f"))


def _both_texts(result: Result, title: Material, description: Material, seed: int) -> None:
    """The padding of one classifier that reads two texts, whose lengths have little to do with each other."""
    import numpy as np

    from shelfwise.training.sequences import LengthOrder, lengths, padding_waste

    data = {one.name: one.encoded for one in (title, description)}
    order = LengthOrder(data, data, len(title.truth))
    batches = list(order.batches(np.arange(len(title.truth)), BATCH, np.random.default_rng(seed)))
    words = {name: int(lengths(encoded).sum()) for name, encoded in data.items()}
    places = sum(words[name] / (1 - padding_waste(batches, lengths(data[name]))) for name in data)
    waste = 1 - sum(words.values()) / places
    result.rows.append({"network": "both", "input": "title + description", "loop": "ours", "padding": waste})
    result.bars.append(Bar("title and description in one: padding", waste, MOST_WASTE, "at most", ".3f"))


class _Clock:
    """Notes how long each step took, in the place of a progress bar."""

    def __init__(self) -> None:
        self.times = [time.perf_counter()]

    def advance(self, done: int, note: str = "") -> None:
        """A step is done; with nothing done, only where a training goes on from was told."""
        if done:
            self.times.append(time.perf_counter())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def steps(self) -> np.ndarray:
        """float64 [steps], seconds."""
        import numpy as np

        return np.diff(self.times)


def _ours(kind: str, material: Material, seed: int) -> np.ndarray:
    """Seconds of each step of our loop in one epoch, its batches made and all."""
    from shelfwise.ensemble import build_classifier
    from shelfwise.recipe import ClassifierRecipe, TrainingRecipe
    from shelfwise.training.loop import train

    declared = {key: value for key, value in STUDIES[kind].items() if key != "encoder"}
    recipe = ClassifierRecipe(name=kind, inputs=[material.name], epochs=1, batch=BATCH, **declared)
    data = {material.name: material.encoded}
    classifier = build_classifier(recipe, {material.name: material.encoder}, data, material.target, seed)
    clock = _Clock()
    train(classifier, data, material.truth, material.rows, TrainingRecipe(seed=seed), clock)
    return clock.steps()


def _bare(kind: str, material: Material, batches: list[np.ndarray], seed: int) -> np.ndarray:
    """Seconds of each step over batches that are ready, computed in the same numbers as ours."""
    import torch
    import torch.nn.functional as F
    from _bare_networks import BARE

    from shelfwise.precision import computing_in, precision

    numbers = precision()
    torch.manual_seed(seed)
    network = BARE[kind](material.words, len(material.target.labels)).train()
    ready = [_ready(material, rows) for rows in batches]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    clock = _Clock()
    for inputs, labels in ready:
        optimizer.zero_grad()
        with computing_in(numbers):
            scores = network(inputs).float()
        loss = F.binary_cross_entropy_with_logits(scores, labels)
        loss.backward()
        optimizer.step()
        clock.advance(len(labels))
    return clock.steps()


def _ready(material: Material, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    from shelfwise.training.sequences import is_sequence, padded

    matrix, labels = material.encoded.matrix, torch.from_numpy(material.truth[rows])
    if is_sequence(material.encoded):
        return padded(matrix, rows), labels
    return torch.from_numpy(matrix[rows].toarray()), labels


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        metavar="N",
        help="runs of each side; the fastest of each step counts (default 3)",
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
