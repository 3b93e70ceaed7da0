"""multipart/form-data taken apart as it streams in, in memory only: nothing is ever spooled to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ocrsvc.errors import InvalidParameter, MalformedRequest, TooLarge

MAX_FIELD_BYTES: Final = 4096
"""Longest value of a part that is an option."""

MAX_OTHER_PARTS: Final = 64
"""Most parts besides the pictures; unknown ones are skipped, but not without end."""

BROKEN: Final = (
    "The multipart body is broken or cut short. Send it as multipart/form-data, with its boundary in Content-Type."
)


@dataclass(frozen=True, slots=True)
class PartRules:
    """What parts are known, and how much they may hold.

    Attributes:
        file: name of the part that holds a picture.
        fields: names of the parts that are options; every other part is skipped.
        max_files: how many pictures there may be.
        max_file_bytes: size of one picture.
    """

    file: str
    fields: frozenset[str]
    max_files: int
    max_file_bytes: int


@dataclass(slots=True)
class _Part:
    name: str
    limit_bytes: int
    kept: bool
    chunks: list[bytes] = field(default_factory=list)
    size_bytes: int = 0


class MultipartReader:
    """Feed it the body's chunks, then `finish`; it keeps only parts that are known."""

    def __init__(self, content_type: str, rules: PartRules) -> None:
        """Start reading.

        Args:
            content_type: the request's Content-Type header, with its boundary.
            rules: the parts to expect.

        Raises:
            MalformedRequest: there is no usable boundary.
        """
        self._rules = rules
        self.files: list[bytes] = []
        self.fields: dict[str, str] = {}
        self._header_name = self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._part: _Part | None = None
        self._other_parts = 0
        self._complete = False
        _, parameters = parse_options_header(content_type)
        try:
            self._parser = MultipartParser(parameters[b"boundary"], self._callbacks())  # type: ignore[arg-type]  # its TypedDict wants every key's exact callable type
        except (KeyError, FormParserError) as error:
            raise MalformedRequest(BROKEN) from error

    def feed(self, chunk: bytes) -> None:
        """Read the next bytes of the body.

        Raises:
            MalformedRequest: not multipart, or a part is doubled.
            TooLarge: a picture, an option or the number of parts is over its limit.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedRequest(BROKEN) from error

    def finish(self) -> None:
        """Check that the body ended where it says it does.

        Raises:
            MalformedRequest: it was cut short.
        """
        if not self._complete:
            raise MalformedRequest(BROKEN)

    def _callbacks(self) -> Mapping[str, object]:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._on_header_name,
            "on_header_value": self._on_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._on_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._headers = {}

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open_part(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        kind, parameters = parse_options_header(disposition)
        if kind != b"form-data" or b"name" not in parameters:
            raise MalformedRequest('Every part needs the header Content-Disposition: form-data; name="...".')
        name = parameters[b"name"].decode("utf-8", "replace")
        rules = self._rules
        if name == rules.file:
            self._check_count(name)
            self._part = _Part(name, rules.max_file_bytes, kept=True)
            return
        if name in self.fields:
            raise _doubled(name)
        self._other_parts += 1
        if self._other_parts > MAX_OTHER_PARTS:
            raise TooLarge(
                f"The body has more than {MAX_OTHER_PARTS} parts besides pictures. Leave out what is not needed."
            )
        known = name in rules.fields
        self._part = _Part(name, MAX_FIELD_BYTES if known else -1, kept=known)

    def _check_count(self, name: str) -> None:
        if len(self.files) < self._rules.max_files:
            return
        if self._rules.max_files == 1:
            raise _doubled(name)
        raise TooLarge(f"There are more than {self._rules.max_files} pictures. Send them in several requests.")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part is None or not part.kept:
            return
        part.size_bytes += end - start
        if part.size_bytes > part.limit_bytes:
            raise (
                too_large(part.limit_bytes)
                if part.name == self._rules.file
                else TooLarge(f"{part.name} is longer than {MAX_FIELD_BYTES:,} bytes.")
            )
        part.chunks.append(data[start:end])

    def _end_part(self) -> None:
        part, self._part = self._part, None
        if part is None or not part.kept:
            return
        content = b"".join(part.chunks)
        if part.name == self._rules.file:
            self.files.append(content)
            return
        try:
            self.fields[part.name] = content.decode()
        except UnicodeDecodeError as error:
            raise InvalidParameter(f"{part.name} is not valid UTF-8 text.") from error

    def _end(self) -> None:
        self._complete = True


def too_large(limit_bytes: int) -> TooLarge:
    """Build the refusal of a picture over its limit in bytes."""
    return TooLarge(f"The picture is larger than {limit_bytes:,} bytes. Send a smaller one.")


def _doubled(name: str) -> MalformedRequest:
    return MalformedRequest(f"The part '{name}' is there twice. Send it once.")
