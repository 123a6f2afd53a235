"""Finds where a pretrained image network can be cut in two, by watching it look at one picture.

Networks of the transformers library name and nest their parts differently, and none says what follows what. So one forward
pass is recorded: which module got which tensor and which it gave. A module whose parts hand a single tensor from one to the
next, from its own input to its own output, is taken apart into them, and they again; what adds a shortcut, branches or
computes between its parts stays whole. What comes out is a chain of steps, and between any two of them the network can be
cut. That the chain gives what the network gives is not assumed: it is run and compared, and a network for which it does
not is left in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from shelfwise.encoders.recorded_pass import Call, Recorder, Step, all_calls, main_tensor

_CLOSE = 1e-4  # of the largest feature: how far a chain's result may be from the network's own, by rounding


@dataclass(frozen=True)
class Layer:
    """One layer with weights that are multiplied (a convolution or a linear layer), in the order of the pass."""

    name: str
    start: int
    """When it is called: the number of calls that began before."""


@dataclass(frozen=True)
class Trunk:
    """A network as a chain of steps from pixels to its features.

    The last step's output is the features [B, width]. ``steps`` is a single step, the network itself, where it could not be
    taken apart (``whole``). ``first_calls``: when each step begins. ``layers``: its convolutions and linear layers, named
    as in the network, in the order in which they run. ``ends``: when the last call of every module that ran ended.
    """

    steps: tuple[Step, ...]
    first_calls: tuple[int, ...]
    layers: tuple[Layer, ...]
    ends: dict[nn.Module, int]
    whole: bool

    def first_trainable(self, count: int) -> int:
        """The call from which on parameters are trained, so that the last ``count`` layers are among them."""
        return self.layers[-count].start

    def cut_before(self, call: int) -> int:
        """How many steps lie wholly before ``call``: they can be run once and remembered."""
        return max(0, sum(start <= call for start in self.first_calls) - 1)

    def at_work(self, call: int) -> frozenset[nn.Module]:
        """The modules that are still running at ``call``, or begin then or later."""
        return frozenset(module for module, end in self.ends.items() if end > call)


def trace(
    model: nn.Module, features: Callable[[Any], torch.Tensor], pixels: torch.Tensor, **arguments: Any
) -> Trunk:
    """The chain of a network.

    ``model`` is called with ``pixel_values=pixels`` [3, 3, side, side] and ``arguments``; ``features`` makes
    [B, width] of what it returns. The pass over the first picture is recorded; a chain must make the right features of the
    two others, which so must not be empty or alike.
    """
    recorder = Recorder(model)
    first, others = pixels[:1], pixels[1:]
    with torch.no_grad():
        recorder.run(pixel_values=first, **arguments)
        wanted = features(model(pixel_values=others, **arguments))
        root = recorder.root
        layers = tuple(
            Layer(call.name, call.start) for call in all_calls(root) if isinstance(call.module, _MULTIPLYING)
        )
        ends: dict[nn.Module, int] = {}
        for call in all_calls(root):
            ends[call.module] = max(ends.get(call.module, -1), call.end)
        for chain in _candidates(root, first):
            if not _shared(chain) and _gives(wanted, chain, others):
                steps, starts = tuple(step for step, _ in chain), tuple(start for _, start in chain)
                return Trunk(steps, starts, layers, ends, whole=False)
    whole = Step("", _Whole(model, features), 0, (None,), dict(arguments))
    return Trunk((whole,), (0,), layers, ends, whole=True)


def run_steps(steps: Sequence[Step], modules: Sequence[nn.Module], x: torch.Tensor) -> torch.Tensor:
    """``x`` through the steps, each done by its module (the recorded one, or a copy that is being trained)."""
    for step, module in zip(steps, modules, strict=True):
        x = step.call(module, x)
    return x


class Reduce(nn.Module):
    """Many places or tokens as one vector: their mean, or the first one's, or all in a row."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, width, H, W] or [B, tokens, width] → [B, width]."""
        if self.way == "mean":
            return x.mean(dim=(2, 3)) if x.ndim == 4 else x.mean(dim=1)
        return x[:, 0] if self.way == "first" else x.flatten(1)


class _Whole(nn.Module):
    """A network that could not be taken apart, with what makes features of its output."""

    def __init__(self, network: nn.Module, features: Callable[[Any], torch.Tensor]) -> None:
        super().__init__()
        self.network = network
        self.features = features

    def forward(self, pixels: torch.Tensor, **arguments: Any) -> torch.Tensor:
        """Pixels [B, 3, side, side], prepared → [B, width]."""
        return self.features(self.network(pixel_values=pixels, **arguments))


_MULTIPLYING = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


_Chain = list[tuple[Step, int]]
"""Steps, each with the number of its call."""


def _candidates(root: Call, pixels: torch.Tensor) -> Iterator[_Chain]:
    """Chains that may make the features, to be tried in this order.

    The network's own parts as far as they follow one another, then a reduction, then what is left of its parts; some
    networks reduce before their last layer (ConvNeXt), and some have a last layer that is not wanted.
    """
    parts: list[_Chain] = []
    x: torch.Tensor | None = pixels
    for call in root.inside:
        given = main_tensor(call.given)
        if call.taken is not x or x is None or given is None:
            break
        parts.append(_apart(call, x, given))
        x = given
    left: _Chain = [(call.step(), call.start) for call in root.inside[len(parts) :] if call.taken is not None]
    for count in range(len(parts), 0, -1):
        head = [step for part in parts[:count] for step in part]
        for way in ("flatten", "mean", "first"):
            for tail in ([], left) if left and count == len(parts) else ([],):
                start = tail[0][1] if tail else root.end
                yield [*head, (Step(f"({way})", Reduce(way), 0, (None,)), start), *tail]


def _apart(call: Call, taken: torch.Tensor, wanted: torch.Tensor) -> _Chain:
    """A call taken apart as far as it goes; itself where something else happens inside than one part after another."""
    chain: _Chain = []
    x = taken
    for inner in call.inside:
        given = main_tensor(inner.given)
        if inner.taken is not x or given is None:
            return [(call.step(), call.start)]
        chain += _apart(inner, x, given)
        x = given
    return chain if chain and x is wanted else [(call.step(), call.start)]


def _gives(wanted: torch.Tensor, chain: _Chain, pixels: torch.Tensor) -> bool:
    """Whether a chain makes the features that the network itself makes."""
    steps = [step for step, _ in chain]
    try:
        found = run_steps(steps, [step.module for step in steps], pixels)
    except (RuntimeError, ValueError, TypeError, IndexError):  # shapes that do not fit: not this way
        return False
    if found.shape != wanted.shape:
        return False
    return bool((found - wanted).abs().max() <= _CLOSE * wanted.abs().max() + 1e-6)


def _shared(chain: _Chain) -> bool:
    """Whether two steps share parameters: those could not be frozen in one and trained in the other."""
    seen: set[int] = set()
    for step, _ in chain:
        mine = {id(parameter) for parameter in step.module.parameters()}
        if seen & mine:
            return True
        seen |= mine
    return False
