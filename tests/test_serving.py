from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
import uvicorn

from ocrsvc import serving
from ocrsvc.api.readiness import Phase, Readiness
from ocrsvc.serving import StartFailed, bind, serve_app
from ocrsvc.settings import Settings
from tests.cli.conftest import untouched_logging
from tests.recognition.tiny import write_package

__all__ = ["untouched_logging"]


@pytest.fixture
def readiness() -> Readiness:
    readiness = Readiness()
    readiness.open(lambda: True)
    return readiness


@pytest.fixture
def server(readiness: Readiness) -> serving._Server:
    async def app(scope: serving.Message, receive: serving.Receive, send: serving.Send) -> None:
        """Never called."""

    return serving._Server(uvicorn.Config(app, log_config=None), readiness, serving._StartWatch(app))


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_first_signal_turns_readiness_off_and_drains(server: serving._Server, readiness: Readiness) -> None:
    server.handle_exit(signal.SIGTERM, None)
    assert readiness.phase is Phase.STOPPING
    assert (server.should_exit, server.force_exit) == (True, False)


def test_second_interrupt_stops_at_once(server: serving._Server) -> None:
    server.handle_exit(signal.SIGINT, None)
    server.handle_exit(signal.SIGINT, None)
    assert server.force_exit


def test_second_term_does_not_cut_requests_off(server: serving._Server) -> None:
    server.handle_exit(signal.SIGTERM, None)
    server.handle_exit(signal.SIGTERM, None)
    assert not server.force_exit


def test_name_that_is_no_address_is_refused() -> None:
    with pytest.raises(StartFailed, match="is no address to listen on"):
        bind("no address at all", 0)


def test_bound_port_can_be_chosen_by_the_system() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


@pytest.mark.usefixtures("untouched_logging")
def test_service_answers_and_ends_cleanly_at_a_signal(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(tmp_path / "tiny")
    answers: list[int] = []
    main_loop = serving._Server.main_loop

    async def ask_then_stop(self: serving._Server) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", trust_env=False) as client:
            asking = asyncio.create_task(client.get("/readyz"))
            answers.append((await asking).status_code)
            os.kill(os.getpid(), signal.SIGTERM)
            await main_loop(self)
            answers.append((await client.get("/readyz")).status_code)

    monkeypatch.setattr(serving._Server, "main_loop", ask_then_stop)
    serve_app(Settings(host="127.0.0.1", port=free_port, model_dir=tmp_path, threads=1, log_level="error"))
    assert answers == [200, 503]
