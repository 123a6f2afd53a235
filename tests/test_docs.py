"""The docs say what is so: their commands parse, their Python runs, their recipes load, their links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import typer
import yaml

from shelfwise.cli import app
from shelfwise.demo import StoreFiles
from shelfwise.encoders.registry import build_encoder
from shelfwise.fusion import build_policy
from shelfwise.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "shelfwise"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
PAGES += [ROOT / folder / "README.md" for folder in ("benchmarks", "examples")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
RUNNABLE = "<!-- runnable -->"
OTHER_COMMANDS = frozenset({".", "cd", "cp", "pip"})
"""What a shell block may call besides shelfwise, make and python."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<img\s[^>]*src=\"([^\"]+)\"")
_SOURCE_FILE = re.compile(r"`([\w/.-]+\.py)`")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    runnable: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found.group(1),
            found.group(2),
            text[: found.start()].rstrip().endswith(RUNNABLE),
        )
        for found in _FENCE.finditer(text)
    ]


def prose_of(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def every(language: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.language == language]


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("block", every("sh"), ids=str)
def test_shell_commands_are_understood(block: Block) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in block.text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "torchrun":  # shelfwise under PyTorch's launcher, whose own options are not checked
            words = words[words.index("shelfwise") :]
        program, *arguments = words
        if program == "shelfwise":
            command = commands[arguments[0]]
            # Parses as a run would, and raises for an unknown option or a missing argument.
            command.make_context(f"shelfwise {arguments[0]}", arguments[1:])
        elif program == "make":
            assert re.search(rf"^{re.escape(arguments[0])}:", makefile, re.MULTILINE), line
        elif program == "python":
            assert (ROOT / arguments[0]).is_file(), line
        else:
            assert program in OTHER_COMMANDS, f"{line}: neither checked here nor known to be safe"


def test_unknown_options_would_be_noticed() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="No such option"):
        command.make_context("shelfwise train", ["catalog.csv", "--targets", "category", "-o", "model"])


@pytest.mark.parametrize("block", every("python"), ids=str)
def test_python_compiles(block: Block) -> None:
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(block.runnable for block in blocks_of(page))], ids=lambda p: p.name
)
def test_runnable_python_runs(
    page: Path,
    store: StoreFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Blocks of a page run one after the other, in a folder with the made-up store's files."""
    for file in (store.catalog, store.held_out, store.new_products):
        shutil.copy(file, tmp_path / file.name)
    (tmp_path / "images").symlink_to(store.images, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__docs__"}
    for block in blocks_of(page):
        if block.runnable:
            exec(compile(block.text, str(block), "exec"), names)
    assert capsys.readouterr().out


@pytest.mark.parametrize("block", every("yaml"), ids=str)
def test_recipes_load(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(block.text, encoding="utf-8")
    recipe = Recipe.read(file)
    assert yaml.safe_load(block.text)
    known = {one.name for one in recipe.inputs}
    for one in recipe.inputs:
        if one.encoder is not None:
            build_encoder(one.encoder["kind"], {k: v for k, v in one.encoder.items() if k != "kind"})
    for classifier in recipe.classifiers:
        assert set(classifier.inputs) <= known
    for policy in recipe.fusion.policies:
        build_policy(policy, exclusive=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for found in _LINK.finditer(prose_of(page)):
        target = found.group(1) or found.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{target} is not there"
        assert ROOT in linked.parents, f"{target} leads out of the repository"
        if anchor:
            assert anchor in anchors_of(linked), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("[a-z]*/**/*.py")}
    for name in _SOURCE_FILE.findall(page.read_text(encoding="utf-8")):
        assert any(f"/{file}".endswith(f"/{name}") for file in files), f"{name} is not in the repository"


def test_pages_fit_their_purpose() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 170
    for picture in (ROOT / "docs" / "pictures").iterdir():
        assert picture.stat().st_size < 400_000, f"{picture.name} is too heavy for a page"


class TestFloors:
    """What docs/architecture.md says of imports: only downhill, and never in a circle."""

    def test_every_part_of_the_package_has_its_floor(self) -> None:
        parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
        assert set(floors()) == parts - {"__init__", "__pycache__"}

    def test_imports_lead_downhill(self) -> None:
        floor_of = floors()
        uphill = [
            f"{importer} imports {imported}"
            for importer, found in imports().items()
            for imported in found
            if floor_of[part_of(imported)] > floor_of[part_of(importer)]
        ]
        assert not uphill

    def test_loading_never_goes_in_a_circle(self) -> None:
        TopologicalSorter(imports(loading=True)).prepare()  # raises CycleError, which names the circle


def floors() -> dict[str, int]:
    """Part of the package → floor, as docs/architecture.md lists them."""
    listed = [block for block in blocks_of(ROOT / "docs" / "architecture.md") if block.language == "floors"]
    assert len(listed) == 1
    rows = [line.split() for line in listed[0].text.splitlines()]
    return {name: int(row[0]) for row in rows for name in row[1:]}


def part_of(module: str) -> str:
    """The room, or the file, that a module of the package belongs to: its second name."""
    return module.split(".")[1]


def imports(loading: bool = False) -> dict[str, set[str]]:
    """Module → modules of the package that it imports when it runs; with ``loading``, outside functions only.

    What is imported for annotations alone does not count.
    """
    modules = {
        "shelfwise." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        left_out = {
            id(node)
            for branch in ast.walk(tree)
            if is_for_types(branch) or (loading and isinstance(branch, ast.FunctionDef))
            for node in ast.walk(branch)
        }
        found[module] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and id(node) not in left_out:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                found[module] |= {name for name in names if name in modules}
    return found


def is_for_types(node: ast.AST) -> bool:
    """Whether it is an ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
