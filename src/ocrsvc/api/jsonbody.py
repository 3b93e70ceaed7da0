"""The JSON form of a request: pictures in base64 next to the options."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from ocrsvc.api.multipart import PartRules, too_large
from ocrsvc.errors import InvalidParameter, MalformedRequest, TooLarge

_DATA_URL = re.compile(r"data:[^,]{0,200};base64,")
_WHITESPACE = str.maketrans("", "", " \t\r\n")


def read_json(body: bytes, rules: PartRules) -> tuple[list[bytes], dict[str, Any]]:
    """Take a JSON body apart. Blocking, for the compute pool: a large body takes tens of milliseconds.

    Args:
        body: an object with the key `rules.file` (one base64 string, or a list of them where several are allowed)
            and options.
        rules: what may be there; unknown keys are skipped.

    Returns:
        The pictures, and the options as they came.

    Raises:
        MalformedRequest: not a JSON object, or a key is doubled.
        InvalidParameter: a picture is not base64 text.
        TooLarge: a picture or their number is over the limit.
    """
    try:
        content = json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest('The body is not valid JSON. Send an object such as {"image": "<base64>"}.') from error
    if not isinstance(content, Mapping):
        raise MalformedRequest('The body is not a JSON object. Send one such as {"image": "<base64>"}.')
    pictures = content.get(rules.file, [])
    encoded = [pictures] if rules.max_files == 1 and rules.file in content else pictures
    if not isinstance(encoded, list):
        raise InvalidParameter(f"{rules.file} must be a list of base64 strings.")
    if len(encoded) > rules.max_files:
        raise TooLarge(f"There are more than {rules.max_files} pictures. Send them in several requests.")
    files = [_picture(item, rules) for item in encoded]
    return files, {key: value for key, value in content.items() if key in rules.fields}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise MalformedRequest("A key of the JSON object is there twice. Send it once.")
    return content


def _picture(encoded: Any, rules: PartRules) -> bytes:
    if not isinstance(encoded, str):
        raise InvalidParameter(f"{rules.file} must be base64 text.")
    prefix = _DATA_URL.match(encoded)
    text = encoded[prefix.end() :] if prefix else encoded
    try:
        data = base64.b64decode(text.translate(_WHITESPACE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidParameter(
            f"{rules.file} is not valid base64. Send it in the standard alphabet (A-Z a-z 0-9 + / =)."
        ) from error
    if len(data) > rules.max_file_bytes:
        raise too_large(rules.max_file_bytes)
    return data
