"""The optimizers a recipe can name, for dense weights and, row by row, for tables of word vectors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.recipe import ClassifierRecipe

_MOMENTUM = 0.9
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_ADADELTA_RHO, _ADADELTA_EPSILON = 0.9, 1e-6


def build_optimizer(
    recipe: ClassifierRecipe, encoders: list[nn.Parameter], others: list[nn.Parameter]
) -> torch.optim.Optimizer:
    """The recipe's optimizer over the weights of the inputs' own networks, and over all others, each with its rate.

    ``adamw``: Loshchilov & Hutter 2019; ``adam``: Kingma & Ba 2015; ``sgd``: with Nesterov's momentum of 0.9;
    ``adadelta``: Zeiler 2012, decay 0.9, whose rate scales its own step. ``weight_decay`` is decoupled from the
    gradient in ``adamw``, and an L2 penalty in the others.
    """
    groups = [
        {"params": part, "lr": rate * scale, "top": rate * scale}
        for weights, rate in ((encoders, encoder_rate(recipe)), (others, recipe.learning_rate))
        for scale, part in _by_scale(weights).items()
    ]
    decay = recipe.weight_decay
    # Fused: one pass over each weight and its moments, 9 times as fast on a CPU as the default's ten passes.
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, betas=_BETAS, eps=_EPSILON, weight_decay=decay, fused=True)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, betas=_BETAS, eps=_EPSILON, weight_decay=decay, fused=True)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=_MOMENTUM, nesterov=True, weight_decay=decay)
    return torch.optim.Adadelta(groups, rho=_ADADELTA_RHO, eps=_ADADELTA_EPSILON, weight_decay=decay)


def _by_scale(weights: list[nn.Parameter]) -> dict[float, list[nn.Parameter]]:
    """Weights by the factor on their rate that their network asks for, as a pretrained one does to forget less."""
    parts: dict[float, list[nn.Parameter]] = {}
    for weight in weights:
        parts.setdefault(float(getattr(weight, "learning_rate_scale", 1.0)), []).append(weight)
    return parts


def encoder_rate(recipe: ClassifierRecipe) -> float:
    """The learning rate of the inputs' own networks, word vectors among them."""
    given = recipe.encoder_learning_rate
    return recipe.learning_rate if given is None else given


class RowOptimizer:
    """The same rules for word vectors, applied to the rows of a batch alone ("lazily"), without weight decay.

    Moments of a row stand still while its word does not occur, and each row counts its own steps, so a rare word's vector
    does not go on moving by what was right hundreds of batches ago. ``sgd`` is without momentum here.
    """

    def __init__(self, tables: list[WordEmbedding], recipe: ClassifierRecipe) -> None:
        self.tables = [table for table in tables if table.trainable]
        self.rate = encoder_rate(recipe)
        self._change: _Change
        self._change, kept = _RULES[recipe.optimizer]
        # What is kept of a row lies side by side, to be fetched and put back at once; last how often it was used.
        self.memory = [
            torch.zeros(len(table.weight), kept * table.weight.shape[1] + 1, device=table.weight.device)
            for table in self.tables
        ]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Update the rows touched since the last step; ``scale`` (0–1) is the schedule's factor."""
        for table, memory in zip(self.tables, self.memory, strict=True):
            size = table.weight.shape[1]
            for rows, used in table.touched:
                if used.grad is None:
                    continue
                kept = memory.index_select(0, rows)
                steps = kept[:, -1:].add_(1)
                change = self._change(used.grad, list(kept[:, :-1].split(size, dim=1)), steps)
                memory.index_copy_(0, rows, kept)
                table.weight.index_copy_(0, rows, used.sub_(change, alpha=self.rate * scale))
            table.touched.clear()


_Change = Callable[[torch.Tensor, list[torch.Tensor], torch.Tensor], torch.Tensor]
"""(gradient [U, size], what is kept of these rows, which it brings up to date, steps [U, 1]) → change per unit of rate."""


def _adam(gradient: torch.Tensor, kept: list[torch.Tensor], steps: torch.Tensor) -> torch.Tensor:
    mean, square = kept
    mean.lerp_(gradient, 1 - _BETAS[0])
    square.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
    size = (square / (1 - _BETAS[1] ** steps)).sqrt_().add_(_EPSILON)
    return (mean / (1 - _BETAS[0] ** steps)).div_(size)


def _sgd(gradient: torch.Tensor, kept: list[torch.Tensor], steps: torch.Tensor) -> torch.Tensor:
    return gradient


def _adadelta(gradient: torch.Tensor, kept: list[torch.Tensor], steps: torch.Tensor) -> torch.Tensor:
    square, moved = kept
    square.mul_(_ADADELTA_RHO).addcmul_(gradient, gradient, value=1 - _ADADELTA_RHO)
    change = (moved + _ADADELTA_EPSILON).sqrt_() / (square + _ADADELTA_EPSILON).sqrt_() * gradient
    moved.mul_(_ADADELTA_RHO).addcmul_(change, change, value=1 - _ADADELTA_RHO)
    return change


_RULES: dict[str, tuple[_Change, int]] = {
    "adamw": (_adam, 2),
    "adam": (_adam, 2),
    "sgd": (_sgd, 0),
    "adadelta": (_adadelta, 2),
}
