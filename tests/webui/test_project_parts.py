"""What fits a window and what may be written: the project tab's pure parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.assist.actions.types import Finding, FindingsOutcome
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.symbols import definitions
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.errors import ActionRefused
from qwen_lsp.settings import ActionSettings
from webui.parts.workspace_files import NotReadable, Workspace
from webui.tabs.project.fit_to_window import fit_file, gather
from webui.tabs.project.question import question
from webui.tabs.project.result import findings_markdown

CODE = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(10))
SNAPSHOT = Snapshot("file:///w/a.py", "python", 0, CODE)
INFO = EngineInfo("demo", "demo", "ready", context_tokens=8192)


def test_a_file_that_fits_is_read_whole() -> None:
    fit = fit_file(SNAPSHOT, None, 10_000)
    assert (SNAPSHOT.text[fit.start : fit.end], fit.is_whole, fit.lines) == (CODE, True, 40)


def test_a_long_file_is_cut_between_definitions_and_the_rest_is_named() -> None:
    fit = fit_file(SNAPSHOT, None, 100)
    assert CODE[fit.start : fit.end].rstrip().endswith("return 3")
    assert len(CODE[fit.start : fit.end]) <= 100
    assert fit.left_out == ("f4", "f5", "f6", "f7", "f8", "f9")


def test_one_definition_can_be_chosen() -> None:
    symbol = next(one for one in definitions(CODE, "python") if one.name == "f5")
    fit = fit_file(SNAPSHOT, symbol, 10_000)
    assert SNAPSHOT.text[fit.start : fit.end] == "def f5():\n    return 5\n"


def test_a_folder_is_whole_then_outlined_then_left_out() -> None:
    files = [("small.py", "python", "x = 1\n"), ("big.py", "python", CODE), ("z.py", "python", CODE * 20)]
    gathered = gather(files, 250)
    assert (gathered.whole, gathered.outlined, gathered.left_out) == (("small.py",), ("big.py",), ("z.py",))
    assert "- f9 (lines 37-38)" in gathered.text
    assert len(gathered.text) <= 260


def test_nothing_outside_the_workspace_goes_into_a_question(tmp_path: Path) -> None:
    root = tmp_path / "proj"
    root.mkdir()
    (tmp_path / "test_a.py").write_text("OUTSIDE = 1\n")
    (root / "a.py").write_text("def a():\n    return 1\n")
    (root / "test_a.py").symlink_to(tmp_path / "test_a.py")
    workspace = Workspace.at(str(root))
    with pytest.raises((NotReadable, ActionRefused)):
        question(workspace, "a.py", None, "tests", "", INFO, ActionSettings())
    with pytest.raises(NotReadable):
        question(workspace, "../test_a.py", None, "explain", "", INFO, ActionSettings())


@pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", ".env", ".", "link/x.py"])
def test_nothing_is_written_outside_or_into_secrets(tmp_path: Path, name: str) -> None:
    root = tmp_path / "proj"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NotReadable):
        Workspace.at(str(root)).write(name, "x", before=None)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_written_only_as_long_as_it_is_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"one\r\n")
    workspace = Workspace.at(str(tmp_path))
    workspace.write("a.py", "two\r\n", before="one\r\n")
    assert (tmp_path / "a.py").read_bytes() == b"two\r\n"
    with pytest.raises(NotReadable, match="changed meanwhile"):
        workspace.write("a.py", "three\n", before="one\r\n")
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".a")] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "- **error** (security), line 2: Unchecked.\n  - Fix: Check."),
        ("zh-CN", "- **错误**（安全），第 2 行：Unchecked.\n  - 建议：Check."),
    ],
)
def test_findings_speak_the_readers_language(language: str, words: str) -> None:
    at = CODE.index("return 0")
    found = Finding(at, at + 6, "error", "Unchecked.", "Check.", "security")
    assert findings_markdown(FindingsOutcome(SNAPSHOT, (found,)), language) == words
