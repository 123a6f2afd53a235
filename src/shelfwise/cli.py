"""The command line: puts the commands together, and turns what went wrong into one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from shelfwise.commands import (
    api_key,
    caches,
    decisions,
    demo,
    evaluate,
    experiments,
    export,
    features,
    fetch,
    inspect,
    next_labels,
    predict,
    review,
    rules,
    search,
    serve,
    train,
)
from shelfwise.commands.orderly_end import orderly_end
from shelfwise.errors import ShelfwiseError

BROKEN_PIPE_STATUS = 141
"""What shells report for a program whose reader went away (128 + SIGPIPE)."""


class _Shelfwise(TyperGroup):
    """Turns what went wrong into one line on stderr and the exit status that is promised."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises typer.Exit with the status."""
        with orderly_end() as ending:
            try:
                return self._invoke(ctx)
            except KeyboardInterrupt as error:
                _complain(str(error) or "interrupted; files already finished are kept")
                raise typer.Exit(ending.status) from error

    def _invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except ShelfwiseError as error:
            _complain(str(error))
            raise typer.Exit(1) from error
        except BrokenPipeError as error:
            # Whoever read the output has gone; Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE_STATUS) from error
        except OSError as error:
            from shelfwise.batch.output import explain_os_error

            _complain(explain_os_error(error))
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Shelfwise,
    help="Every product on the right shelf, and a person asked only where it matters.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of the help: from a first look to products on their shelves, then what makes that better, then programs.
for _command in (
    *(demo, inspect, train, evaluate, predict),
    *(review, decisions, rules, next_labels, search, fetch, features),
    *(serve, api_key, export, experiments, caches),
):
    _command.add_to(app)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status: 0 done, 1 wrong data or request, 2 usage, 130 interrupted by Ctrl-C,
    143 by SIGTERM, 129 by SIGHUP."""
    typed = sys.argv[1:] if argv is None else list(argv)
    # The root context keeps what was typed (`commands/typed.py`).
    app(args=typed, prog_name="shelfwise", obj=typed)
    sys.exit(0)


def _complain(message: str) -> None:
    print("shelfwise: " + " ".join(message.split()), file=sys.stderr)


def _show_version(wanted: bool) -> None:
    if wanted:
        from shelfwise import __version__

        print("shelfwise", __version__)
        raise typer.Exit


@app.callback()
def _shelfwise(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass
