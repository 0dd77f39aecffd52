"""Who may import whom, and where a commit may stand: the direction of the program, read from its syntax trees."""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("routing", "payouts", "marketplace")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# The pure core decides from what it is given: no server, no network, no clock, no chance of its own.
CORE_LIBRARIES = {"numpy", "scipy", "marshmallow", "shapely", "pycocotools"}
MONEY_LIBRARIES = {"sqlalchemy"}
OUTSIDE_WORLD = {"socket", "http", "urllib", "subprocess", "asyncio", "random", "time", "secrets", "threading"}

# A stage imports only the stage that it hands over to; `sweep` hands forgotten rows to any of them.
HANDS_OVER = {
    "intake": {"ingest", "split"},
    "ingest": {"prelabel", "split"},
    "prelabel": {"split"},
    "split": {"dispatch"},
    "dispatch": {"submit"},
    "submit": {"resolve"},
    "review": {"resolve"},
    "resolve": {"assemble"},
    "assemble": set(),
    "deliver": set(),
    "settle": set(),
    "refit": {"resolve"},
    "gold": {"resolve"},
}
SWEEP = "sweep"
# How a task ends is common to the stages that can end it.
SHARED = {"closing": {"deliver"}}

# The unit of work, and a lock whose connection must not keep a transaction open.
MAY_COMMIT = {"marketplace/db.py", "marketplace/schedule.py"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever the import stands; `from a import b` counts as a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(package: str) -> list[Path]:
    return [path for path in FILES if path.is_relative_to(ROOT / package)]


def imported_packages(package: str) -> dict[str, set[str]]:
    return {name_of(path): {name.split(".")[0] for name in imports(path)} for path in files_of(package)}


@pytest.mark.parametrize(("package", "libraries"), [("routing", CORE_LIBRARIES), ("payouts", MONEY_LIBRARIES)])
def test_the_core_and_the_money_import_the_standard_library_and_little_else(package: str, libraries: set[str]) -> None:
    for path, names in imported_packages(package).items():
        allowed = set(sys.stdlib_module_names) | libraries | {package}
        if path == "payouts/stripe_gateway.py":
            allowed |= {"stripe"}
        assert names <= allowed, f"{path} imports {sorted(names - allowed)}"


def test_the_core_touches_nothing_outside() -> None:
    for path, names in imported_packages("routing").items():
        assert not names & OUTSIDE_WORLD, f"{path} imports {sorted(names & OUTSIDE_WORLD)}"


def test_the_core_is_told_the_time_and_the_chance() -> None:
    for path in files_of("routing"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            called = ast.unparse(node)
            is_clock = node.attr in {"now", "utcnow", "today"} and called.startswith(("datetime", "date."))
            is_chance = called.startswith(("np.random.", "numpy.random.")) and node.attr != "Generator"
            assert not is_clock and not is_chance, f"{name_of(path)}:{node.lineno} uses {called}"


def test_only_the_gateway_knows_stripe() -> None:
    found = {name_of(path) for path in FILES if any(name.split(".")[0] == "stripe" for name in imports(path))}
    assert found <= {"payouts/stripe_gateway.py"}


@pytest.mark.parametrize(
    ("below", "above"),
    [
        ("marketplace/db.py", ("marketplace.models", "marketplace.pipeline", "marketplace.api", "marketplace.pages")),
        ("marketplace/models", ("marketplace.pipeline", "marketplace.api", "marketplace.pages", "routing", "payouts")),
        ("marketplace/schemas", ("marketplace.db", "sqlalchemy", "marketplace.pipeline")),
        ("marketplace/formats", ("marketplace.db", "marketplace.models", "marketplace.pipeline", "flask")),
        ("marketplace/pipeline", ("marketplace.api", "marketplace.pages", "marketplace.app")),
    ],
)
def test_what_lies_below_knows_nothing_of_what_lies_above(below: str, above: tuple[str, ...]) -> None:
    for path in files_of(below):
        for name in imports(path):
            wrong = [rule for rule in above if name == rule or name.startswith(f"{rule}.")]
            assert not wrong, f"{name_of(path)} imports {name}"


def stages_imported() -> dict[str, set[str]]:
    found = {}
    for path in files_of("marketplace/pipeline"):
        parts = [name.split(".") for name in imports(path) if name.startswith("marketplace.pipeline.")]
        found[path.stem] = {part[2] for part in parts} - {path.stem}
    return found


def test_a_stage_imports_only_the_stage_it_hands_over_to() -> None:
    for module, imported in stages_imported().items():
        stages = imported & (HANDS_OVER.keys() | {SWEEP})
        allowed = set(HANDS_OVER) if module == SWEEP else (HANDS_OVER | SHARED).get(module, set())
        assert stages <= allowed, f"pipeline/{module}.py imports {sorted(stages - allowed)}"


def test_the_pipeline_has_no_cycle() -> None:
    list(TopologicalSorter(stages_imported()).static_order())


def test_a_commit_stands_only_at_the_edge() -> None:
    for path in FILES:
        if name_of(path) in MAY_COMMIT:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "commit":
                pytest.fail(f"{name_of(path)}:{node.lineno} commits; only marketplace/db.py does")


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    assert [name_of(path) for path in FILES if path.stem in drawers] == []
