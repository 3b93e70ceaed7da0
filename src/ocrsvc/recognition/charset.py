"""The characters a recogniser knows, in the order of its classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ocrsvc.errors import ModelMismatch

BLANK = 0


@dataclass(frozen=True, slots=True)
class Charset:
    """Characters in class order; class 0 is the CTC blank, class i is `characters[i - 1]`.

    Raises:
        ModelMismatch: an entry is not one code point, or stands twice.
    """

    characters: tuple[str, ...]
    _classes: dict[str, int] = field(init=False, repr=False, compare=False)
    _by_class: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the entries and build both directions of the table."""
        for number, character in enumerate(self.characters, start=1):
            if len(character) != 1:
                raise ModelMismatch(f"class {number} of the character set is {character!r}, not one character")
        classes = {character: number for number, character in enumerate(self.characters, start=1)}
        if len(classes) != len(self.characters):
            twice = sorted({character for character in self.characters if self.characters.count(character) > 1})
            raise ModelMismatch(f"characters stand twice in the character set: {''.join(twice)!r}")
        object.__setattr__(self, "_classes", classes)
        object.__setattr__(self, "_by_class", ("", *self.characters))

    @classmethod
    def load(cls, path: Path) -> Charset:
        r"""Read a label file: UTF-8, one character a line, `\n` ends, a line with a single space is the space.

        Raises:
            ModelMismatch: not UTF-8, an empty line, several characters on one line, or a character twice.
        """
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelMismatch(f"{path.name} is not UTF-8: {error}") from error
        # not splitlines(): U+0085, U+2028 and others may be characters of the set
        return cls(tuple(text.removesuffix("\n").split("\n")) if text else ())

    def to_bytes(self) -> bytes:
        """The label file that `load` reads back."""
        return "".join(f"{character}\n" for character in self.characters).encode("utf-8")

    @property
    def sha256(self) -> str:
        """Hex digest of the label file, `to_bytes()`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def classes(self) -> int:
        """Classes of a model with this set: its characters and the blank."""
        return len(self.characters) + 1

    @property
    def by_class(self) -> tuple[str, ...]:
        """Character of each class; "" at the blank."""
        return self._by_class

    def __len__(self) -> int:
        """Number of characters, the blank not counted."""
        return len(self.characters)

    def __iter__(self) -> Iterator[str]:
        """Characters in class order."""
        return iter(self.characters)

    def __contains__(self, character: object) -> bool:
        """Whether the model can write this character."""
        return character in self._classes

    def encode(self, text: str) -> list[int]:
        """Classes of a text's characters.

        Raises:
            ValueError: characters that the set lacks; the message names them.
        """
        unknown = sorted({character for character in text if character not in self._classes})
        if unknown:
            raise ValueError(f"characters outside the character set: {''.join(unknown)!r}")
        return [self._classes[character] for character in text]

    def decode(self, classes: Iterable[int]) -> str:
        """Text of a sequence of classes, blanks left out; repeats are kept (merging them is `ctc.decode_top3`)."""
        return "".join(self._by_class[number] for number in classes)
