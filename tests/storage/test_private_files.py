"""Whatever we write about a user is readable by that user alone, also where an earlier version left it open."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_lsp.host.state_file import HostState, log_file, write_state
from qwen_lsp.paths import own_file, own_folder, paths, write_atomically
from qwen_lsp.storage.acceptance_stats import Stats
from qwen_lsp.storage.conversations import Conversations
from qwen_lsp.storage.request_history import RequestHistory


def _stats(file: Path) -> None:
    stats = Stats(file)
    stats.shown("python", 1.0)
    stats.close()


WRITERS: dict[str, Callable[[Path], object]] = {
    "statistics": _stats,
    "conversations": lambda file: Conversations(file).conversations(),
    "requests": lambda file: RequestHistory(file).gauges("x", time.time()),
    "presets": lambda file: write_atomically(file, "{}"),
    "log": own_file,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("left_open", [False, True], ids=["new", "left open by an earlier version"])
def test_a_file_of_ours_is_its_owners_alone(tmp_path: Path, name: str, left_open: bool) -> None:
    file = tmp_path / "data" / "file"
    if left_open:
        file.parent.mkdir(mode=0o755)
        file.touch(mode=0o644)
        os.chmod(file, 0o644)
    WRITERS[name](file)
    assert file.stat().st_mode & 0o777 == 0o600
    if name != "presets":
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_the_runtime_folder_and_the_log_are_private() -> None:
    write_state(HostState("127.0.0.1", 1, os.getpid(), "0", True, "token"))
    assert paths().runtime.stat().st_mode & 0o777 == 0o700
    assert (paths().runtime / "host.json").stat().st_mode & 0o777 == 0o600
    assert log_file().stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.json"
    write_atomically(file, "old")

    def no_space(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["settings.json"]


def test_a_folder_of_somebody_else_is_used_as_it_is(tmp_path: Path) -> None:
    assert own_folder(tmp_path / "a" / "b").is_dir()
