"""A group of options is one parameter to the command, and single options to whoever types."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from shelfwise.cli import app as whole_app
from shelfwise.commands.option_groups import Takes, with_groups

TO = Annotated[str, typer.Option("--to")]


@dataclasses.dataclass(frozen=True)
class Parcel:
    weight: Annotated[float, typer.Option("--weight", "-w", min=0)]
    colours: Annotated[list[str] | None, typer.Option("--colour")] = None


@dataclasses.dataclass(frozen=True)
class FragileParcel(Parcel):
    fragile: Annotated[bool, typer.Option("--fragile/--sturdy")] = False


def run(command: Callable[..., None], *args: str) -> str:
    """What a command prints, or the status it ends with."""
    app = typer.Typer()
    app.command()(with_groups(command))
    finished = CliRunner().invoke(app, list(args))
    return finished.output.strip() if finished.exit_code == 0 else f"status {finished.exit_code}"


def send(context: typer.Context, *, to: TO = "home", parcel: FragileParcel, copies: int = 1) -> None:
    """Send a parcel."""
    print(context.info_name, to, parcel, copies)


def test_a_group_is_put_together_of_what_was_typed() -> None:
    given = run(send, "--colour", "red", "-w", "2", "--copies", "3", "--fragile", "--colour", "blue")
    assert given == f"send home {FragileParcel(2.0, ['red', 'blue'], True)} 3"


def test_what_is_not_typed_has_the_groups_defaults() -> None:
    assert run(send, "--weight", "1") == f"send home {FragileParcel(1.0)} 1"


@pytest.mark.parametrize("args", [(), ("--weight", "-1"), ("--weight", "1", "--parcel", "x")])
def test_options_of_a_group_are_checked_like_others(args: tuple[str, ...]) -> None:
    assert run(send, *args) == "status 2"


def test_options_stand_where_their_group_stands() -> None:
    seen = with_groups(send)
    assert [*inspect.signature(seen).parameters] == [
        "context",
        "to",
        "weight",
        "colours",
        "fragile",
        "copies",
    ]
    assert (seen.__name__, seen.__doc__) == ("send", "Send a parcel.")


class TestTakes:
    def test_some_options_in_another_order_and_with_other_values(self) -> None:
        def post(
            parcel: Annotated[FragileParcel, Takes("fragile", "weight", colours=["grey"], weight=5.0)],
        ) -> None:
            print(parcel)

        assert [*inspect.signature(with_groups(post)).parameters] == ["fragile", "weight"]
        assert run(post) == str(FragileParcel(5.0, ["grey"]))
        assert run(post, "--weight", "6", "--fragile") == str(FragileParcel(6.0, ["grey"], True))
        assert run(post, "--colour", "red") == "status 2"

    def test_the_group_itself_stays_as_it_is(self) -> None:
        def post(parcel: Annotated[Parcel, Takes("weight", weight=5.0)]) -> None:
            print(parcel)

        assert run(post) == str(Parcel(5.0))
        assert run(send) == "status 2"

    @pytest.mark.parametrize("takes", [Takes("weight", "height"), Takes("weight", height=1)])
    def test_an_option_that_the_group_does_not_have(self, takes: Takes) -> None:
        def post(parcel) -> None:  # type: ignore[no-untyped-def]
            pass

        post.__annotations__["parcel"] = Annotated[Parcel, takes]
        with pytest.raises(TypeError, match="Parcel has no option height"):
            with_groups(post)


def test_two_options_of_one_name_are_refused() -> None:
    def post(parcel: Parcel, weight: float = 1.0) -> None:
        pass

    with pytest.raises(ValueError, match="weight"):
        with_groups(post)


def test_every_command_of_shelfwise_has_each_option_once() -> None:
    commands = [typer.main.get_command(whole_app)]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        spelled = [name for option in command.params for name in (*option.opts, *option.secondary_opts)]
        assert len(spelled) == len(set(spelled)), command.name
    assert len(commands) > 20
