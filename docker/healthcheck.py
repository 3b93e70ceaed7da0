#!/opt/ocrsvc/bin/python -IS
"""Ends with 0 when the service in this container takes requests, with 1 when it does not: the image's HEALTHCHECK."""

from __future__ import annotations

import http.client
import os
import sys

_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where a server that listens on every address of a family is reached."""


def main() -> int:
    """Ask /readyz at the address that the service's own settings name."""
    host = os.environ.get("OCRSVC_HOST", "")
    port = int(os.environ.get("OCRSVC_PORT") or 8080)
    try:
        connection = http.client.HTTPConnection(_LOOPBACK.get(host, host), port, timeout=4)
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        print(f"not reached: {error}")
        return 1
    print(reply.status, reply.read(1000).decode("utf-8", "replace"))
    return 0 if reply.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
