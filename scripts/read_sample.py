"""Posts a picture to a running service and prints what it read. Arguments: base URL, picture. Standard library only."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 60
BOUNDARY = "ocrsvc-sample-boundary"


def wait_until_ready(url: str) -> None:
    """Ask /readyz until it answers 200.

    Raises:
        SystemExit: not ready within a minute.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"no service became ready at {url} within {PATIENCE_S} s")


def read(url: str, picture: Path) -> dict[str, object]:
    """The service's answer for one picture."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{picture.name}"\r\n\r\n'
    body = head.encode() + picture.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    request = urllib.request.Request(
        f"{url}/ocr", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def main() -> None:
    """Read the sample."""
    url, picture = sys.argv[1], Path(sys.argv[2])
    wait_until_ready(url)
    answer = read(url, picture)
    results = answer["results"]
    if not isinstance(results, list) or not results:
        raise SystemExit(f"the service read nothing on {picture}")
    for line in results:
        print(f"{line['confidence']:.3f}  {line['text']}")
    print(f"{len(results)} lines of {picture} read in {answer['total_time']} s")


if __name__ == "__main__":
    main()
