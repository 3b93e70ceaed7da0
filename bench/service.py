"""A service of one's own, for measurements that need its process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own

START_TIMEOUT_S = 120.0


@contextmanager
def running_service() -> Iterator[tuple[str, psutil.Process]]:
    """Start `ocrsvc serve` on a free port of this machine, give its URL and process once ready, and stop it.

    Raises:
        SystemExit: it did not start.
    """
    port = _free_port()
    command = [sys.executable, "-m", "ocrsvc", "serve", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "warning"])
    try:
        url = f"http://127.0.0.1:{port}"
        _await_ready(url, process)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
        while time.monotonic() < until_s and process.poll() is None:
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    raise SystemExit("the service did not start")
