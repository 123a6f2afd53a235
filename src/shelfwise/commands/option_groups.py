"""A group of options as one parameter of a command.

Typer reads options from the signature of the function that is the command, one parameter an option. Options that several
commands share stand together in a frozen dataclass instead, with methods for what is done with them; its fields are annotated
as Typer's parameters are. A command has the dataclass as one parameter, and `with_groups` shows Typer its fields in that place.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints


class Takes:
    """Beside a group in an annotation: of its options the command takes these alone, in this order.

    ``values`` are of options taken or not, in place of the defaults that the group has for them:
    ``Annotated[Learning, Takes("target", "recipe", recipe="fast")]``.
    """

    def __init__(self, *names: str, **values: Any) -> None:
        self.names = names
        self.values = values


@dataclasses.dataclass(frozen=True)
class _Group:
    """How one parameter of a command is spread out, and put together again."""

    kind: type
    options: tuple[inspect.Parameter, ...]
    values: Mapping[str, Any]

    def made_of(self, given: Mapping[str, Any]) -> Any:
        """The group, of the values that Typer gives to all options of the command."""
        return self.kind(**{**self.values, **{option.name: given[option.name] for option in self.options}})


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` as Typer is to see it: in place of each parameter that is a dataclass, the dataclass's fields.

    Raises ValueError where two options have one name, TypeError where ``Takes`` names what the group does not have.
    """
    signature = inspect.signature(command, eval_str=True)
    own: list[str] = []
    groups: dict[str, _Group] = {}
    options: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        group = _group_of(parameter.annotation)
        if group is None:
            own.append(parameter.name)
            options.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            groups[parameter.name] = group
            options += group.options

    @functools.wraps(command)
    def run(**given: Any) -> None:
        whole = {name: group.made_of(given) for name, group in groups.items()}
        command(**{name: given[name] for name in own}, **whole)

    # Typer asks for both; what `wraps` has put there is the command's own.
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _group_of(annotation: Any) -> _Group | None:
    """How a parameter of this annotation is spread out; None where it is no group."""
    beside: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        beside = tuple(rest)
    if not (isinstance(annotation, type) and dataclasses.is_dataclass(annotation)):
        return None
    options = _options_of(annotation)
    takes = next((one for one in beside if isinstance(one, Takes)), Takes(*options))
    unknown = ({*takes.names} | {*takes.values}) - {*options}
    if unknown:
        raise TypeError(f"{annotation.__name__} has no option {', '.join(sorted(unknown))}")
    chosen = [options[name] for name in takes.names]
    return _Group(
        annotation,
        tuple(one.replace(default=takes.values.get(one.name, one.default)) for one in chosen),
        takes.values,
    )


@functools.cache
def _options_of(kind: type) -> dict[str, inspect.Parameter]:
    """A group's fields as parameters of a signature, by name."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        field.name: inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(kind)
    }
