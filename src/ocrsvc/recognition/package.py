"""Model packages: a folder with the graph, its labels and a manifest that says how both fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import ocrsvc
from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.charset import BLANK, Charset

T = TypeVar("T")

MANIFEST = "model.json"
KIND = "recogniser"


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A recogniser's files, checked against their manifest.

    Attributes:
        folder: where the files are.
        name: the package's name, which is its folder's, as shown by the service.
        version: of the weights.
        model_path: the ONNX graph.
        model_sha256: hex digest of the graph.
        charset: its characters, from the label file.
        input_name: the graph's input, uint8 [batch, height_px, width].
        height_px: height of the lines it reads.
        ids_name: output [batch, steps, 3], classes best first.
        probs_name: output [batch, steps, 3] float32, their softmax probabilities.
        stride_px: columns of a line that one step covers.
        precision: of the weights, such as int8 or float32.
        manifest: all of model.json, with the training data and scores; to be shown, not to be changed.
    """

    folder: Path
    name: str
    version: str
    model_path: Path
    model_sha256: str
    charset: Charset = field(repr=False)
    input_name: str
    height_px: int
    ids_name: str
    probs_name: str
    stride_px: float
    precision: str
    manifest: Mapping[str, Any] = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> ModelPackage:
        """Read a package and check its files; the graph itself is opened by `OnnxRecogniser`.

        Raises:
            ModelMismatch: a file is missing or differs from its checksum, the manifest lacks an entry or says what
                this service does not do, or the labels do not make up the classes.
        """
        manifest = read_manifest(folder)
        where = f"{folder.name}/{MANIFEST}"
        _demand(
            manifest,
            where,
            {"name": folder.name, "kind": KIND, "blank": BLANK, "input.dtype": "uint8", "input.layout": "NHW"},
        )
        charset_path = _checked_file(folder, _entry(manifest, where, "labels", str), manifest, "labels_sha256")
        charset = Charset.load(charset_path)
        classes = _entry(manifest, where, "classes", int)
        if classes != charset.classes:
            raise ModelMismatch(
                f"{where}: {classes} classes, but {charset_path.name} holds {len(charset)} characters, "
                f"which with the blank make {charset.classes}"
            )
        return cls(
            folder=folder,
            name=folder.name,
            version=_entry(manifest, where, "version", str),
            model_path=_checked_file(folder, _entry(manifest, where, "file", str), manifest, "sha256"),
            model_sha256=_entry(manifest, where, "sha256", str),
            charset=charset,
            input_name=_entry(manifest, where, "input.name", str),
            height_px=_positive(manifest, where, "input.height_px"),
            ids_name=_entry(manifest, where, "outputs.ids", str),
            probs_name=_entry(manifest, where, "outputs.probs", str),
            stride_px=_positive(manifest, where, "stride_px"),
            precision=_entry(manifest, where, "precision", str),
            manifest=manifest,
        )


def default_model_dir() -> Path:
    """The folder of the models that ship with the service: inside the installed package, else of the repository."""
    package = Path(ocrsvc.__file__).resolve().parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parents[1] / "models"


def find_packages(model_dir: Path) -> list[ModelPackage]:
    """Load every recogniser below a folder, by name; other kinds of models are left to their owners.

    Raises:
        ModelMismatch: one of them is broken.
    """
    return [ModelPackage.load(folder) for folder in _folders(model_dir) if read_manifest(folder).get("kind") == KIND]


def find_package(name: str | None = None, model_dir: Path | None = None) -> ModelPackage:
    """Load the recogniser to serve with.

    Args:
        name: of its folder; None takes the only one, or the one whose manifest says `"default": true`.
        model_dir: where packages are; None takes those that ship with the service.

    Raises:
        ModelMismatch: there is no such package, the choice is not clear, or the package is broken.
    """
    folder = model_dir or default_model_dir()
    manifests = {path.name: read_manifest(path) for path in _folders(folder)}
    names = [found for found, manifest in manifests.items() if manifest.get("kind") == KIND]
    preferred = [found for found in names if manifests[found].get("default") is True]
    chosen = [name] if name else preferred or names
    if len(chosen) != 1 or chosen[0] not in names:
        wanted = f"recogniser {name!r}" if name else "one recogniser, or one that its manifest marks as default,"
        raise ModelMismatch(f"{wanted} was not found in {folder}: it holds {', '.join(names) or 'none'}")
    return ModelPackage.load(folder / chosen[0])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read model.json of a package.

    Raises:
        ModelMismatch: it is missing, or not a JSON object.
    """
    where = f"{folder.name}/{MANIFEST}"
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelMismatch(f"{where} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelMismatch(f"{where} is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise ModelMismatch(f"{where} is not a JSON object")
    return manifest


def _folders(model_dir: Path) -> list[Path]:
    return sorted(path.parent for path in model_dir.glob(f"*/{MANIFEST}"))


def _entry(manifest: Mapping[str, Any], where: str, key: str, kind: type[T]) -> T:
    """The value at a dotted key, of the type it must have."""
    value: Any = manifest
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelMismatch(f"{where}: {key} should be of type {kind.__name__}, not {value!r}")
    return value


def _positive(manifest: Mapping[str, Any], where: str, key: str) -> int:
    value = _entry(manifest, where, key, int)
    if value < 1:
        raise ModelMismatch(f"{where}: {key} should be at least 1, not {value}")
    return value


def _demand(manifest: Mapping[str, Any], where: str, expected: Mapping[str, str | int]) -> None:
    for key, value in expected.items():
        found = _entry(manifest, where, key, type(value))
        if found != value:
            raise ModelMismatch(f"{where}: {key} should be {value!r}, not {found!r}")


def _checked_file(folder: Path, name: str, manifest: Mapping[str, Any], digest_key: str) -> Path:
    """Path of a file of the package whose content has the digest that the manifest gives."""
    if Path(name).name != name:
        raise ModelMismatch(f"{folder.name}/{MANIFEST}: {name!r} is not the name of a file in the package")
    expected = _entry(manifest, f"{folder.name}/{MANIFEST}", digest_key, str)
    try:
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelMismatch(f"{folder.name}/{name} cannot be read: {error.strerror}") from error
    if found != expected:
        raise ModelMismatch(f"{folder.name}/{name} has checksum {found}, not {expected} as its manifest says")
    return folder / name
