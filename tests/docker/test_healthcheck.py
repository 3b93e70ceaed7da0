from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "healthcheck.py"


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on the loopback that gives this status at /readyz and 404 elsewhere; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake-service")
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def check(port: int, **environment: str) -> int:
    """Run the script as the image does, isolated and with the standard library alone; its exit status."""
    command = [sys.executable, "-IS", str(SCRIPT)]
    return subprocess.run(command, env={"OCRSVC_PORT": str(port), **environment}, stdout=subprocess.DEVNULL).returncode


@pytest.mark.parametrize("host", ["", "0.0.0.0", "127.0.0.1"])
def test_a_ready_service_is_healthy_whatever_address_it_listens_on(host: str) -> None:
    with answering(200) as port:
        assert check(port, OCRSVC_HOST=host) == 0


def test_a_service_that_is_starting_or_stopping_is_not_healthy() -> None:
    with answering(503) as port:
        assert check(port) == 1


def test_a_service_that_does_not_listen_is_not_healthy() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # taken, and never listening
        assert check(bound.getsockname()[1]) == 1


def test_a_proxy_in_the_environment_is_not_asked() -> None:
    with answering(200) as port:
        assert check(port, http_proxy="http://127.0.0.1:9") == 0
