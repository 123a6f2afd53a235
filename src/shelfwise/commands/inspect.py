"""`shelfwise inspect`: what is in a catalog at once, and with `--doctor`, `--suspects` or `--against` what takes longer
to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shelfwise.commands import options as given
from shelfwise.terminal import reporting

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Reporter

Doctor = Annotated[
    bool,
    typer.Option(
        "--doctor", help="Also look for wrong labels, near-duplicates and categories that are alike."
    ),
]
Suspects = Annotated[
    Path | None,
    typer.Option(
        "--suspects", metavar="FILE", help="Write products whose label is probably wrong (.csv or .parquet)."
    ),
]
Against = Annotated[
    list[str] | None,
    typer.Option("--against", metavar="CATALOG", help="Another catalog, to compare the inputs with."),
]


def add_to(app: typer.Typer, command: Callable[[], str]) -> None:
    """Register the command; ``command`` says what was typed."""

    @app.command(cls=given.InspectCommand)
    def inspect(
        catalogs: given.Catalogs,
        target: given.Target = None,
        multilabel: given.Multilabel = False,
        separator: given.Separator = None,
        doctor: Doctor = False,
        suspects: Suspects = None,
        against: Against = None,
        inputs: given.Inputs = None,
        image_model: given.ImageModel = None,
        seed: given.Seed = None,
        report: given.InspectionReport = None,
        json: given.InspectionJson = None,
        images: given.Images = None,
        id: given.Id = None,
        text: given.Text = None,
        category: given.Category = None,
        number: given.Number = None,
        image: given.Image = None,
        group: given.Group = None,
        quiet: given.Quiet = False,
    ) -> None:
        """What is in a catalog, what is wrong with it, and what would be done with it."""
        given.check_outputs(given.outputs(report, json, suspects), [*catalogs, *(against or ())])
        roles = given.roles(images, id, text, category, number, image, group)
        if suspects is not None:
            _check_suspects(suspects)
        named: dict[str, Any] = {"target": target, "multilabel": multilabel, "separator": separator}
        with reporting(quiet) as reporter:
            from shelfwise.catalog.catalog import Catalog
            from shelfwise.evaluation.results import write_atomically

            with reporter.stage("reading the catalog", total=None) as stage:
                catalog = Catalog.read(*catalogs, **roles, progress=stage.advance)
            if doctor or suspects is not None or against:
                named |= {"inputs": inputs, "seed": seed, "image_model": image_model}
                found = _examined(
                    catalog, named, against, doctor or suspects is not None, suspects, command(), reporter
                )
            else:
                found = _inspected(catalog, named, reporter)
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


def _inspected(catalog: Catalog, named: dict[str, Any], reporter: Reporter) -> _Findings:
    from shelfwise.catalog.inspect import inspect_catalog

    target = named["target"]
    found = inspect_catalog(
        catalog,
        target=given.split_names([target] if target else None),
        multilabel=named["multilabel"],
        separator=named["separator"],
        reporter=reporter,
    )
    return _Findings(found.to_text(), lambda: found.model_dump_json(indent=1) + "\n", found.to_html)


def _examined(
    catalog: Catalog,
    named: dict[str, Any],
    against: list[str] | None,
    thorough: bool,
    suspects: Path | None,
    command: str,
    reporter: Reporter,
) -> _Findings:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.doctor.examination import examine
    from shelfwise.doctor.page import write_page
    from shelfwise.doctor.suspects_file import write_suspects
    from shelfwise.errors import TargetError
    from shelfwise.recipe import Recipe

    recipe = given.declare(Recipe(preset="fast"), **named)
    other = None
    if against:
        with reporter.stage("reading the other catalog", total=None) as stage:
            other = Catalog.read(*against, progress=stage.advance)
    examined = examine(catalog, recipe, thorough=thorough, against=other, reporter=reporter)
    found = examined.diagnosis
    if suspects is not None:
        if found.labels is None:
            raise TargetError(f"expected labels to judge for --suspects, but {'; '.join(found.skipped)}")
        target = found.inspection.target
        write_suspects(
            examined.suspects, suspects, multilabel=named["multilabel"] or bool(target and target.multilabel)
        )
    return _Findings(
        found.to_text(),
        lambda: found.model_dump_json(indent=1) + "\n",
        lambda: write_page(found, catalog, command=command),
    )


def _check_suspects(output: Path) -> None:
    from shelfwise.doctor.suspects_file import check_suspects_path

    check_suspects_path(output)
