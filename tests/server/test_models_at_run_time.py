"""One host, two real models: switched, unloaded and loaded again while windows look on."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.host.launch import running
from qwen_lsp.host.state_file import HostState
from tests.support.lsp.client import LspClient, server_command

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from qwen_lsp.starter.model_files import write_random_model

    folder = tmp_path_factory.mktemp("models")
    return write_random_model(folder / "first", seed=1), write_random_model(folder / "second", seed=2)


@pytest.fixture
def host(own_home: Path, models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[HostState]:
    """A host of the user's with the first model, that unloads it after a second without use."""
    monkeypatch.setenv("QWEN_LSP_ENGINE_KEEP_ALIVE_S", "1.0")
    command = [
        sys.executable,
        "-m",
        "qwen_lsp",
        "serve",
        "--no-page",
        "--port",
        "0",
        "--model",
        str(models[0]),
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    state = until(running, "the host answers")
    assert state is not None
    yield state
    process.terminate()
    assert process.wait(30) == 0


def until(find: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := find()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.05)
    return found


def ask(host: HostState, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(host.address, host.port, timeout=120)
    headers = {"Authorization": f"Bearer {host.token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def text_of(host: HostState) -> str:
    body = {"prompt": "def f(", "max_tokens": 12}
    status, told = ask(host, "POST", "/v1/completions", body)
    assert status == 200, told
    return str(told["choices"][0]["text"])


def until_shown(window: LspClient, model: str) -> None:
    """Wait until the window's status names this model."""
    until(
        lambda: model in window.command("qwen_lsp.status")["engine"]["model"],
        f"the window shows the {model} model",
    )


def test_a_switch_reaches_every_window_and_a_wrong_one_changes_nothing(
    host: HostState, models: tuple[Path, Path]
) -> None:
    windows = [LspClient(server_command()) for _ in range(2)]
    try:
        for window in windows:
            window.initialize("vscode")
            until_shown(window, "first")
        before = text_of(host)
        status, told = ask(host, "POST", "/qwen/model", {"model": str(models[1])})
        assert status == 200, told
        assert "second" in told["model"]
        for window in windows:
            until_shown(window, "second")
        after = text_of(host)
        assert after != before
        assert "second" in ask(host, "GET", "/v1/models")[1]["data"][0]["id"]
        status, told = ask(host, "POST", "/qwen/model", {"model": str(models[0].parent / "missing")})
        assert status >= 400
        assert "missing" in told["error"]["message"]
        assert text_of(host) == after
    finally:
        for window in windows:
            window.__exit__()


def test_an_unused_model_is_unloaded_and_comes_back_when_asked(host: HostState) -> None:
    def detail() -> str:
        return str(ask(host, "GET", "/qwen/status")[1]["engine"]["detail"])

    before = text_of(host)
    until(lambda: "Unloaded because nobody used it" in detail(), "the model is unloaded after a second")
    assert ask(host, "GET", "/health")[0] == 200, "asking brings it back, so it counts as ready"
    assert text_of(host) == before
    assert ask(host, "POST", "/qwen/unload")[1] == {"unloaded": True}
    assert "Unloaded" in detail()
    assert text_of(host) == before
