"""The form reader on bodies cut anywhere, and on bytes that are no form."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocrsvc.api.jsonbody import read_json
from ocrsvc.api.multipart import MultipartReader, PartRules
from ocrsvc.errors import MalformedRequest, OcrError

RULES = PartRules("image", frozenset({"resize_height"}), max_files=2, max_file_bytes=5000)
RELAXED = settings(deadline=None, max_examples=60)
TYPE = "multipart/form-data; boundary=cut-here"


def form(picture: bytes, height: str = "32") -> bytes:
    head = b'--cut-here\r\ncontent-disposition: form-data; name="image"; filename="a"\r\nContent-Type: x/y\r\n\r\n'
    field = b'\r\n--cut-here\r\nContent-Disposition: form-data; name="resize_height"\r\n\r\n' + height.encode()
    return head + picture + field + b"\r\n--cut-here--\r\n"


def read(body: bytes, cuts: list[int]) -> MultipartReader:
    reader = MultipartReader(TYPE, RULES)
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        reader.feed(body[start:end])
    reader.finish()
    return reader


@RELAXED
@given(
    st.binary(max_size=200) | st.sampled_from([b"\r\n--cut-her", b"\r\n--", b"--cut-here"]), st.lists(st.integers(0))
)
def test_form_reads_the_same_wherever_it_is_cut(picture: bytes, cuts: list[int]) -> None:
    reader = read(form(picture), cuts)
    assert (reader.files, reader.fields) == ([picture], {"resize_height": "32"})


@RELAXED
@given(st.integers(0, 400))
def test_form_cut_short_is_malformed(length: int) -> None:
    body = form(bytes(100)).removesuffix(b"--\r\n")
    with pytest.raises(MalformedRequest):
        read(body[:length], [])


@RELAXED
@given(st.binary(max_size=300), st.binary(max_size=50))
def test_bytes_that_are_no_form_raise_only_our_errors(noise: bytes, picture: bytes) -> None:
    for body in (noise, b"--cut-here" + noise, b"--cut-here\r\n" + noise, form(picture)[:60] + noise):
        with contextlib.suppress(OcrError):
            read(body, [])


@RELAXED
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_that_are_no_json_raise_only_our_errors(noise: bytes) -> None:
    for body in (noise, b'{"image": ' + noise + b"}", b'{"image": "' + noise + b'"}'):
        with contextlib.suppress(OcrError):
            read_json(body, RULES)


def test_parts_that_are_not_known_are_not_kept() -> None:
    body = form(b"x").replace(b'"resize_height"', b'"other"').replace(b"32", b"x" * 100_000)
    reader = read(body, [])
    assert (reader.files, reader.fields) == ([b"x"], {})


def test_name_of_a_part_may_be_in_any_script() -> None:
    body = form(b"x").replace(b'"resize_height"', '"高度"'.encode())
    assert read(body, []).files == [b"x"]
