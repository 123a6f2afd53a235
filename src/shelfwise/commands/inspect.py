"""`shelfwise inspect`: what is in a catalog at once, and with `--doctor`, `--suspects` or `--against` what takes longer
to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Quiet, split_names
from shelfwise.commands.options.learning import Learning
from shelfwise.commands.outputs import check_outputs, outputs
from shelfwise.commands.typed import typed
from shelfwise.terminal import reporting

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Reporter

Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write a page (FILE.html) or the text (FILE.txt)."),
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="[FILE.json]", help="JSON, to a file or in place of the text.")
]


@dataclass(frozen=True)
class Examination:
    """What is looked for beside what is found at once."""

    doctor: Annotated[
        bool,
        typer.Option(
            "--doctor", help="Also look for wrong labels, near-duplicates and categories that are alike."
        ),
    ] = False
    suspects: Annotated[
        Path | None,
        typer.Option(
            "--suspects",
            metavar="FILE",
            help="Write products whose label is probably wrong (.csv or .parquet).",
        ),
    ] = None
    against: Annotated[
        list[str] | None,
        typer.Option("--against", metavar="CATALOG", help="Another catalog, to compare the inputs with."),
    ] = None

    @property
    def thorough(self) -> bool:
        """Whether labels are to be judged."""
        return self.doctor or self.suspects is not None

    def check(self) -> None:
        """Refuse, before any work, a file of suspects that cannot be written. Raises ShelfwiseError."""
        if self.suspects is not None:
            from shelfwise.doctor.suspects_file import check_suspects_path

            check_suspects_path(self.suspects)


class InspectCommand(TyperCommand):
    """Lets ``--json`` stand alone, for stdout, wherever it is put.

    What follows it is its file only where that ends in .json; else ``--json catalog.csv`` would write over a
    catalog.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """``args`` with a ``-`` behind each ``--json`` that stands alone."""
        spelled: list[str] = []
        for position, arg in enumerate(args):
            spelled.append(arg)
            following = args[position + 1] if position + 1 < len(args) else ""
            if arg == "--json" and following != "-" and not following.lower().endswith(".json"):
                spelled.append("-")
        return super().parse_args(ctx, spelled)


def add_to(app: typer.Typer) -> None:
    """Have the command line know this command."""
    app.command(cls=InspectCommand)(with_groups(inspect))


def inspect(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    learning: Annotated[
        Learning, Takes("target", "multilabel", "separator", "inputs", "image_model", "seed")
    ],
    examination: Examination,
    report: Report = None,
    json: Json = None,
    roles: CatalogRoles,
    quiet: Quiet = False,
) -> None:
    """What is in a catalog, what is wrong with it, and what would be done with it."""
    against = examination.against or []
    check_outputs(outputs(report, json, examination.suspects), [*catalogs, *against])
    examination.check()
    with reporting(quiet) as reporter:
        from shelfwise.evaluation.results import write_atomically

        catalog = roles.read(catalogs, reporter)
        if examination.thorough or against:
            found = _examined(catalog, learning, examination, typed(context), reporter)
        else:
            found = _inspected(catalog, learning, reporter)
        if report is not None:
            write_atomically(report, found.text if report.suffix == ".txt" else found.page())
        if json and json != "-":
            write_atomically(Path(json), found.json())
    print(found.json() if json == "-" else found.text, end="")


@dataclass(frozen=True)
class _Findings:
    """What is shown of either kind of examination."""

    text: str
    json: Callable[[], str]
    page: Callable[[], str]


def _inspected(catalog: Catalog, learning: Learning, reporter: Reporter) -> _Findings:
    from shelfwise.catalog.inspect import inspect_catalog

    found = inspect_catalog(
        catalog,
        target=split_names([learning.target] if learning.target else None),
        multilabel=learning.multilabel,
        separator=learning.separator,
        reporter=reporter,
    )
    return _Findings(found.to_text(), lambda: found.model_dump_json(indent=1) + "\n", found.to_html)


def _examined(
    catalog: Catalog, learning: Learning, examination: Examination, command: str, reporter: Reporter
) -> _Findings:
    from shelfwise.doctor.examination import examine
    from shelfwise.doctor.page import write_page
    from shelfwise.doctor.suspects_file import write_suspects
    from shelfwise.errors import TargetError
    from shelfwise.recipe import Recipe

    recipe = learning.laid_over(Recipe(preset="fast"))
    other = None
    if examination.against:
        other = CatalogRoles().read(examination.against, reporter, "reading the other catalog")
    examined = examine(catalog, recipe, thorough=examination.thorough, against=other, reporter=reporter)
    found = examined.diagnosis
    if examination.suspects is not None:
        if found.labels is None:
            raise TargetError(f"expected labels to judge for --suspects, but {'; '.join(found.skipped)}")
        target = found.inspection.target
        multilabel = learning.multilabel or bool(target and target.multilabel)
        write_suspects(examined.suspects, examination.suspects, ids=catalog.ids, multilabel=multilabel)
    return _Findings(
        found.to_text(),
        lambda: found.model_dump_json(indent=1) + "\n",
        lambda: write_page(found, catalog, command=command),
    )
