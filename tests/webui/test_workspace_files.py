"""The page reads a chosen folder and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.parts.workspace_files import NotReadable, Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "a.py").write_text("x = 1\n")
    (root / "b.py").write_text("y = 2\n")
    (root / ".gitignore").write_text("b.py\n")
    (root / ".env").write_text("TOKEN=1\n")
    (tmp_path / "outside.py").write_text("z = 3\n")
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    return root


def test_lists_what_may_be_read(root: Path) -> None:
    workspace = Workspace.at(str(root))
    assert workspace.files() == ["pkg/a.py"]
    assert workspace.folders() == ["pkg/"]
    assert workspace.under("pkg/") == ["pkg/a.py"]
    assert workspace.read("pkg/a.py") == "x = 1\n"


@pytest.mark.parametrize(
    "name", ["../outside.py", "/etc/passwd", "link.py", "b.py", ".env", "nothing.py", "pkg"]
)
def test_refuses_what_is_outside_private_or_no_file(root: Path, name: str) -> None:
    with pytest.raises(NotReadable):
        Workspace.at(str(root)).read(name)


def test_refuses_what_is_not_text(root: Path) -> None:
    (root / "bin.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotReadable, match="not text"):
        Workspace.at(str(root)).read("bin.py")


def test_says_when_there_is_no_folder() -> None:
    with pytest.raises(NotReadable, match="no folder"):
        Workspace.at("/does/not/exist")
