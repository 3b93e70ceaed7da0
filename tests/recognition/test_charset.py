from __future__ import annotations

from pathlib import Path

import pytest

from ocrsvc.errors import ModelMismatch
from ocrsvc.recognition.charset import Charset


def labels(folder: Path, content: bytes) -> Path:
    path = folder / "labels.txt"
    path.write_bytes(content)
    return path


def test_class_zero_is_the_blank_and_lines_follow_in_order(tmp_path: Path) -> None:
    charset = Charset.load(labels(tmp_path, "中\n \nA\n".encode()))
    assert charset.classes == 4
    assert len(charset) == 3
    assert charset.encode("A中 ") == [3, 1, 2]
    assert charset.decode([0, 1, 1, 0, 3]) == "中中A"
    assert charset.by_class == ("", "中", " ", "A")


def test_a_label_file_is_written_as_it_was_read(tmp_path: Path) -> None:
    content = "\u2028\n \n¥\n\x85\n".encode()
    charset = Charset.load(labels(tmp_path, content))
    assert len(charset) == 4
    assert charset.to_bytes() == content


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    assert Charset.load(labels(tmp_path, b"a\nb")) == Charset(("a", "b"))


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    charset = Charset(("a", "b"))
    assert charset.sha256 == "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2"
    assert charset.sha256 == Charset.load(labels(tmp_path, charset.to_bytes())).sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n\nb\n", "class 2 .* not one character"),
        (b"a\nbc\n", "class 2"),
        (b"a\r\nb\r\n", "class 1"),
        (b"\xef\xbb\xbfa\nb\n", "class 1"),
        (b"a\nb\na\n", "stand twice in the character set: 'a'"),
        (b"\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_broken_label_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ModelMismatch, match=message):
        Charset.load(labels(tmp_path, content))


def test_an_empty_label_file_holds_the_blank_alone(tmp_path: Path) -> None:
    assert Charset.load(labels(tmp_path, b"")).classes == 1


def test_unknown_characters_are_named() -> None:
    charset = Charset(("a", "b"))
    assert "a" in charset
    assert "x" not in charset
    with pytest.raises(ValueError, match="'xy'"):
        charset.encode("aybx")


def test_iterating_gives_the_characters() -> None:
    assert list(Charset(("a", "b"))) == ["a", "b"]
