"""Score a model package: `python -m training.recogniser.evaluate --package models/NAME [--pages FOLDER ...]`.

Reads through the service's own recogniser. The validation lines are synthetic, in fonts that training never sees;
`--pages` adds folders of pictures with NAME.json beside NAME.png: [{"text", "box": [x0, y0, x1, y1]}], whose lines are
cut with these true boxes, so that no detector plays a part. `--enhancement` shows what one of the service's
enhancements does to these pages, `--fade` how they read with less contrast.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrsvc.imaging.enhance import Enhancement, enhance
from ocrsvc.recognition.line import MAX_LINE_WIDTH_PX, LineCrop, prepare_line
from ocrsvc.recognition.onnx import OnnxRecogniser
from ocrsvc.recognition.package import ModelPackage
from training.recogniser.reading import Score, score
from training.recogniser.validation import validation_lines
from training.synth.lines import MODEL_HEIGHT_PX

MARGIN = 0.08
"""Of a true box's height, kept on every side of a crop."""
FOLD = str.maketrans({"—": "-", "–": "-", "－": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "·": "."})


def read_all(recogniser: OnnxRecogniser, lines: Sequence[LineCrop]) -> list[str]:
    """What the recogniser reads, line by line."""
    return [recogniser.infer([line])[0].text for line in lines]


def faded(grey: NDArray[np.uint8], contrast: float) -> NDArray[np.uint8]:
    """A page whose ink has come this near to its paper: 1 leaves it, 0 takes all ink away."""
    return np.asarray(np.round(235 + (grey.astype(np.float32) - 235) * contrast).clip(0, 255), np.uint8)


def true_crops(folder: Path, enhancement: Enhancement, contrast: float) -> dict[str, list[tuple[str, LineCrop]]]:
    """(text, crop) of every true box of the pictures in a folder, by condition (the last part of NAME)."""
    out: dict[str, list[tuple[str, LineCrop]]] = defaultdict(list)
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith((".fields.json", ".lines.json")):
            continue
        picture = next(path.with_suffix(e) for e in (".png", ".jpg", ".jpeg") if path.with_suffix(e).exists())
        grey = np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), np.uint8)
        grey = enhance(faded(grey, contrast), enhancement)
        for segment in json.loads(path.read_text(encoding="utf-8")):
            crop = _cut(grey, segment)
            if crop is not None:
                out[f"{folder.name} {path.stem.rsplit('.', 1)[-1]}"].append((segment["text"], crop))
    return dict(out)


def _cut(grey: NDArray[np.uint8], segment: dict[str, Any]) -> LineCrop | None:
    x0, y0, x1, y1 = segment["box"]
    upright = y1 - y0 > 1.8 * (x1 - x0) and len(segment["text"]) > 1
    if segment.get("ignore") or upright:
        return None
    m = MARGIN * (y1 - y0)
    piece = grey[max(0, round(y0 - m)) : round(y1 + m), max(0, round(x0 - m)) : round(x1 + m)]
    line = prepare_line(piece, MODEL_HEIGHT_PX, MODEL_HEIGHT_PX)
    return line if line.width_px <= MAX_LINE_WIDTH_PX else None


def folded(text: str) -> str:
    """Width variants and look-alike punctuation unified, as the evaluation of whole pages does."""
    return unicodedata.normalize("NFKC", text).translate(FOLD)


def confusions(pairs: Sequence[tuple[str, str]], most: int) -> list[tuple[str, int]]:
    """The commonest exchanges "truth>read"."""
    counts: Counter[str] = Counter()
    for truth, read in pairs:
        for kind, a, b, c, d in SequenceMatcher(None, truth, read, autojunk=False).get_opcodes():
            if kind != "equal":
                counts[f"{truth[a:b]}>{read[c:d]}"] += 1
    return counts.most_common(most)


def main() -> None:
    """Read the command line, print the table, and write it into the package's manifest if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--pages", type=Path, nargs="*", default=[])
    parser.add_argument("--lines", type=int, default=300, help="validation lines of each condition")
    parser.add_argument("--errors", type=int, default=0, help="wrong lines shown of each set")
    parser.add_argument("--enhancement", choices=list(Enhancement), default="none", help="done to the pages first")
    parser.add_argument("--fade", type=float, default=1.0, help="contrast that the pages keep, 0 to 1")
    parser.add_argument("--write", action="store_true", help="put the scores into model.json")
    a = parser.parse_args()
    recogniser = OnnxRecogniser(ModelPackage.load(a.package))
    sets = {f"synthetic {n}": [(r.text, r.crop) for r in rows] for n, rows in validation_lines(a.lines).items()}
    for folder in a.pages:
        sets |= true_crops(folder, Enhancement(a.enhancement), a.fade)
    scores: dict[str, Score] = {}
    for name, rows in sets.items():
        truth = [folded(t) for t, _ in rows]
        read = [folded(t) for t in read_all(recogniser, [c for _, c in rows])]
        scores[name] = s = score(truth, read)
        print(f"{name:18s} {s.lines:5d} lines  read in full {s.line_accuracy:.4f}  cer {s.cer:.4f}")
        wrong = [(t, r) for t, r in zip(truth, read, strict=True) if "".join(t.split()) != "".join(r.split())]
        if a.errors:
            print("   ", " ".join(f"{k}:{n}" for k, n in confusions(wrong, 12)))
            print(*(f"    {t!r} read as {r!r}" for t, r in wrong[: a.errors]), sep="\n")
    if a.write:
        path = a.package / "model.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["scores"] = {
            n: {"lines": s.lines, "line_accuracy": round(s.line_accuracy, 4), "cer": round(s.cer, 4)}
            for n, s in scores.items()
        }
        path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
