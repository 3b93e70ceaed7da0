"""`ocrsvc models`: the model packages, and whether they are whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ocrsvc.cli.console import ModelDirOption, fail, load_settings, tables
from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.onnx import OnnxRecogniser
from ocrsvc.recognition.package import KIND, MANIFEST, ModelPackage, default_model_dir, find_package, read_manifest


@dataclass(frozen=True, slots=True)
class _Found:
    """One package, as far as it could be read; `error` is "" where it is whole."""

    name: str
    kind: str = ""
    version: str = ""
    precision: str = ""
    classes: int | None = None
    size_bytes: int = 0
    sha256: str = ""
    served: bool = False
    error: str = ""


def models(
    model_dir: ModelDirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the model packages, check every checksum and try each recogniser on a blank line.

    The exit code is 1 when a package is broken, when there is none, or when it is not clear which to serve.
    """
    settings = load_settings(model_dir=model_dir)
    folder = settings.model_dir or default_model_dir()
    served, unclear = _served(settings.model, folder)
    found = [_inspect(path.parent, served) for path in sorted(folder.glob(f"*/{MANIFEST}"))]
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), "models": [asdict(one) for one in found]}, ensure_ascii=False))
    elif found:
        _print_table(found)
    broken = [f"{one.name} is broken: {one.error}" for one in found if one.error]
    if broken:
        fail("; ".join(broken))
    if unclear:
        fail(unclear)


def _served(name: str | None, folder: Path) -> tuple[str, str]:
    """Name of the package that `ocrsvc serve` would take, or why it would take none."""
    try:
        return find_package(name, folder).name, ""
    except ModelMismatch as error:
        return "", str(error)


def _inspect(folder: Path, served: str) -> _Found:
    manifest: dict[str, Any] = {}
    error = ""
    try:
        manifest = read_manifest(folder)
        if manifest.get("kind") == KIND:
            OnnxRecogniser(ModelPackage.load(folder))
    except ModelMismatch as mismatch:
        error = str(mismatch)
    classes = manifest.get("classes")
    return _Found(
        name=folder.name,
        kind=str(manifest.get("kind", "")),
        version=str(manifest.get("version", "")),
        precision=str(manifest.get("precision", "")),
        classes=classes if isinstance(classes, int) else None,
        size_bytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        sha256=str(manifest.get("sha256", "")),
        served=folder.name == served,
        error=error,
    )


def _print_table(found: list[_Found]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "kind", "version", "precision"):
        table.add_column(heading, no_wrap=True)
    for heading in ("classes", "MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("sha256", "state"):
        table.add_column(heading, no_wrap=True)
    for one in found:
        state = "broken" if one.error else "unchecked" if one.kind != KIND else "ok, served" if one.served else "ok"
        classes = "" if one.classes is None else str(one.classes)
        size = f"{one.size_bytes / 1e6:.1f}"
        table.add_row(one.name, one.kind, one.version, one.precision, classes, size, one.sha256[:12], state)
    tables().print(table)
