"""Losses of labels that are decided each for itself: what a label missed and a label too many cost in training."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shelfwise.errors import RecipeError


class LabelLoss(BaseModel, ABC):
    """Scores [B, labels] (log-odds) and truth float [B, labels] → the mean over products of the loss summed over labels.

    Its fields are its options in a recipe. ``weights`` float [labels] weigh what a missed label costs, as rare labels need.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: ClassVar[str]

    @abstractmethod
    def __call__(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The loss, a scalar."""


class BinaryCrossEntropy(LabelLoss):
    """The negative log-likelihood of every label by itself: probabilities can be taken at their word."""

    kind = "binary_cross_entropy"

    def __call__(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See the base class."""
        losses = F.binary_cross_entropy_with_logits(scores, truth, pos_weight=weights, reduction="none")
        return losses.sum(1).mean()


class Focal(LabelLoss):
    """Binary cross-entropy times (1 - p)^gamma, p the probability of what is true (Lin et al. 2017, *Focal loss for dense object
    detection*, equation 4): labels that are already right hardly count. Probabilities come out too cautious."""

    kind = "focal"
    gamma: float = Field(default=2.0, ge=0)

    def __call__(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See the base class."""
        return _two_sided(scores, truth, weights, self.gamma, self.gamma, 0.0)


class Asymmetric(LabelLoss):
    """The focal loss with an exponent of its own for labels that are there and for those that are not, whose probability counts
    only from ``margin`` on (Ridnik et al. 2021, *Asymmetric loss for multi-label classification*, equations 4 to 7): the many
    labels that are easily seen to be missing do not drown the few that are there. Probabilities come out too high."""

    kind = "asymmetric"
    gamma_positive: float = Field(default=0.0, ge=0)
    gamma_negative: float = Field(default=4.0, ge=0)
    margin: float = Field(default=0.05, ge=0, lt=1)

    def __call__(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See the base class."""
        return _two_sided(scores, truth, weights, self.gamma_positive, self.gamma_negative, self.margin)


class RenormalisedCce(LabelLoss):
    """The loss of Wirojwatanakul & Wangperawong 2019: sigmoid outputs divided by their sum, and the categorical cross-entropy to
    the true labels, each an equal share of one. Only ratios of outputs are learned, so 0.5 means nothing: tune the threshold.

    A product without labels teaches nothing. (Keras, which the paper used, does not divide the labels by their number: products
    with many labels count more there.)
    """

    kind = "renormalised_cce"

    def __call__(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """See the base class."""
        outputs = F.logsigmoid(scores)
        shares = truth / truth.sum(1, keepdim=True).clamp_min(1)
        if weights is not None:
            shares = shares * weights
        return -(shares * (outputs - outputs.logsumexp(1, keepdim=True))).sum(1).mean()


_TINY = 1e-8


def _two_sided(
    scores: torch.Tensor,
    truth: torch.Tensor,
    weights: torch.Tensor | None,
    gamma_positive: float,
    gamma_negative: float,
    margin: float,
) -> torch.Tensor:
    """Σ -(1 - p)^γ⁺ log p over labels that are there, and -q^γ⁻ log(1 - q), q = max(p - margin, 0), over the others."""
    there = -F.logsigmoid(scores)
    if gamma_positive:
        there = there * torch.sigmoid(-scores) ** gamma_positive
    if weights is not None:
        there = there * weights
    if margin:
        wrongly = (torch.sigmoid(scores) - margin).clamp_min(0)
        missing = -torch.log((1 - wrongly).clamp_min(_TINY))
    else:
        wrongly, missing = torch.sigmoid(scores), -F.logsigmoid(-scores)
    if gamma_negative:
        missing = missing * wrongly**gamma_negative
    return (truth * there + (1 - truth) * missing).sum(1).mean()


LOSSES: dict[str, type[LabelLoss]] = {
    loss.kind: loss for loss in (BinaryCrossEntropy, Focal, Asymmetric, RenormalisedCce)
}


def build_loss(spec: str | Mapping[str, Any]) -> LabelLoss:
    """A loss by its kind, or by a mapping of ``kind`` and its options.

    Raises RecipeError for an unknown kind or option (naming the nearest) and for a value that cannot work.
    """
    options = {} if isinstance(spec, str) else {key: spec[key] for key in spec if key != "kind"}
    kind = spec if isinstance(spec, str) else str(spec.get("kind", ""))
    if kind not in LOSSES:
        raise RecipeError(f"expected a loss ({', '.join(LOSSES)}), got '{kind}'{_nearest(kind, LOSSES)}")
    try:
        return LOSSES[kind](**options)
    except ValidationError as error:
        raise RecipeError(_explained(LOSSES[kind], error)) from error


def _explained(loss: type[LabelLoss], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    known = loss.model_fields
    if first["type"] == "extra_forbidden":
        expected = f"options among {', '.join(known)}" if known else "no options"
        return f"expected {expected} for the loss '{loss.kind}', got '{key}'{_nearest(key, known)}"
    return f"cannot use option '{key}' of the loss '{loss.kind}': {first['msg']}, got {first['input']!r:.80}"


def _nearest(word: str, known: Mapping[str, object]) -> str:
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.3)
    return f"; did you mean '{found[0]}'?" if found else ""
