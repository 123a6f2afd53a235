"""Finds probable paths level by level where working out all of them would cost too much: greedily, and by a beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from shelfwise.heads.choices import NONE, Choices


class Levels(Protocol):
    """What is searched: levels that depend on the choices above them (see ``DependentHead``)."""

    choices: Choices

    def start(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores [B, width] → what is carried down the taxonomy, [B, any]."""
        ...

    def enter(
        self, level: int, carried: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What ``level`` is decided by, [M, width], and what is carried on, for ``places`` int64 [M] of that level."""
        ...

    def level_log_probabilities(
        self, level: int, vectors: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the level's names [M, names], -inf where one is no choice, and the choices int64 [M, names]."""
        ...


@dataclass(frozen=True)
class Found:
    """K paths a product: ``outcomes`` int64 [B, K] and their log-probabilities [B, K], -inf where there are fewer than K.

    The most probable stands first; one outcome may stand there twice.
    """

    outcomes: torch.Tensor
    log_probabilities: torch.Tensor


def beam_search(levels: Levels, scores: torch.Tensor, width: int) -> Found:
    """The paths that are left when at every level only the ``width`` best beginnings are kept.

    Beginnings are ranked by the sum of the log-probabilities of their choices; one that has stopped stays in the race. A
    width of 1 takes the best choice at every level (greedy).
    """
    choices = levels.choices
    count = len(scores)
    carried = levels.start(scores)
    # [B, K] each: where a beginning stands (NONE: it has ended), where it ended, and how probable it is.
    place = torch.zeros(count, 1, dtype=torch.int64, device=scores.device)
    ended = torch.full_like(place, NONE)
    total = scores.new_zeros(count, 1)
    for level, places in enumerate(choices.places_of):
        kept = place.shape[1]
        where = place.where(place != NONE, places.start).flatten()
        vectors, onward = levels.enter(level, carried, where)
        found, numbers = levels.level_log_probabilities(level, vectors, where)
        names = found.shape[1]
        longer = total[:, :, None] + found.view(count, kept, names)
        longer = longer.masked_fill((place == NONE)[:, :, None], -torch.inf)
        stays = total.masked_fill(place != NONE, -torch.inf)
        candidates = torch.cat([longer.flatten(1), stays], dim=1)
        total, best = candidates.topk(min(width, candidates.shape[1]), dim=1)
        number = numbers.view(count, -1).gather(1, best.clamp_max(kept * names - 1))
        from_here = best < kept * names
        before = torch.where(from_here, best // names, best - kept * names)
        # A beginning that is not possible (-inf) counts as ended, so that it is never asked for a place.
        chosen = from_here & (number != NONE) & (total > -torch.inf)
        number = number.clamp_min(0)
        place = torch.where(chosen, choices.leads_to[number], NONE)
        ended = torch.where(chosen, choices.ends_at[number], ended.gather(1, before))
        rows = (before + kept * torch.arange(count, device=scores.device)[:, None]).flatten()
        carried = onward[rows]
    possible = (total > -torch.inf) & (ended != NONE)
    return Found(ended.clamp_min(0), total.masked_fill(~possible, -torch.inf))


def greedy_and_beam(levels: Levels, scores: torch.Tensor, width: int) -> Found:
    """The beam's paths and the greedy one: a beam alone may lose it on the way and end with something less probable."""
    greedy = beam_search(levels, scores, 1)
    if width == 1:
        return greedy
    beam = beam_search(levels, scores, width)
    total, order = torch.cat([beam.log_probabilities, greedy.log_probabilities], dim=1).sort(
        dim=1, descending=True, stable=True
    )
    return Found(torch.cat([beam.outcomes, greedy.outcomes], dim=1).gather(1, order), total)


def outcome_log_probabilities(found: Found, n_outcomes: int) -> torch.Tensor:
    """[B, outcomes]: what was found as it was found; the others share what is left evenly, but at most half of the least found.

    So the answer is the best path found, and the rows still sum to one.
    """
    total = found.log_probabilities
    logits = total.new_full((len(total), n_outcomes), -torch.inf)
    logits = logits.scatter_reduce(1, found.outcomes, total, "amax")
    known = logits > -torch.inf
    left = (1 - logits.exp().sum(1, keepdim=True)).clamp_min(torch.finfo(total.dtype).tiny)
    others = (n_outcomes - known.sum(1, keepdim=True)).clamp_min(1)
    least = logits.masked_fill(~known, torch.inf).amin(1, keepdim=True)
    share = torch.minimum(left.log() - others.log(), least - 0.6931471805599453)
    return torch.where(known, logits, share).log_softmax(1)
