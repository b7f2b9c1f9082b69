"""mlx_lm.server, for real: one process, and two that share the layers by mlx.launch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from qwen_lsp.engine import request as ours
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote import RemoteEngine
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Text, TextPrompt

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model in the real layout, wide enough to be shared by two (quantisation groups of 64 stay whole)."""
    from qwen_lsp.engine.starter.layout import write_random_model

    return write_random_model(tmp_path_factory.mktemp("model") / "random", hidden=128, expert_width=128)


@pytest.fixture(scope="module")
def mlx_server(model: Path) -> Iterator[str]:
    """The real mlx_lm.server on it."""
    with running(model, []) as url:
        yield url


@contextmanager
def running(model: Path, launcher: list[str]) -> Iterator[str]:
    """mlx_lm.server while the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *launcher,
        sys.executable,
        "-m",
        "mlx_lm",
        "server",
        "--model",
        str(model),
        "--port",
        str(port),
    ]
    file = model.parent / f"server-{port}.log"
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


def _until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url + "/health", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(log.read_text("utf-8", "replace")[-2000:])


async def test_mlx_lm_server_fills_holes_and_the_anchored_layout_uses_its_prefix_cache(
    mlx_server: str,
) -> None:
    engine = RemoteEngine(mlx_server, fim="qwen")
    lines = "".join(f"value_{i} = {i}\n" for i in range(40))
    frozen = (
        Marker("<|fim_prefix|>"),
        Text(lines),
        Marker("<|fim_suffix|>"),
        Text("\nend\n"),
        Marker("<|fim_middle|>"),
    )
    usages = []
    for typed in ("val", "valu", "value"):
        chunks = [
            c async for c in engine.generate(ours.Request(TextPrompt((*frozen, Text(typed))), max_tokens=3))
        ]
        assert chunks[-1].finish is not None
        assert chunks[-1].usage is not None
        usages.append(chunks[-1].usage)
    info = await engine.info()
    await engine.close()
    assert usages[0].prompt_tokens > 100
    for usage in usages[1:]:
        assert usage.prompt_tokens - usage.cached_tokens <= 8, usages
    assert "mlx_lm.server" in info.detail


async def test_mlx_lm_server_answers_a_chat_the_same_as_by_its_own_route(mlx_server: str) -> None:
    engine = RemoteEngine(mlx_server)
    text, usage = await collect(engine, ours.Request(ChatPrompt((Message("user", "hello"),)), max_tokens=12))
    body = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 12, "temperature": 0.0}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        told = (await client.post(mlx_server + "/v1/chat/completions", json=body)).json()
    await engine.close()
    assert text == (told["choices"][0]["message"].get("content") or "")
    assert usage.generated_tokens == told["usage"]["completion_tokens"]


async def test_two_processes_of_mlx_launch_serve_the_same_text_as_one(model: Path, mlx_server: str) -> None:
    launcher = [str(Path(sys.executable).with_name("mlx.launch")), "-n", "2", "--backend", "ring", "--"]
    request = ours.Request(
        TextPrompt((Marker("<|fim_prefix|>"), Text("def f():\n"), Marker("<|fim_middle|>"))), max_tokens=8
    )
    one = RemoteEngine(mlx_server, fim="qwen")
    alone, _ = await collect(one, request)
    await one.close()
    with running(model, launcher) as url:
        two = RemoteEngine(url, fim="qwen")
        shared, usage = await collect(two, request)
        await two.close()
    assert shared == alone
    assert usage.generated_tokens == 8
