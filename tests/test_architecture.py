"""The arrows between the folders, and the promises that hold for all of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import ocrsvc
from ocrsvc.api.failures import EXAMPLES
from ocrsvc.errors import OcrError

PACKAGE = Path(ocrsvc.__file__).parent
REPOSITORY = PACKAGE.parent.parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

LAYERS = {
    "imaging": 0,
    "detection": 1,
    "recognition": 1,
    "reader": 2,
    "documents": 3,
    "invoices": 3,
    "metrics": 3,
    "engine": 3,
    "api": 4,
    "app": 5,
    "connection": 5,
    "contract": 6,
    "serving": 6,
    "cli": 7,
}
"""Higher imports lower, never the reverse; what is missing here may be imported by all (errors, compute, settings)."""

ONLY_IN = {
    "onnxruntime": {"detection", "recognition", "cli"},
    "fastapi": {"api", "app"},
    "starlette": {"api", "app"},
    "torch": set[str](),
    "training": set[str](),
}


def walk(tree: ast.AST, for_types: bool) -> Iterator[ast.AST]:
    """Every node of a module, with or without those under `if TYPE_CHECKING:`."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if for_types or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from walk(node, for_types)


def part_of(path: Path) -> str:
    """The folder or module of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path, *, for_types: bool = True) -> Iterator[str]:
    """Dotted names that a module imports at run time, and where wanted those that it imports for its types only."""
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_what_lies_below_it(path: Path) -> None:
    own = LAYERS.get(part_of(path))
    inner = {name.split(".")[1] for name in imports_of(path) if name.startswith("ocrsvc.")} - {part_of(path)}
    above = {name for name in inner if own is not None and LAYERS.get(name, -1) >= own}
    assert not above, f"{part_of(path)} imports {above}"


def top_names(path: Path) -> set[str]:
    """The libraries that a module imports at run time."""
    return {name.split(".")[0] for name in imports_of(path, for_types=False)}


@pytest.mark.parametrize("library", ONLY_IN)
def test_library_is_imported_only_where_it_belongs(library: str) -> None:
    users = {part_of(path) for path in MODULES if library in top_names(path)}
    assert users <= ONLY_IN[library]


def test_only_settings_reads_the_environment() -> None:
    sources = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in MODULES}
    readers = [name for name, source in sources.items() if "os.environ" in source or "getenv" in source]
    assert sorted(readers) == ["__init__.py", "settings.py"]


def test_onnx_runtime_reports_to_nobody() -> None:
    program = "import ocrsvc.recognition.onnx, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {"PATH": "/usr/bin:/bin"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1"


def test_no_module_is_too_long_to_be_read() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lengths.items() if count > 300} == {}


def all_errors(kind: type[OcrError] = OcrError) -> Iterator[type[OcrError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("ocrsvc"):
            yield child
            yield from all_errors(child)


def test_every_error_has_its_own_code() -> None:
    codes = [kind.code for kind in all_errors()]
    assert len(codes) == len(set(codes)) == 12


def test_every_error_is_in_the_contract() -> None:
    contract = yaml.safe_load((REPOSITORY / "openapi.yaml").read_text(encoding="utf-8"))
    listed = contract["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]
    assert sorted(kind.code for kind in all_errors()) == sorted(listed)


def test_every_error_has_an_example_message() -> None:
    assert set(all_errors()) == set(EXAMPLES)
