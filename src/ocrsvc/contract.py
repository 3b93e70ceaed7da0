"""Writes the contract that the repository keeps: `python -m ocrsvc.contract > openapi.yaml`."""

from __future__ import annotations

import sys

from ocrsvc.api.openapi import to_yaml
from ocrsvc.app import create_app
from ocrsvc.settings import Settings


def contract_yaml() -> str:
    """Return the contract of an app behind no proxy; no other setting shows in it."""
    return to_yaml(create_app(Settings(root_path="")).openapi())


def main() -> None:
    """Write the contract to standard output, in UTF-8 whatever the locale."""
    sys.stdout.buffer.write(contract_yaml().encode())


if __name__ == "__main__":
    main()
