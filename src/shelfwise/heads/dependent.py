"""What heads share whose levels depend on each other: the walk down the taxonomy, its training, and its decoding.

Level k is decided among the children that exist below the category before it, so the log-probability of a path is the sum of
those of its choices, and probabilities of paths sum to one.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, cast

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from shelfwise.heads.base import Head, HeadOptions, weighted_mean
from shelfwise.heads.choices import NONE, Choices
from shelfwise.heads.path_search import Found, greedy_and_beam, outcome_log_probabilities
from shelfwise.taxonomy.targets import PathTarget

_MOST_EXACT = 20_000_000
"""Up to this many multiplications a product every path is worked out; beyond, a beam: about 1 ms a product on one core."""
_SAMPLING_STEPS = 500
"""Scheduled sampling grows to its full share over this many training steps, while the levels learn to be worth following."""


class DependentOptions(HeadOptions):
    """What dependent heads have in common."""

    width: int = Field(default=256, ge=1, le=4096)
    """Length of the vector that the levels work on."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of it that is dropped in training before each level's softmax."""
    scheduled_sampling: float = Field(default=0.0, ge=0, le=1)
    """How often in training a level follows the head's own choice above it instead of the true one (Bengio et al. 2015)."""
    decode: Literal["exact", "beam", "greedy"] = "exact"
    """exact: every path gets its probability. beam: only the paths that a beam search finds do, the others share the rest.
    greedy: only the one that takes the most probable choice at each level."""
    beam_width: int = Field(default=5, ge=1, le=100)
    """Paths that the beam keeps at each level."""


class DependentHead(Head):
    """Levels decided one after the other. Scores are a vector [B, width]; ``start`` and ``enter`` say what a head makes of it.

    In training a level sees the true category above it (teacher forcing), or with ``scheduled_sampling`` now and then
    the head's own choice; where the true name is no choice below that, the level teaches nothing for that product.
    Where ``decode`` is exact and the taxonomy so large that working out every path would take longer than the network
    itself, the beam's paths are given.
    """

    choices: Choices

    def __init__(self, target: PathTarget, options: DependentOptions) -> None:
        super().__init__()
        self.choices = Choices(target)
        self.sampling, self.beam_width = options.scheduled_sampling, options.beam_width
        self.decode = options.decode
        self.n_outcomes = target.n_outcomes
        self.n_scores = self.width = options.width
        self.drop = nn.Dropout(options.dropout)
        self.output = nn.ModuleList(nn.Linear(options.width, size) for size in self.choices.level_sizes)
        self.own: nn.Parameter | None = None
        """A score per choice that does not depend on the product [choices], where a head has it."""
        self.steps_trained = 0

    @property
    @abstractmethod
    def cost_of_place(self) -> int:
        """Multiplications it takes to enter one place with one product."""

    @abstractmethod
    def start(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores [B, width] → what is carried down the taxonomy, [B, any]."""

    @abstractmethod
    def enter(
        self, level: int, carried: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What ``level`` is decided by, [M, width], and what is carried on, for ``places`` int64 [M] of that level."""

    def level_log_probabilities(
        self, level: int, vectors: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the level's names [M, names], -inf where a name is no choice, and the choices int64 [M, names]."""
        scores = self.output[level](self.drop(vectors))
        numbers = self.choices.choices_at(level, places)
        if self.own is not None:
            scores = scores + self.own[numbers.clamp_min(0)]
        return F.log_softmax(scores.masked_fill(numbers == NONE, -torch.inf), dim=1), numbers

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probabilities [B, outcomes]; what is decoded is the most probable."""
        affordable = len(self.choices.places) * self.cost_of_place <= _MOST_EXACT
        if self.decode == "exact" and affordable:
            return self.choices.sums_over_paths(self._all_choices(scores))
        return outcome_log_probabilities(self.search(scores), self.n_outcomes)

    def search(self, scores: torch.Tensor) -> Found:
        """The paths that decoding finds: the greedy one alone, or with it those of the beam."""
        return greedy_and_beam(self, scores, 1 if self.decode == "greedy" else self.beam_width)

    def _all_choices(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of every choice given its place, [B, choices]."""
        choices = self.choices
        carried = {0: self.start(scores)}
        found = []
        for level, places in enumerate(choices.places_of):
            output = cast(nn.Linear, self.output[level])
            reached: dict[int, torch.Tensor] = {}
            for place in places:
                where = torch.full((len(scores),), place, device=scores.device)
                vectors, onward = self.enter(level, carried[place], where)
                numbers = torch.tensor(choices.choices_of[place], device=scores.device)
                names = choices.name[numbers]
                mine = F.linear(self.drop(vectors), output.weight[names], output.bias[names])
                if self.own is not None:
                    mine = mine + self.own[numbers]
                found.append(F.log_softmax(mine, dim=1))
                reached |= {p: onward for p in choices.leads_to[numbers].tolist() if p != NONE}
            carried = reached
        return torch.cat(found, dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Sum of the levels' cross-entropies: the negative log-probability of the true path."""
        choices, sampling = self.choices, self._sampling_now()
        carried = self.start(scores)
        total = scores.new_zeros(len(scores))
        followed = choices.places_on[0][truth]
        for level in range(choices.depth):
            rows = torch.nonzero(choices.places_on[level][truth] != NONE)[:, 0]
            if not len(rows):
                break
            vectors, onward = self.enter(level, carried[rows], followed[rows])
            log_probabilities, numbers = self.level_log_probabilities(level, vectors, followed[rows])
            wanted = choices.names_on[level][truth[rows]]
            exists = numbers.gather(1, wanted[:, None])[:, 0] != NONE
            loss = F.nll_loss(log_probabilities, wanted.where(exists, -100), reduction="none")
            total = total.index_add(0, rows, loss)
            carried = onward if len(rows) == len(scores) else carried.index_copy(0, rows, onward)
            if level + 1 < choices.depth:
                followed = choices.places_on[level + 1][truth]
                if sampling:
                    chosen = numbers.gather(1, log_probabilities.argmax(1, keepdim=True))[:, 0]
                    own = choices.leads_to[chosen]
                    dares = (torch.rand(len(rows), device=scores.device) < sampling) & (own != NONE)
                    followed = followed.index_copy(0, rows, own.where(dares, followed[rows]))
        return weighted_mean(total, truth, weights)

    def _sampling_now(self) -> float:
        if not self.training or not self.sampling:
            return 0.0
        self.steps_trained += 1
        return self.sampling * min(1.0, self.steps_trained / _SAMPLING_STEPS)
