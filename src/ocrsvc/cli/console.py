"""How the commands speak: results on standard output, everything else on standard error, failures in one line."""

from __future__ import annotations

from typing import Annotated, Any, Final, NoReturn, TypeAlias

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from ocrsvc.settings import Settings

SECRET: Final = frozenset({"api_keys"})
"""Settings whose values are never shown."""

ModelOption: TypeAlias = Annotated[
    str | None, typer.Option("--model", help="Name of the recogniser's package in the model folder.", metavar="NAME")
]
ModelDirOption: TypeAlias = Annotated[
    str | None, typer.Option("--model-dir", help="Folder that holds model packages.", metavar="FOLDER")
]
ThreadsOption: TypeAlias = Annotated[
    int | None, typer.Option("--threads", help="Threads that decode, detect and recognise; 0 takes all cores.")
]


def notes() -> Console:
    """Standard error, for notes, progress and failures."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def tables() -> Console:
    """Standard output, wide enough for a table where it is no terminal."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=140)


def note(message: str, screen: Console | None = None) -> None:
    """Say something beside the results; on the console of a progress bar where one runs."""
    (screen or notes()).print(message, markup=False)


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with one line on standard error, and no traceback.

    Raises:
        typer.Exit: always, with `code`.
    """
    note("ocrsvc: " + " ".join(message.split()))
    raise typer.Exit(code)


def load_settings(**flags: Any) -> Settings:
    """Settings from OCRSVC_ variables, overridden by the flags that were given (not None).

    Raises:
        typer.Exit: one of them is not valid; every wrong one was named.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        fail("; ".join(_complaint(detail, flags) for detail in error.errors()), code=2)
    except SettingsError as error:
        fail(str(error), code=2)


def _complaint(detail: Any, flags: dict[str, Any]) -> str:
    """What is wrong with one setting, by the name under which the user gave it."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    given_as = f"--{name.replace('_', '-')}" if flags.get(name) is not None else f"OCRSVC_{name.upper()}"
    value = "" if name in SECRET else f", not {detail['input']!r}"
    return f"{given_as}: {message[0].lower()}{message[1:]}{value}"
