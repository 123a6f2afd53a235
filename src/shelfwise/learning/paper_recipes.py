"""The two papers' models as presets, with their settings where the papers give them and with what they leave open decided.

``paper-a`` is Wirojwatanakul & Wangperawong 2019: one classifier an input, fused late by a policy network on out-of-fold outputs.
``paper-b`` is Wang & Guthrie 2015: all inputs fused early in one network with one softmax a level.
"""

from __future__ import annotations

import math
from typing import Any

from shelfwise.catalog.column import Role
from shelfwise.learning.recommended import Task, on_words_in_order, reads_in_order
from shelfwise.recipe import ClassifierRecipe, InputRecipe

_TITLE_CHARACTERS = 120
"""Texts of up to this mean length are read as the paper reads titles, longer ones as descriptions."""
_FEW_PRODUCTS = 20_000
_LEAST_STEPS = 5_000
"""With so much dropout a network of three layers needs as many steps, however few the products: on Myntra 1,500 left it 5 points
of whole paths short."""


def late_encoder(role: Role, mean_length: float, image_model: str | None) -> dict[str, Any] | None:
    """Paper A's encoders: a convolution over words for texts, the backbone's last layer for images. All else as ``auto`` does."""
    if role != Role.TEXT:
        return _last_layer(role, image_model)
    how = "paper_title" if mean_length <= _TITLE_CHARACTERS else "paper_description"
    return {"kind": "kim_cnn", "preset": "paper", "text": how}


def late_classifiers(inputs: list[InputRecipe], task: Task) -> list[ClassifierRecipe]:
    """One classifier an input. The paper's networks end in their dense layer of 170; the image's head is one layer."""
    few = task.products < _FEW_PRODUCTS
    classifiers = []
    for one in inputs:
        kind = (one.encoder or {}).get("kind")
        if reads_in_order(one):
            classifiers.append(on_words_in_order(one, task))
            continue
        settings: dict[str, Any]
        if kind == "pretrained_image":
            settings = {"epochs": 20 if few else 10, "batch": 64 if few else 256, "input_dropout": 0.2}
        elif kind == "small_cnn":
            settings = {"epochs": 14 if few else 10, "batch": 64, "learning_rate": 3e-3, "warm_up": 0.15}
        else:
            settings = {"epochs": 12 if few else 6, "batch": 64 if few else 256}
        classifiers.append(ClassifierRecipe(name=one.name, inputs=[one.name], **settings))
    return classifiers


def early_encoder(role: Role, mean_length: float, image_model: str | None) -> dict[str, Any] | None:
    """Paper B's encoders: which of the 5,000 commonest words a text has, and the backbone's last layer for images."""
    if role != Role.TEXT:
        return _last_layer(role, image_model)
    return {"kind": "bag_of_words", "max_words": 5000, "stop_words": "english"}


def early_classifiers(inputs: list[InputRecipe], task: Task) -> list[ClassifierRecipe]:
    """One network over all inputs: three hidden layers of 256, dropout 0.5 and 0.2 on the input, one softmax a level.

    Several inputs are projected to a vector each: that is the first of the three layers, cut into one block an input.
    """
    batch = 32 if task.products < 3_000 else 64 if task.products < _FEW_PRODUCTS else 256
    epochs = math.ceil(_LEAST_STEPS * batch / max(task.products, 1))
    return [
        ClassifierRecipe(
            name="early",
            inputs=[one.name for one in inputs],
            head="auto" if task.multilabel else "per_level",
            hidden=[256] * (3 if len(inputs) == 1 else 2),
            embedding=256,
            dropout=0.5,
            input_dropout=0.2,
            epochs=min(max(epochs, 15), 200),
            batch=batch,
        )
    ]


def _last_layer(role: Role, image_model: str | None) -> dict[str, Any] | None:
    return {"kind": "pretrained_image", "model": image_model} if role == Role.IMAGE and image_model else None
