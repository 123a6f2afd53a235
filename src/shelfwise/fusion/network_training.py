"""How a policy network learns: several members side by side, each watched on whole groups that it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from shelfwise.fusion.base import CROSS_FIT_FOLDS, HeldOut, deal_groups
from shelfwise.fusion.features import Columns
from shelfwise.precision import computing_in, precision
from shelfwise.training.dropout import Dropout

Layer = tuple[np.ndarray, np.ndarray]
"""A layer's weights float32 [in, out] and bias float32 [out]."""

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
_MOST_STEPS = 400
"""Steps a member; on large catalogs fewer epochs are taken. On Myntra 400 fuse as well as 600, in two thirds of the time."""
_LOOK_AT_ONCE = 2_048
_LARGEST_GRADIENT = 5.0


@dataclass(frozen=True)
class Plan:
    """A network and how it is trained. ``activations`` has one name a hidden layer; ``pool`` the weights [classifiers] and the
    bias of the opinion pool whose logits the network corrects, None where it speaks for itself."""

    widths: Sequence[int]
    activations: Sequence[str]
    pool: tuple[np.ndarray, float] | None
    learning_rate: float
    weight_decay: float
    dropout: float
    hide_inputs: float
    epochs: int
    batch: int
    patience: int
    members: int


def folds_of(members: int) -> int:
    """Into how many folds products are dealt: a single member still learns from three quarters of them."""
    return max(members, CROSS_FIT_FOLDS)


def train_members(
    plan: Plan, held: HeldOut, columns: Columns, exclusive: bool, seed: int
) -> list[list[Layer]]:
    """The layers of every member, or no members where none of them would better the pool.

    Products are dealt into folds by group, and member m learns from all but fold m. All are stopped at the one epoch at which
    they are best, together, on what each did not see: measured by the Brier score, which unlike the log-loss does not let a few
    surprises outweigh many products that are right. Whole inputs are hidden at random, of products learned from and watched.
    """
    fold = deal_groups(held.groups, folds_of(plan.members), seed)
    data = _Data(plan, held, columns, exclusive)
    with torch.random.fork_rng(devices=[]):
        members = [
            _Member(data, np.flatnonzero(fold != which), np.flatnonzero(fold == which), [seed, which])
            for which in range(plan.members)
        ]
        if not all(len(member.learns) and len(member.watches) for member in members):
            return []
        return _train_together(plan, members)


def _train_together(plan: Plan, members: list[_Member]) -> list[list[Layer]]:
    if not members:
        return []
    watched = sum(len(member.watches) for member in members)

    def brier() -> float:
        return sum(member.brier() for member in members) / watched

    best, best_epoch = math.inf, 0
    if plan.pool is not None:
        best = brier()  # untrained, the correction is zero
    kept: list[list[Layer]] = []
    steps_an_epoch = math.ceil(max(len(member.learns) for member in members) / plan.batch)
    for epoch in range(min(plan.epochs, math.ceil(_MOST_STEPS / steps_an_epoch))):
        for member in members:
            member.learn(epoch)
        score = brier()
        if score < best:
            best, best_epoch, kept = score, epoch + 1, [member.layers() for member in members]
        elif epoch + 1 - best_epoch >= plan.patience:
            break
    return kept


class _Data:
    """The products as tensors."""

    def __init__(self, plan: Plan, held: HeldOut, columns: Columns, exclusive: bool) -> None:
        self.plan, self.exclusive = plan, exclusive
        self.numbers = precision()
        self.classifiers, self.outcomes = held.classifiers, held.outcomes
        self.width = columns.width
        self.values = torch.from_numpy(columns.values)
        self.places = None if columns.places is None else torch.from_numpy(columns.places)
        self.logits = torch.from_numpy(held.logits)
        self.present = torch.from_numpy(held.present.T.copy())
        self.truth = torch.from_numpy(held.truth if exclusive else held.truth.astype(np.float32))

    def pooled(self, rows: torch.Tensor, present: torch.Tensor) -> torch.Tensor | float:
        """[B, outcomes]: the opinion pool's logits of those ``present`` bool [B, classifiers]; 0 where there is no pool."""
        if self.plan.pool is None:
            return 0.0
        weights = torch.from_numpy(self.plan.pool[0]).float()
        shares = weights * present
        shares = shares / shares.sum(1, keepdim=True) * weights.sum()
        pooled = torch.full((len(rows), self.outcomes), float(self.plan.pool[1]))
        for share, said in zip(shares.T, self.logits, strict=True):
            pooled.addcmul_(share[:, None], said.index_select(0, rows).float())
        return pooled


class _Network(nn.Module):
    """columns and presence → [B, outcomes]. The first layer takes all columns or only those kept, with the same weights."""

    def __init__(self, plan: Plan, width: int, classifiers: int, outcomes: int) -> None:
        super().__init__()
        self.classifiers, self.columns = classifiers, width
        sizes = [width + classifiers, *plan.widths, outcomes]
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.activations = nn.ModuleList(_ACTIVATIONS[name]() for name in plan.activations)
        self.drop = Dropout(plan.dropout)
        if plan.pool is not None:
            last = self.linear[-1]
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self, values: torch.Tensor, places: torch.Tensor | None, present: torch.Tensor
    ) -> torch.Tensor:
        values = (values.view(len(values), self.classifiers, -1) * present[:, :, None]).flatten(1)
        first = self.linear[0]
        assert isinstance(first, nn.Linear)
        if places is None:
            hidden = first(torch.cat([values, present.float()], dim=1))
        else:
            table = first.weight.T
            summed = F.embedding_bag(places, table[: self.columns], per_sample_weights=values, mode="sum")
            hidden = summed + present.float() @ table[self.columns :] + first.bias
        for activation, layer in zip(self.activations, list(self.linear)[1:], strict=True):
            hidden = layer(self.drop(activation(hidden)))
        return hidden


class _Member:
    """One network: the products it learns from, and those it is watched on."""

    def __init__(self, data: _Data, learns: np.ndarray, watches: np.ndarray, seed: Sequence[int]) -> None:
        self.data, self.plan, self.seed = data, data.plan, seed
        self.learns, self.watches = torch.from_numpy(learns), torch.from_numpy(watches)
        torch.manual_seed(_mix(*seed))
        self.network = _Network(data.plan, data.width, data.classifiers, data.outcomes)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=self.plan.learning_rate,
            weight_decay=self.plan.weight_decay,
            fused=True,
        )
        self.watched_present = self._hide(data.present[self.watches])

    def _hide(self, present: torch.Tensor) -> torch.Tensor:
        """``present`` [B, classifiers] without some at random; at least one is left to each product."""
        left = present & (torch.rand(present.shape) >= self.plan.hide_inputs)
        return torch.where(left.any(1, keepdim=True), left, present)

    def _fused(self, rows: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        data = self.data
        places = None if data.places is None else data.places.index_select(0, rows)
        with computing_in(data.numbers):
            said = self.network(data.values.index_select(0, rows), places, present)
        return said.float() + data.pooled(rows, present)

    def learn(self, epoch: int) -> None:
        """One epoch; what is random in it comes from the seed and the epoch alone."""
        torch.manual_seed(_mix(*self.seed, epoch))
        self.network.train()
        for rows in self.learns[torch.randperm(len(self.learns))].split(self.plan.batch):
            fused = self._fused(rows, self._hide(self.data.present[rows]))
            truth = self.data.truth[rows]
            if self.data.exclusive:
                loss = F.cross_entropy(fused, truth)
            else:
                loss = F.binary_cross_entropy_with_logits(fused, truth, reduction="none").sum(1).mean()
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
            self.optimizer.step()

    @torch.inference_mode()
    def brier(self) -> float:
        """The sum over watched products of the squared distance of probabilities and truth (Brier 1950)."""
        self.network.eval()
        total = 0.0
        for block in torch.arange(len(self.watches)).split(_LOOK_AT_ONCE):
            rows = self.watches[block]
            fused = self._fused(rows, self.watched_present[block])
            if self.data.exclusive:
                off = fused.softmax(1)
                off[torch.arange(len(rows)), self.data.truth[rows]] -= 1
            else:
                off = fused.sigmoid() - self.data.truth[rows]
            total += float(off.square().sum())
        return total

    def layers(self) -> list[Layer]:
        """A copy of the layers as they are."""
        found = []
        for layer in self.network.linear:
            assert isinstance(layer, nn.Linear)
            found.append((layer.weight.detach().T.numpy().copy(), layer.bias.detach().numpy().copy()))
        return found


def _mix(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
