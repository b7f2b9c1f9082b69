"""Other people's model servers as real processes on loopback: mlx_lm.server, also shared out by mlx.launch, and llama.cpp's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

TOOLS = Path(os.environ.get("QWEN_LSP_TEST_ENGINES", Path.home() / ".cache" / "test-engines"))
LLAMA_SERVER = TOOLS / "llama.cpp" / "bin" / "llama-server"
TWO = (str(Path(sys.executable).with_name("mlx.launch")), "-n", "2", "--backend", "ring", "--")
_START_S = 90.0


@contextmanager
def mlx_lm_server(model: Path, launcher: Sequence[str] = (), *options: str) -> Iterator[str]:
    """mlx_lm.server while the block lasts; `launcher` is put before it."""
    port = _free_port()
    command = [*launcher, sys.executable, "-m", "mlx_lm", "server", "--model", str(model)]
    with _served([*command, "--port", str(port), *options], port, model.parent) as url:
        yield url


@contextmanager
def llama_server(gguf: Path, *options: str) -> Iterator[str]:
    """llama.cpp's own server while the block lasts."""
    assert LLAMA_SERVER.exists(), "llama.cpp's server is missing; `make test-editors` installs it"
    port = _free_port()
    command = [str(LLAMA_SERVER), "--model", str(gguf), "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with _served([*command, "--ctx-size", "4096", "--threads", "1", *options], port, gguf.parent) as url:
        yield url


@contextmanager
def _served(command: Sequence[str], port: int, folder: Path) -> Iterator[str]:
    file = folder / f"server-{port}.log"
    with file.open("wb") as log:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        try:
            _until_healthy(url, process, file)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    # None of them says which port it got, so each is given one that was free a moment ago.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url + "/health", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8", "replace")[-2000:])
