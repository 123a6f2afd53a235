"""`shelfwise experiment …`: the papers' tables and figures on any catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shelfwise.commands.option_groups import Takes, with_groups
from shelfwise.commands.options.catalog import CatalogRoles, Catalogs
from shelfwise.commands.options.common import Quiet
from shelfwise.commands.options.learning import Learning
from shelfwise.commands.options.study import Experiment, Found, SizesStudy, Study
from shelfwise.commands.typed import typed
from shelfwise.errors import RecipeError

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.progress import Reporter
    from shelfwise.recipe import Recipe

_experiments = typer.Typer(
    help="The papers' tables and figures, on any catalog.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Policies = Annotated[
    list[str] | None,
    typer.Option("--policy", metavar="NAME|YAML", help="A further fusion policy to try; may be repeated."),
]
PathLearning = Annotated[
    Learning,
    Takes("target", "separator", "inputs", "threads", "image_model", "mask_labels", recipe="paper-b"),
]
"""Of experiments that only know paths, and have the paper's own recipe."""


def add_to(app: typer.Typer) -> None:
    """Have the command line know these commands."""
    _experiments.command()(with_groups(fusion))
    _experiments.command()(with_groups(inputs))
    _experiments.command()(with_groups(levels))
    _experiments.command("data-size")(with_groups(data_size))
    app.add_typer(_experiments, name="experiment")


def fusion(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    learning: Annotated[
        Learning,
        Takes(
            *("target", "multilabel", "separator", "inputs", "recipe", "min_products", "seed", "image_model"),
            recipe="paper-a",
        ),
    ],
    study: Study,
    policy: Policies = None,
    roles: CatalogRoles,
    quiet: Quiet = False,
) -> None:
    """Each input's classifier alone, and every way to fuse them late (Wirojwatanakul & Wangperawong 2019)."""
    specs = [read_policy(one) for one in policy or ()]

    def experiment(catalog: Catalog, tested: Catalog | None, recipe: Recipe, reporter: Reporter) -> Found:
        from shelfwise.experiments.cache import ResultStore
        from shelfwise.experiments.fusion_page import lead, main_tables, write_fusion_page
        from shelfwise.experiments.fusion_study import run_fusion_study

        store = ResultStore(study.cache or study.output / "cache")
        done = run_fusion_study(catalog, tested, recipe, specs, store, reporter)
        return Found(main_tables(done), lead(done), write_fusion_page(done, study.output, typed(context)))

    study.run(experiment, catalogs, learning, roles, quiet)


def inputs(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    learning: PathLearning,
    study: SizesStudy,
    roles: CatalogRoles,
    quiet: Quiet = False,
) -> None:
    """What brand, text and image are worth for category paths, alone and together (Wang & Guthrie 2015, figures 2 and 3)."""
    study.run(_of_sizes("inputs", study, typed(context)), catalogs, learning, roles, quiet)


def levels(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    learning: PathLearning,
    study: SizesStudy,
    roles: CatalogRoles,
    quiet: Quiet = False,
) -> None:
    """Levels each for itself, one after the other, or as a tree; on words or sequences (Wang & Guthrie 2015, figures 4 and 5)."""
    study.run(_of_sizes("levels", study, typed(context)), catalogs, learning, roles, quiet)


def data_size(
    context: typer.Context,
    *,
    catalogs: Catalogs,
    learning: Annotated[
        Learning,
        Takes(
            *(
                "target",
                "multilabel",
                "separator",
                "inputs",
                "recipe",
                "threads",
                "image_model",
                "mask_labels",
            ),
            recipe="fast",
        ),
    ],
    study: Annotated[SizesStudy, Takes("output", "test", "products", "cache", "sizes", "seeds", "minutes")],
    roles: CatalogRoles,
    quiet: Quiet = False,
) -> None:
    """How errors fall with the number of labels, and what doubling it is expected to bring."""
    study.run(_of_sizes("data-size", study, typed(context)), catalogs, learning, roles, quiet)


def _of_sizes(name: Literal["inputs", "levels", "data-size"], study: SizesStudy, command: str) -> Experiment:
    """The experiment of that name, at training sizes as they are given."""

    def experiment(catalog: Catalog, tested: Catalog | None, recipe: Recipe, reporter: Reporter) -> Found:
        from shelfwise.experiments.study_commands import STUDIES

        done = STUDIES[name](catalog, tested, recipe, study.plan(command), reporter)
        return Found([done.table], done.lead, done.written, done.missing)

    return experiment


def read_policy(given_text: str) -> str | dict[str, Any]:
    """A policy from its name, or from a YAML mapping on one line. Raises RecipeError."""
    import yaml

    from shelfwise.fusion import build_policy

    try:
        spec = yaml.safe_load(given_text)
    except yaml.YAMLError as error:
        raise RecipeError(
            f"expected a policy's name or a mapping such as {{kind: policy_network, widths: [100]}}, got '{given_text}'"
        ) from error
    if not isinstance(spec, dict) or not isinstance(spec.get("kind"), str):
        spec = given_text
    build_policy(spec, exclusive=False)
    return spec
