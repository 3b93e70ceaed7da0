"""The options of a read request: their types, bounds and defaults, and what a caller is told about a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ocrsvc.errors import InvalidParameter
from ocrsvc.reader import ReadOptions

_BOOLEANS: Final = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


def _boolean(value: Any) -> Any:
    """Take true / false / True / False / 1 / 0, as text or as JSON values."""
    key = str(value) if isinstance(value, str | int) else ""
    if key not in _BOOLEANS:
        raise ValueError("not a boolean")
    return _BOOLEANS[key]


def _number(value: Any) -> Any:
    """Take text or JSON numbers; to Python, JSON's true is a number too."""
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


Boolean = Annotated[bool, BeforeValidator(_boolean)]


class OcrOptions(BaseModel):
    """How one picture is read and what its answer holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    return_confidence: Boolean = Field(default=True, description="false leaves `confidence` out of each result.")
    resize_height: Annotated[int, BeforeValidator(_number)] = Field(
        default=32,
        ge=16,
        le=64,
        description="Line crops are scaled to this height, then to the model's own where it differs.",
    )
    return_chars: Boolean = Field(
        default=False, description="true adds box, confidence and alternatives of each character."
    )
    min_confidence: Annotated[float, BeforeValidator(_number)] = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Lines below this confidence are left out; below 0.2, what was read is never text.",
    )

    @property
    def reading(self) -> ReadOptions:
        """The part of the options that the page reader takes."""
        return ReadOptions(self.resize_height, self.min_confidence)


OPTION_NAMES: Final = frozenset(OcrOptions.model_fields)

_EXPECTED: Final = {
    "return_confidence": "true or false",
    "resize_height": "a whole number from 16 to 64",
    "return_chars": "true or false",
    "min_confidence": "a number from 0 to 1",
}


def parse_options(fields: Mapping[str, Any]) -> OcrOptions:
    """Check the options of a request.

    Args:
        fields: option names to text or JSON values; unknown names are skipped, and null means the default.

    Raises:
        InvalidParameter: names every option that is wrong and what it must be.
    """
    try:
        return OcrOptions.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors())
        raise InvalidParameter("; ".join(f"{name} must be {_EXPECTED[name]}" for name in wrong) + ".") from error
