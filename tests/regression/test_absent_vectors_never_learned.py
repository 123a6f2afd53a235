"""The vectors that stand in for absent inputs of an early fusion stayed where they began, at zero.

Its body begins with a ReLU, which passes no gradient at zero, so that neither a missing price nor a hidden one ever
taught it anything.
"""

from __future__ import annotations

import numpy as np
import torch

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.registry import build_encoder
from shelfwise.ensemble import build_classifier
from shelfwise.progress import Silent
from shelfwise.recipe import ClassifierRecipe, TrainingRecipe
from shelfwise.taxonomy.targets import PathTarget
from shelfwise.training.loop import train


def test_early_fusion_learns_what_stands_in_for_an_absent_input() -> None:
    random = np.random.default_rng(0)
    state = (random.random((2, 64)) < 0.4).astype(np.int8) * State.ABSENT
    values = random.normal(size=(2, 64, 2)).astype(np.float32) * (state == State.PRESENT)[:, :, None]
    encoders = {name: build_encoder("number") for name in ("price", "weight")}
    data = {name: Encoded(*one) for name, *one in zip(encoders, values, state, strict=True)}
    recipe = ClassifierRecipe(
        name="early", inputs=list(encoders), hidden=[8], embedding=8, batch=16, epochs=2
    )
    classifier = build_classifier(recipe, encoders, data, PathTarget((("a",), ("b",))), 0)
    before = [layer.absent.detach().clone() for layer in classifier.inputs.values()]
    train(classifier, data, random.integers(0, 2, 64), np.arange(64), TrainingRecipe(), Silent().stage("", 0))
    for layer, start in zip(classifier.inputs.values(), before, strict=True):
        # Weight decay moves them too, by a thousandth of themselves in so few steps.
        assert not torch.allclose(layer.absent, start, rtol=0.005, atol=0)
