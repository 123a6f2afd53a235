"""`shelfwise train`: learns a catalog's categories and writes a model folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Names, Profiled, Quiet, profiling
from shelfwise.commands.options.desk import DecisionFiles
from shelfwise.commands.options.learning import TRAINING, Learning
from shelfwise.commands.options.routing import Routing
from shelfwise.commands.options.web_images import WebImages
from shelfwise.commands.outputs import check_outputs, outputs
from shelfwise.commands.training_summary import training_rows
from shelfwise.terminal import reporting, table

if TYPE_CHECKING:
    from shelfwise.learning.unfinished import Unfinished
    from shelfwise.progress import Reporter
    from shelfwise.training.ranks import Ranks

Output = Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="The model folder to write.")]
Validation = Annotated[
    Names,
    typer.Option("--validation", metavar="CATALOG...", help="Products to choose and calibrate on."),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Begin anew, also where an interrupted training could be gone on with."),
]


class TrainCommand(TyperCommand):
    """Lets ``--validation`` take all names up to the next option, as a shell's glob gives them.

    With one name only, the glob's other files would be trained on.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """``args`` with a ``--validation`` before each of its names."""
        spelled: list[str] = []
        validating = False
        for arg in args:
            if arg.startswith("-") and arg != "-":
                validating = arg == "--validation"
            elif validating and spelled[-1] != "--validation":
                spelled.append("--validation")
            spelled.append(arg)
        return super().parse_args(ctx, spelled)


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command(cls=TrainCommand)(with_groups(train))


def train(
    *,
    catalogs: Catalogs,
    output: Output,
    learning: Annotated[Learning, Takes(*TRAINING)],
    routing: Routing,
    validation: Validation = None,
    decided: DecisionFiles,
    roles: CatalogRoles,
    web: WebImages,
    fresh: Fresh = False,
    profile: Profiled = False,
    quiet: Quiet = False,
) -> None:
    """Learn a catalog's categories and write a model folder."""
    declared = learning.declared()
    check_outputs(outputs(decided.conflicts), catalogs)
    declared = routing.laid_over(declared)

    from shelfwise.training.ranks import together  # needs PyTorch, which a wrong request need not wait for

    with (
        together() as ranks,
        reporting(quiet or not ranks.leads) as reporter,
        profiling(profile and ranks.leads) as measured,
    ):
        from shelfwise.categorizer import Categorizer

        replaces = _check_place(output)
        decisions = decided.read(declared)
        with _resumable(output, fresh, reporter, ranks) as work:
            # Web images are fetched into one store, by one process at a time.
            with ranks.one_first(), web.fetching(reporter) as images_first:
                catalog = images_first.inputs(roles.read(catalogs, reporter), declared.inputs)
                held_out = None
                if validation:
                    held_out = images_first.inputs(roles.read(validation, reporter), declared.inputs)
            model = Categorizer(declared).fit(
                catalog, validation=held_out, reporter=reporter, work=work, decisions=decisions
            )
            if work is not None:
                model.save(output)
                decided.write_conflicts(model.conflicts_)
                work.finish()
    if not ranks.leads:
        return
    place = f"{output} (took the place of an earlier model)" if replaces else str(output)
    print(table([*training_rows(model), ("model", place)]), end="")
    if measured is not None:
        from shelfwise.batch.profile_report import training_profile

        print(training_profile(measured, len(catalog)), end="")


def _check_place(output: Path) -> bool:
    """Whether the model will take an earlier one's place. Raises ShelfwiseError where it cannot be written there."""
    from shelfwise.batch.output import check_output_path
    from shelfwise.storage.model_folder import refuse_foreign_folder

    refuse_foreign_folder(output)
    replaces = output.is_dir() and any(output.iterdir())
    check_output_path(output.absolute().with_name("probe"))
    return replaces


@contextmanager
def _resumable(model: Path, fresh: bool, reporter: Reporter, ranks: Ranks) -> Iterator[Unfinished | None]:
    """Keeps what a training has finished beside the model folder, and says so where Ctrl-C ends it. Raises ModelFolderError.

    Of several processes that train together one keeps and writes; the others are given None.
    """
    if not ranks.leads:
        yield None
        return
    from shelfwise.learning.unfinished import Unfinished, unfinished_folder

    with Unfinished(unfinished_folder(model), reporter, fresh=fresh) as work:
        try:
            yield work
        except KeyboardInterrupt as error:
            if not work.holds_work:
                raise
            raise KeyboardInterrupt(
                f"interrupted; what was trained is kept in {work.folder}: the same command goes on from there"
            ) from error
