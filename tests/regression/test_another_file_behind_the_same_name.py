"""A training that was interrupted went on with word vectors, or a backbone, whose contents had changed under the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.backbones import tiny_resnet

from shelfwise.encoders.base import Encoded
from shelfwise.learning.fingerprint import training_fingerprint
from shelfwise.learning.rounds import Round
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import PathTarget

FILES = "file of word vectors or pretrained model"


def fingerprint(role: str, **encoder: Any) -> dict[str, str]:
    """Of a training on two products, with one input read by ``encoder``."""
    rows = np.arange(2)
    recipe = Recipe(
        target="category",
        inputs=[{"name": "given", "role": role, "encoder": encoder}],
        classifiers=[{"name": "one", "inputs": ["given"]}],
    )
    return training_fingerprint(
        recipe,
        PathTarget((("Pans",), ("Pots",))),
        {"given": Encoded(np.zeros((2, 3), np.float32), np.zeros(2, np.int8))},
        rows,
        rows,
        [Round(rows[:1], rows[1:])],
        None,
        torch.device("cpu"),
    )


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return [name for name in one if one[name] != other[name]]


def test_other_word_vectors(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("pot 0.1 0.2\npan 0.3 0.4\n")
    before = fingerprint("text", kind="lstm", word_vectors=str(vectors))
    assert fingerprint("text", kind="lstm", word_vectors=str(vectors)) == before
    vectors.write_text("pot 0.1 0.2\npan 0.3 0.9\n")
    assert differing(before, fingerprint("text", kind="lstm", word_vectors=str(vectors))) == [FILES]


def test_another_backbone(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    tuned = {"kind": "pretrained_image", "model": str(tmp_path), "trainable_layers": 1}
    tiny_resnet(tmp_path)
    before = fingerprint("image", **tuned)
    assert fingerprint("image", **tuned) == before
    tiny_resnet(tmp_path, seed=1)
    assert differing(before, fingerprint("image", **tuned)) == [FILES]
