"""Small made-up inputs of every kind, with absent values, for classifiers to learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import torch

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.ensemble import build_classifier
from shelfwise.recipe import ClassifierRecipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.training.network import Classifier

PATHS = PathTarget((("a", "x"), ("a", "y"), ("b",)))
WORDS = (("red", "crimson"), ("blue", "navy"), ("green", "lime"))


@dataclass(frozen=True)
class Material:
    """Encoded inputs of 120 products (a title, a brand, a price; some absent) and their outcomes."""

    encoders: dict[str, Encoder]
    data: dict[str, Encoded]
    truth: np.ndarray
    target: Target = PATHS

    def __len__(self) -> int:
        return len(self.truth)

    def classifier(self, seed: int = 0, name: str = "one", **recipe: object) -> Classifier:
        """An untrained classifier; by default a linear one of the title."""
        declared = ClassifierRecipe(name=name, **{"inputs": ["title"], **recipe})
        return build_classifier(declared, self.encoders, self.data, self.target, seed)

    def labelled(self) -> Material:
        """The same products with label sets for answers."""
        labels = np.stack([self.truth != 1, self.truth == 1, self.truth == 2], axis=1).astype(np.float32)
        return Material(self.encoders, self.data, labels, LabelTarget(("p", "q", "r")))


def column(name: str, role: Role, values: list[object]) -> InputColumn:
    kind = pa.float64() if role is Role.NUMBER else pa.string()
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    return InputColumn(name, role, pa.array(values, kind), state)


@pytest.fixture(scope="session")
def material() -> Material:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 120)
    titles: list[object] = [
        f"{random.choice(WORDS[outcome])} thing {random.integers(0, 40)}" for outcome in truth
    ]
    brands: list[object] = [f"brand {outcome if random.random() < 0.7 else 9}" for outcome in truth]
    prices: list[object] = [float(10 * outcome + random.normal()) for outcome in truth]
    for values, share in ((titles, 0.1), (brands, 0.3), (prices, 0.3)):
        for row in np.flatnonzero(random.random(120) < share):
            values[row] = None
    columns = [
        (column("title", Role.TEXT, titles), build_encoder("ngrams", {"words": [1, 1]})),
        (column("brand", Role.CATEGORY, brands), build_encoder("one_hot", {})),
        (column("price", Role.NUMBER, prices), build_encoder("number", {})),
    ]
    encoders, data = {}, {}
    for one, encoder in columns:
        prepared = encoder.prepare(one)
        encoders[one.name] = encoder.fit(prepared, np.arange(120))
        data[one.name] = encoder.transform(prepared)
    return Material(encoders, data, truth)
