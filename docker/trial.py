"""Runs a built image as an engine would and tries it: `trial.py ROOTFS IMAGE_JSON PICTURE`, by way of verify.sh.

As `docker run --read-only --cap-drop ALL --security-opt no-new-privileges` it gives the service the image's user,
environment and command, a read-only root with no tmpfs in it, no capability, a process namespace in which the service
is process 1, and a network that has nothing but the loopback. Needs mount and network namespaces of its own.
"""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND = 1, 2, 4, 32, 4096
_CLONE_NEWPID = 0x20000000
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PORT = 8080
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 5.0
_DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}


def main() -> int:
    """Start, try, stop; print a line for each thing that holds."""
    root, picture = Path(sys.argv[1]), Path(sys.argv[3]).read_bytes()
    config = json.loads(Path(sys.argv[2]).read_text())["Docker"]["config"]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    _seal(root)
    _call(_LIBC.unshare, _CLONE_NEWPID)
    service = _start(root, config, [*config["Entrypoint"], *config["Cmd"]], first=True)
    try:
        _try_service(service, root, config, picture)
    finally:
        service.kill()
        service.wait()
    return 0


def _try_service(service: subprocess.Popen[bytes], root: Path, config: dict[str, Any], picture: bytes) -> None:
    """Try everything that the README of this folder promises."""
    health = config["Healthcheck"]["Test"][1:]
    _hold("the health check fails before the service listens", _start(root, config, health).wait() == 1)
    _wait_until_ready(service)
    _hold("the health check passes", _start(root, config, health).wait() == 0)
    status = _status_of(service)
    _hold("not root", status["Uid"].split()[0] == config["User"].split(":")[0] != "0")
    _hold("no capabilities, no new privileges", int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1")
    for path in ("/healthz", "/readyz", "/models", "/", "/docs", "/openapi.json", "/metrics"):
        _hold(f"GET {path}", _ask("GET", path)[0] == 200)
    code, body = _ask("POST", "/ocr", *_upload(picture))
    results = json.loads(body)["results"]
    _hold(f"POST /ocr: {len(results)} lines, the first {results[0]['text']!r}", code == 200 and len(results) > 5)
    _hold("ocrsvc models", _start(root, config, ["ocrsvc", "models"]).wait() == 0)
    _hold("no file is open for writing", not _written_files(service))
    print(f"    memory after the first pictures: {int(_status_of(service)['VmRSS'].split()[0]) // 1024} MiB")
    _try_stop(service, config, picture)


def _try_stop(service: subprocess.Popen[bytes], config: dict[str, Any], picture: bytes) -> None:
    """Send the stop signal while a picture is being read: it is answered, and then the service ends."""
    connection = _connect()
    connection.request("POST", "/ocr", *_upload(picture, fresh=True))
    _ask("GET", "/healthz")  # answered after the upload, which came first, was taken in
    begun = time.monotonic()
    service.send_signal(signal.Signals[config.get("StopSignal", "SIGTERM")])
    answered = connection.getresponse().status
    code = service.wait(_STOP_LIMIT_S)
    _hold(f"stopped in {time.monotonic() - begun:.2f} s with status {code}", code == 0)
    _hold(f"the picture in progress was answered: {answered}", answered == 200)
    _hold("no other host was called", _unroutable() == 0)


def _seal(root: Path) -> None:
    """Make the root file system read-only, with a /dev that is too."""
    _mount(root, root, None, _MS_BIND)
    _mount("none", root / "dev", "tmpfs", _MS_NOSUID)
    for name, (major, minor) in _DEVICES.items():
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.chmod(root / "dev" / name, 0o666)
    _mount("none", root / "dev", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID)
    _mount("none", root, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _start(root: Path, config: dict[str, Any], command: list[str], *, first: bool = False) -> subprocess.Popen[bytes]:
    """Start a command in the container.

    Args:
        root: its root, sealed.
        config: the image's.
        command: what to run.
        first: whether it is process 1, and so the one for which /proc is mounted.
    """
    user, group = (int(part) for part in config["User"].split(":"))

    def enter() -> None:
        if first:
            _mount("proc", root / "proc", "proc", _MS_NOSUID | _MS_NODEV)
        os.chroot(root)
        os.chdir(config.get("WorkingDir") or "/")
        for capability in range(64):
            _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one there is
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
        _call(_LIBC.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)

    environment = dict(item.split("=", 1) for item in config["Env"])
    print("   ", shlex.join(command), flush=True)
    return subprocess.Popen(command, env=environment, preexec_fn=enter, stdin=subprocess.DEVNULL)


def _wait_until_ready(service: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < _START_LIMIT_S and service.poll() is None:
        try:
            if _ask("GET", "/readyz")[0] == 200:
                print(f"ok: ready after {time.monotonic() - begun:.1f} s", flush=True)
                return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"FAILED: not ready (exit status {service.poll()})")


def _ask(method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = _connect()
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def _connect() -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", _PORT, timeout=60)


def _upload(picture: bytes, *, fresh: bool = False) -> tuple[bytes, dict[str, str]]:
    """Body and headers of POST /ocr; `fresh` bypasses the cache."""
    head = b'--cut\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=cut", **({"Cache-Control": "no-store"} if fresh else {})}
    return head + picture + b"\r\n--cut--\r\n", headers


def _status_of(service: subprocess.Popen[bytes]) -> dict[str, str]:
    lines = Path(f"/proc/{service.pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _written_files(service: subprocess.Popen[bytes]) -> list[str]:
    """Files that the service has open for writing; its output, which it inherited, left out."""
    found = []
    for link in Path(f"/proc/{service.pid}/fd").iterdir():
        flags = Path(f"/proc/{service.pid}/fdinfo/{link.name}").read_text().split("flags:")[1].split()[0]
        if int(link.name) > 2 and int(flags, 8) & os.O_ACCMODE and stat.S_ISREG(link.stat().st_mode):
            found.append(os.readlink(link))
    return found


def _unroutable() -> int:
    """How many times something in this network namespace, which has only the loopback, tried to reach beyond it."""
    names, values = (line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()[:2])
    return int(values[names.index("OutNoRoutes")])


def _hold(what: str, holds: bool) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}", flush=True)


def _mount(source: Path | str, target: Path, kind: str | None, flags: int) -> None:
    _call(_LIBC.mount, str(source).encode(), str(target).encode(), kind.encode() if kind else None, flags, None)


def _call(function: Callable[..., int], *arguments: Any) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), getattr(function, "__name__", ""))


if __name__ == "__main__":
    sys.exit(main())
