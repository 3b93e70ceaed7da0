from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from ocrsvc.api.schemas import OcrReply
from ocrsvc.cli.fonts import Font
from ocrsvc.cli.overlay import LEGEND
from tests.api.fakes import picture
from tests.cli.conftest import Run
from tests.fakes import FakeRecogniser

pytestmark = pytest.mark.usefixtures("stages")


def test_text_of_one_picture_stands_alone(run: Run, folder: Path) -> None:
    result = run("read", folder / "a.png")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "64\n", "")


def test_texts_of_a_folder_stand_under_their_files(run: Run, folder: Path) -> None:
    result = run("read", folder)
    assert result.stdout == f"==> {folder / 'a.png'} <==\n64\n\n==> {folder / 'deeper/a.png'} <==\n96\n\n"


def test_json_is_the_answer_of_the_service_one_line_a_file(run: Run, folder: Path) -> None:
    answers = [json.loads(line) for line in run("read", folder, "--json").stdout.splitlines()]
    assert [answer.pop("file") for answer in answers] == [str(folder / "a.png"), str(folder / "deeper/a.png")]
    replies = [OcrReply.model_validate({**answer, "request_id": "none"}) for answer in answers]
    assert [reply.results[0].text for reply in replies] == ["64", "96"]
    assert replies[0].results[0].bbox == [0, 0, 64, 32]
    assert replies[0].model == "fake"


def test_characters_are_added_when_asked_for(run: Run, folder: Path) -> None:
    answer = json.loads(run("read", folder / "a.png", "--json", "--chars").stdout)
    assert [char["text"] for char in answer["results"][0]["chars"]] == ["6", "4"]


def test_unsure_lines_are_left_out_when_asked_for(run: Run, folder: Path) -> None:
    assert json.loads(run("read", folder / "a.png", "--json", "--min-confidence", 0.95).stdout)["results"] == []


def test_bad_file_does_not_stop_the_others(run: Run, folder: Path) -> None:
    result = run("read", folder / "notes.txt", folder / "absent.png", folder / "a.png")
    assert result.exit_code == 1
    assert result.stdout == f"==> {folder / 'a.png'} <==\n64\n\n"
    told = result.stderr.splitlines()
    assert told[0].startswith(f"{folder / 'notes.txt'}: This is not a picture")
    assert told[1] == f"{folder / 'absent.png'}: cannot be read: No such file or directory"
    assert told[2:] == ["ocrsvc: 2 of 3 files could not be read"]


def test_bad_file_has_its_error_in_json(run: Run, folder: Path) -> None:
    (folder / "empty.png").write_bytes(b"")
    answers = [
        json.loads(line) for line in run("read", folder / "empty.png", folder / "a.png", "--json").stdout.splitlines()
    ]
    assert [answer["success"] for answer in answers] == [False, True]
    assert answers[0]["error"]["code"] == "image_rejected"


def test_file_over_the_limit_is_not_loaded(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRSVC_MAX_UPLOAD_BYTES", "1024")
    (folder / "a.png").write_bytes(picture(64) + bytes(2000))
    result = run("read", folder / "a.png")
    assert result.exit_code == 1
    assert "larger than 1,024 bytes" in result.stderr


def test_fault_on_one_file_is_told_and_the_exit_code_is_1(run: Run, folder: Path, stages: FakeRecogniser) -> None:
    stages.answer = lambda lines: []
    result = run("read", folder / "a.png")
    assert result.exit_code == 1
    assert "could not be read" in result.stderr


def test_folder_without_pictures_is_a_failure(run: Run, tmp_path: Path) -> None:
    result = run("read", tmp_path)
    assert result.exit_code == 1
    assert "there are no pictures" in result.stderr


def test_missing_model_is_told_in_one_line(run: Run, folder: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        from ocrsvc.engine import load_recogniser

        patch.setattr("ocrsvc.cli.read.load_recogniser", load_recogniser)
        result = run("read", folder / "a.png", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "was not found" in result.stderr


def test_overlays_keep_the_places_of_their_pictures(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocrsvc.cli.read.find_font", lambda path: None)
    drawn = tmp_path / "drawn"
    result = run("read", folder, folder / "a.png", "--overlay", drawn)
    assert result.exit_code == 0
    found = sorted(path.relative_to(drawn).as_posix() for path in drawn.rglob("*.png"))
    assert found == ["a.png.overlay.png", "deeper/a.png.overlay.png"]
    assert "no font with Chinese characters was found" in result.stderr
    assert LEGEND in result.stderr
    with Image.open(drawn / "a.png.overlay.png") as overlay:
        assert overlay.size == (256, 128)  # a small picture is enlarged


def test_font_without_chinese_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    result = run("read", folder / "a.png", "--overlay", tmp_path, "--font", folder / "notes.txt")
    assert result.exit_code == 1
    assert "is not a font with Chinese characters" in result.stderr


def test_font_given_is_the_font_taken(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def find(path: Path) -> Font | None:
        asked.append(path)
        return None

    monkeypatch.setattr("ocrsvc.cli.read.find_font", find)
    run("read", folder / "a.png", "--overlay", tmp_path, "--font", "some.ttf")
    assert asked == [Path("some.ttf")]


def test_endless_file_is_refused_at_the_limit(run: Run, stages: FakeRecogniser) -> None:
    result = run("read", "/dev/zero")
    assert result.exit_code == 1
    assert "/dev/zero: The file is larger than 20,971,520 bytes" in result.stderr
