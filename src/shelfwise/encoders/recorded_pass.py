"""One forward pass of a network, recorded: which module was called with what, and what it gave, nested as the calls were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Step:
    """One module of a chain and how the network calls it; ``place`` is where the tensor goes.

    ``place`` is a position among ``args`` or a name among ``kwargs``; all other arguments are constants.
    """

    name: str
    module: nn.Module
    place: int | str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def call(self, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """The tensor that ``module``, this step's own or a copy of it, makes of ``x``."""
        args, kwargs = list(self.args), dict(self.kwargs)
        if isinstance(self.place, int):
            args[self.place] = x
        else:
            kwargs[self.place] = x
        found = main_tensor(module(*args, **kwargs))
        assert found is not None  # it was a tensor when the pass was recorded
        return found


@dataclass
class Call:
    """One recorded call of a module; tensors are kept so that none takes another's place in memory."""

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    start: int
    end: int = -1
    given: Any = None
    inside: list[Call] = field(default_factory=list)

    @property
    def tensor_places(self) -> list[int | str]:
        """Where tensors are among its arguments: positions and names."""
        values: list[tuple[int | str, Any]] = [*enumerate(self.args), *self.kwargs.items()]
        return [place for place, value in values if isinstance(value, torch.Tensor)]

    @property
    def taken(self) -> torch.Tensor | None:
        """The one tensor it was called with; None where there are none or several."""
        places = self.tensor_places
        if len(places) != 1:
            return None
        place = places[0]
        return self.args[place] if isinstance(place, int) else self.kwargs[place]

    def step(self) -> Step:
        """The same call for any tensor; of calls with one tensor alone."""
        (place,) = self.tensor_places
        args = tuple(None if isinstance(value, torch.Tensor) else value for value in self.args)
        kwargs = {key: value for key, value in self.kwargs.items() if not isinstance(value, torch.Tensor)}
        return Step(self.name, self.module, place, args, kwargs)


class Recorder:
    """Runs a model once and remembers every module's call, nested as they were."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._open: list[Call] = []
        self._calls = 0
        self.root: Call
        """The call of the model itself, with all others inside."""

    def run(self, **arguments: Any) -> Any:
        """What the model gives; its own call is then ``root``."""
        names = {module: name for name, module in self._model.named_modules()}
        handles = []
        for module in names:
            handles.append(
                module.register_forward_pre_hook(
                    lambda module, args, kwargs: self._enter(names[module], module, args, kwargs),
                    with_kwargs=True,
                )
            )
            handles.append(module.register_forward_hook(lambda module, args, given: self._leave(given)))
        try:
            return self._model(**arguments)
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        call = Call(name, module, args, kwargs, self._calls)
        self._calls += 1
        if self._open:
            self._open[-1].inside.append(call)
        else:
            self.root = call
        self._open.append(call)

    def _leave(self, given: Any) -> None:
        call = self._open.pop()
        call.given, call.end = given, self._calls


def all_calls(call: Call) -> list[Call]:
    """A call and all calls inside, in the order in which they began."""
    return [call, *(inner for one in call.inside for inner in all_calls(one))]


def main_tensor(given: Any) -> torch.Tensor | None:
    """A module's output, or the first part of one that has several."""
    if isinstance(given, torch.Tensor):
        return given
    if isinstance(given, tuple | list) or hasattr(given, "last_hidden_state"):
        first = given[0] if len(given) else None
        return first if isinstance(first, torch.Tensor) else None
    return None
