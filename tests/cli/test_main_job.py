"""The main job as processes: serve the starter, recite over HTTP, fill holes through the language server."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from qwen_lsp.samples import PROGRAMS
from tests.cli.conftest import TIMEOUT_S, Run, Start, until_ready

pytestmark = pytest.mark.process

GCD = next(program for program in PROGRAMS if program.file_name == "gcd.py")


@pytest.fixture(autouse=True)
def starter(starter_folder: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN_LSP_ENGINE_MODEL", str(starter_folder))
    monkeypatch.setenv("QWEN_LSP_HOST_PORT", "0")
    monkeypatch.setenv("QWEN_LSP_HOST_PAGE", "false")
    return starter_folder


def test_serve_recites_and_fills_and_does_so_again_when_started_again(start: Start, run: Run) -> None:
    for _ in range(2):
        url = start()
        until_ready(url)
        body = {"messages": [{"role": "user", "content": GCD.request}], "stream": True, "temperature": 0}
        with httpx.stream("POST", f"{url}/v1/chat/completions", json=body, timeout=60) as answer:
            events = [line[6:] for line in answer.iter_lines() if line.startswith("data: {")]
        pieces = [json.loads(event)["choices"] for event in events]
        text = "".join(choice[0]["delta"].get("content") or "" for choice in pieces if choice)
        assert text == GCD.answer
        assert len(pieces) > 10  # streamed
        lines = GCD.code.splitlines(keepends=True)
        hole = {
            "prompt": "".join(lines[:3]),
            "suffix": "".join(lines[4:]),
            "max_tokens": 60,
            "temperature": 0,
        }
        filled = httpx.post(f"{url}/v1/completions", json=hole, timeout=60).json()["choices"][0]["text"]
        assert filled == lines[3]
        assert run("serve", "--stop").returncode == 0


def test_the_page_is_there_when_it_has_been_imported(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_LSP_HOST_PAGE", "true")
    url = start()
    until_ready(url)
    with httpx.Client(timeout=60) as client:
        text, deadline = "", time.monotonic() + TIMEOUT_S
        while "gradio" not in text:  # a page that says it is coming, until the real one is there
            answer = client.get(f"{url}/", follow_redirects=True)
            text = answer.text
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        assert answer.status_code == 200


def test_nine_of_ten_line_holes_are_filled_through_the_language_server(
    run: Run, programs: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    told = run(
        "eval", str(programs), "--through", "lsp", "--by-key", "--recall", "off", "--kinds", "line",
        "--per-file", "100", "--holes", "40", "--json", str(results),
    )  # fmt: skip
    run("serve", "--stop")
    assert told.returncode == 0, told.stderr
    holes = json.loads(results.read_text())["results"]
    assert len(holes) == 40
    wrong = [(h["file"], h["line"], h["got"], h["reason"]) for h in holes if not h["exact"]]
    assert len(wrong) <= 4, wrong


def test_complete_prints_the_suggestion_for_a_place(run: Run, tmp_path: Path) -> None:
    lines = GCD.code.splitlines()
    file = tmp_path / "gcd.py"
    file.write_text("\n".join([*lines[:3], "        ", *lines[4:], ""]))
    told = run("complete", f"{file}:4")
    run("serve", "--stop")
    assert (told.stdout, told.returncode) == (lines[3].strip() + "\n", 0), told.stderr
